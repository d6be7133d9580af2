import { formatIpv4, formatIpv6, formatMac } from './address.js';
import {
  OFPP_ALL,
  OFPP_ANY,
  OFPP_CONTROLLER,
  OFPP_FLOOD,
  OFPP_IN_PORT,
  OFPP_LOCAL,
  OFPP_NORMAL,
  OFPP_TABLE,
  OFPVID_PRESENT,
} from './constants.js';
import { AFTER_PROTOCOL, BEFORE_PROTOCOL, plainName, vendorValue } from './format-nxm.js';
import type { OxmField } from './generated/types.js';
import { toHex } from './hex.js';

/** Matches in the words of `ovs-ofctl dump-flows`, which is what people compare them with (ovs-fields(7)). */

type KnownField = Exclude<OxmField, { field: 'raw' }>;

const PORT_NAMES = new Map([
  [OFPP_IN_PORT, 'IN_PORT'],
  [OFPP_TABLE, 'TABLE'],
  [OFPP_NORMAL, 'NORMAL'],
  [OFPP_FLOOD, 'FLOOD'],
  [OFPP_ALL, 'ALL'],
  [OFPP_CONTROLLER, 'CONTROLLER'],
  [OFPP_LOCAL, 'LOCAL'],
  [OFPP_ANY, 'ANY'],
]);

/** The reserved name of a port, `undefined` for ordinary ports. */
export function reservedPort(port: number): string | undefined {
  return PORT_NAMES.get(port);
}

/** Ethernet types with a word of their own, and the word for each IP protocol above them. */
const ETHERNET_WORDS = new Map<number, { word: string; protocols: ReadonlyMap<number, string> }>([
  [
    0x0800,
    {
      word: 'ip',
      protocols: new Map([
        [1, 'icmp'],
        [6, 'tcp'],
        [17, 'udp'],
        [132, 'sctp'],
      ]),
    },
  ],
  [
    0x86dd,
    {
      word: 'ipv6',
      protocols: new Map([
        [58, 'icmp6'],
        [6, 'tcp6'],
        [17, 'udp6'],
        [132, 'sctp6'],
      ]),
    },
  ],
  [0x0806, { word: 'arp', protocols: new Map() }],
  [0x8035, { word: 'rarp', protocols: new Map() }],
  [0x8847, { word: 'mpls', protocols: new Map() }],
  [0x8848, { word: 'mplsm', protocols: new Map() }],
]);

/** Fields in the order in which Open vSwitch prints them, with the names that it uses. */
const ORDER: readonly (readonly [string, string])[] = [
  ['metadata', 'metadata'],
  ['in_port', 'in_port'],
  ['in_phy_port', 'in_phy_port'],
  ['vlan_vid', 'vlan_vid'],
  ['vlan_tci', 'vlan_tci'],
  ['vlan_pcp', 'dl_vlan_pcp'],
  ['eth_src', 'dl_src'],
  ['eth_dst', 'dl_dst'],
  ['eth_type', 'dl_type'],
  ['arp_spa', 'arp_spa'],
  ['arp_tpa', 'arp_tpa'],
  ['ipv4_src', 'nw_src'],
  ['ipv4_dst', 'nw_dst'],
  ['ipv6_src', 'ipv6_src'],
  ['ipv6_dst', 'ipv6_dst'],
  ['ipv6_flabel', 'ipv6_label'],
  ['ip_proto', 'nw_proto'],
  ['arp_op', 'arp_op'],
  ['arp_sha', 'arp_sha'],
  ['arp_tha', 'arp_tha'],
  ['ip_dscp', 'nw_tos'],
  ['nw_tos', 'nw_tos'],
  ['ip_ecn', 'nw_ecn'],
  ['nw_ttl', 'nw_ttl'],
  ['mpls_ttl', 'mpls_ttl'],
  ['ip_frag', 'nw_frag'],
  ['ipv6_exthdr', 'ipv6_exthdr'],
  ['mpls_label', 'mpls_label'],
  ['mpls_tc', 'mpls_tc'],
  ['mpls_bos', 'mpls_bos'],
  ['icmpv4_type', 'icmp_type'],
  ['icmpv4_code', 'icmp_code'],
  ['icmpv6_type', 'icmp_type'],
  ['icmpv6_code', 'icmp_code'],
  ['ipv6_nd_target', 'nd_target'],
  ['ipv6_nd_sll', 'nd_sll'],
  ['ipv6_nd_tll', 'nd_tll'],
  ['tcp_src', 'tp_src'],
  ['tcp_dst', 'tp_dst'],
  ['udp_src', 'tp_src'],
  ['udp_dst', 'tp_dst'],
  ['sctp_src', 'tp_src'],
  ['sctp_dst', 'tp_dst'],
  ['pbb_isid', 'pbb_isid'],
  ['pbb_uca', 'pbb_uca'],
  ['tcp_flags', 'tcp_flags'],
  ['nd_reserved', 'nd_reserved'],
  ['nd_options_type', 'nd_options_type'],
  ['nsh_flags', 'nsh_flags'],
  ['nsh_ttl', 'nsh_ttl'],
  ['nsh_mdtype', 'nsh_mdtype'],
  ['nsh_np', 'nsh_np'],
  ['nsh_spi', 'nsh_spi'],
  ['nsh_si', 'nsh_si'],
  ['nsh_c1', 'nsh_c1'],
  ['nsh_c2', 'nsh_c2'],
  ['nsh_c3', 'nsh_c3'],
  ['nsh_c4', 'nsh_c4'],
  ['packet_type', 'packet_type'],
];

/** `tcp,in_port=1,nw_dst=10.0.0.2,tp_dst=4901`; empty for a match of everything. */
export function formatMatch(fields: readonly OxmField[]): string {
  const known = new Map<string, KnownField>();
  for (const field of fields) if (field.field !== 'raw') known.set(plainName(field.field), field);
  const terms = (order: typeof ORDER): string[] =>
    order.flatMap(([name, label]) => {
      const field = known.get(name);
      return field === undefined ? [] : [term(field, label)];
    });
  const words = terms(BEFORE_PROTOCOL);
  const protocol = protocolWord(known);
  if (protocol !== undefined) words.push(protocol);
  words.push(...terms(AFTER_PROTOCOL), ...terms(ORDER));
  for (const field of fields) {
    if (field.field === 'raw')
      words.push(
        `oxm(${field.oxm_class},${field.oxm_field}${field.has_mask ? ',masked' : ''})=0x${toHex(field.payload)}`,
      );
  }
  return words.join(',');
}

/** Takes the Ethernet type and the IP protocol out of `known` if one word says both. */
function protocolWord(known: Map<string, KnownField>): string | undefined {
  const ethernet = known.get('eth_type');
  const words = ethernet === undefined ? undefined : ETHERNET_WORDS.get(Number(ethernet.value));
  if (words === undefined) return undefined;
  known.delete('eth_type');
  const protocol = known.get('ip_proto');
  const word = protocol === undefined ? undefined : words.protocols.get(Number(protocol.value));
  if (word === undefined) return words.word;
  known.delete('ip_proto');
  return word;
}

function term(field: KnownField, label: string): string {
  // A tunnel option that is merely there.
  if (field.value instanceof Uint8Array && field.value.length === 0) return label;
  if (field.field === 'vlan_tci') return tciTerm(field.value as number, field.mask as number | undefined);
  if (field.field === 'in_port_nxm') return `${label}=${reservedPort16(field.value as number)}`;
  if (field.field === 'vlan_vid') return vlanTerm(field.value as number, field.mask as number | undefined);
  if (field.field === 'ip_dscp') return `nw_tos=${(field.value as number) << 2}`;
  if (plainName(field.field) === 'eth_type')
    return `${label}=0x${(field.value as number).toString(16).padStart(4, '0')}`;
  if (field.field === 'in_port') return `${label}=${reservedPort(field.value as number) ?? field.value}`;
  return `${label}=${formatValue(field)}`;
}

/** A tag that is wholly known is `dl_vlan`; every other condition on it is `vlan_tci` with its mask. */
function vlanTerm(value: number, mask: number | undefined): string {
  if (mask === undefined && (value & OFPVID_PRESENT) !== 0) return `dl_vlan=${value & 0xfff}`;
  const hex = (word: number): string => `0x${word.toString(16).padStart(4, '0')}`;
  return `vlan_tci=${hex(value)}/${hex(mask ?? 0x1fff)}`;
}

const CFI = 0x1000;
const VID = 0xfff;

/** The same for the whole tag of NXM: a known identifier is `dl_vlan`. */
function tciTerm(value: number, mask: number | undefined): string {
  if (mask === (CFI | VID) && (value & CFI) !== 0) return `dl_vlan=${value & VID}`;
  const hex = (word: number): string => `0x${word.toString(16).padStart(4, '0')}`;
  return mask === undefined ? `vlan_tci=${hex(value)}` : `vlan_tci=${hex(value)}/${hex(mask)}`;
}

/** Ports of 1.0 are those of later versions without the upper half. */
function reservedPort16(port: number): string {
  const wide = port >= 0xff00 ? 0xffff_0000 + port : port;
  return reservedPort(wide) ?? `${port}`;
}

const ADDRESSES_IPV4 = new Set(['ipv4_src', 'ipv4_dst', 'arp_spa', 'arp_tpa']);

/** Value and mask of a field as text; also what stands before the arrow of `set_field`. */
export function formatValue(field: KnownField): string {
  const { value, mask } = field;
  const name = plainName(field.field);
  const vendors = vendorValue(name, value, mask);
  if (vendors !== undefined) return vendors;
  if (value instanceof Uint8Array) return bytesText(value, mask as Uint8Array | undefined);
  if (typeof value === 'bigint')
    return mask === undefined ? `0x${value.toString(16)}` : `0x${value.toString(16)}/0x${mask.toString(16)}`;
  if (ADDRESSES_IPV4.has(name)) {
    if (mask === undefined) return formatIpv4(value);
    const ones = leadingOnes(mask as number);
    return `${formatIpv4(value)}/${ones < 0 ? formatIpv4(mask as number) : ones}`;
  }
  if (name === 'ipv6_flabel') {
    const hex = (label: number): string => `0x${label.toString(16).padStart(5, '0')}`;
    return mask === undefined ? hex(value) : `${hex(value)}/${hex(mask as number)}`;
  }
  return mask === undefined ? `${value}` : `0x${value.toString(16)}/0x${mask.toString(16)}`;
}

function bytesText(value: Uint8Array, mask: Uint8Array | undefined): string {
  if (value.length === 6)
    return mask === undefined ? formatMac(value) : `${formatMac(value)}/${formatMac(mask)}`;
  if (mask === undefined) return formatIpv6(value);
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const ones = bits.indexOf('0') < 0 ? bits.length : bits.indexOf('0');
  return `${formatIpv6(value)}/${bits.includes('1', ones) ? formatIpv6(mask) : ones}`;
}

/** The length of a prefix mask, -1 if the mask is none. */
function leadingOnes(mask: number): number {
  const ones = Math.clz32(~mask);
  return mask === (ones === 0 ? 0 : (-1 << (32 - ones)) >>> 0) ? ones : -1;
}
