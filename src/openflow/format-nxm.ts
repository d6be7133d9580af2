import { formatIpv4, formatIpv6 } from './address.js';
import type { OxmId, OxmName, OxmRef } from './generated/types.js';
import { oxmName, oxmRow } from './oxm-fields.js';

/** The fields of vendors in the words of `ovs-ofctl` (ovs-fields(7)): names, flags, and parts of fields. */

/** The name without the suffix that tells a vendor's field from the basic one of the same meaning. */
export function plainName(name: string): string {
  return name.replace(/_(nxm|onf|oxm)$/, '');
}

const series = (name: string, count: number): [string, string][] =>
  Array.from({ length: count }, (_, index) => [`${name}${index}`, `${name}${index}`]);
const same = (...names: string[]): [string, string][] => names.map((name) => [name, name]);

/** What Open vSwitch prints in front of the protocol, and directly behind it; pairs of name and label. */
export const BEFORE_PROTOCOL: readonly (readonly [string, string])[] = [
  ...same('pkt_mark', 'recirc_id', 'dp_hash', 'conj_id', 'actset_output'),
  ...same('ct_state', 'ct_zone', 'ct_mark', 'ct_label'),
  ...same('ct_nw_src', 'ct_nw_dst', 'ct_ipv6_src', 'ct_ipv6_dst', 'ct_nw_proto', 'ct_tp_src', 'ct_tp_dst'),
];
export const AFTER_PROTOCOL: readonly (readonly [string, string])[] = [
  ...same('cookie'),
  ...series('reg', 16),
  ...series('xreg', 8),
  ...series('xxreg', 4),
  ['tunnel_id', 'tun_id'],
  ...same('tun_src', 'tun_dst', 'tun_ipv6_src', 'tun_ipv6_dst', 'tun_gbp_id', 'tun_gbp_flags'),
  ...same('tun_erspan_ver', 'tun_erspan_idx', 'tun_erspan_dir', 'tun_erspan_hwid'),
  ['tun_gtpu_flags', 'gtpu_flags'],
  ['tun_gtpu_msgtype', 'gtpu_msgtype'],
  ...same('tun_flags'),
  ...series('tun_metadata', 64),
];

/** Fields that are numbers in hexadecimal rather than decimal digits. */
const HEXADECIMAL =
  /^(reg\d+|ct_mark|pkt_mark|dp_hash|recirc_id|tun_gbp_flags|tun_erspan_(idx|hwid)|tun_gtpu_flags|nsh_spi|nsh_c\d)$/;
const IPV4 = new Set(['tun_src', 'tun_dst', 'ct_nw_src', 'ct_nw_dst']);
const IPV6 = new Set(['tun_ipv6_src', 'tun_ipv6_dst', 'ct_ipv6_src', 'ct_ipv6_dst']);

const FLAGS = new Map([
  ['ct_state', ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat']],
  ['tcp_flags', ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns']],
  ['tun_flags', ['oam']],
]);

function flagsText(names: readonly string[], value: number, mask: number | undefined): string {
  const bits = names.map((name, bit) => ({ name, bit }));
  if (mask === undefined) {
    const set = bits.filter(({ bit }) => (value >> bit) & 1).map(({ name }) => name);
    return set.length === 0 ? '0' : set.join('|');
  }
  return bits
    .filter(({ bit }) => (mask >> bit) & 1)
    .map(({ name, bit }) => `${(value >> bit) & 1 ? '+' : '-'}${name}`)
    .join('');
}

const FRAGMENTS = new Map([
  ['0/3', 'no'],
  ['1/3', 'first'],
  ['3/3', 'later'],
  ['0/1', 'no'],
  ['1/1', 'yes'],
  ['0/2', 'not_later'],
  ['2/2', 'later'],
]);

function digits(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `0x${text.replace(/^0+(?=.)/, '')}`;
}

function masked(value: string, mask: string | undefined): string {
  return mask === undefined ? value : `${value}/${mask}`;
}

/** The value of a vendor's field; `undefined` for the others, which are printed like those of the basic class. */
export function vendorValue(
  name: string,
  value: number | bigint | Uint8Array,
  mask: number | bigint | Uint8Array | undefined,
): string | undefined {
  const flags = FLAGS.get(name);
  if (typeof value === 'number') {
    const bits = mask as number | undefined;
    if (flags !== undefined) return flagsText(flags, value, bits);
    if (name === 'ip_frag') return FRAGMENTS.get(`${value}/${bits ?? 3}`) ?? `${value}/${bits}`;
    if (IPV4.has(name)) return ipv4Text(value, bits);
    if (HEXADECIMAL.test(name))
      return masked(`0x${value.toString(16)}`, bits === undefined ? undefined : `0x${bits.toString(16)}`);
    return undefined;
  }
  if (!(value instanceof Uint8Array)) return undefined;
  const bytes = mask as Uint8Array | undefined;
  if (IPV6.has(name)) return ipv6Text(value, bytes);
  if (value.length === 6 || /^(ipv6_(src|dst)|ipv6_nd_target)$/.test(name)) return undefined;
  return masked(digits(value), bytes === undefined ? undefined : digits(bytes));
}

function ipv4Text(value: number, mask: number | undefined): string {
  if (mask === undefined) return formatIpv4(value);
  const ones = Math.clz32(~mask);
  const prefix = mask === (ones === 0 ? 0 : (-1 << (32 - ones)) >>> 0);
  return `${formatIpv4(value)}/${prefix ? ones : formatIpv4(mask)}`;
}

function ipv6Text(value: Uint8Array, mask: Uint8Array | undefined): string {
  if (mask === undefined) return formatIpv6(value);
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const prefix = /^1*0*$/.test(bits);
  return `${formatIpv6(value)}/${prefix ? bits.lastIndexOf('1') + 1 : formatIpv6(mask)}`;
}

/** Names of headers that are not the field's name in capitals. */
const HEADER_NAMES = new Map([
  ['nw_tos', 'IP_TOS'],
  ['ipv4_src', 'IP_SRC'],
  ['ipv4_dst', 'IP_DST'],
  ['icmpv4_type', 'ICMP_TYPE'],
  ['icmpv4_code', 'ICMP_CODE'],
  ['tunnel_id', 'TUN_ID'],
  ['tun_src', 'TUN_IPV4_SRC'],
  ['tun_dst', 'TUN_IPV4_DST'],
  ['ipv6_nd_target', 'ND_TARGET'],
  ['ipv6_nd_sll', 'ND_SLL'],
  ['ipv6_nd_tll', 'ND_TLL'],
  ['ipv6_flabel', 'IPV6_LABEL'],
  ['nw_ttl', 'IP_TTL'],
]);
const PREFIXES = new Map([
  [0x0000, 'NXM_OF_'],
  [0x0001, 'NXM_NX_'],
  [0x1000, 'ERICOXM_OF_ICMPV6_'],
  [0x8000, 'OXM_OF_'],
]);

function headerName(name: OxmName): string {
  // Open vSwitch names a field by its older header where it has one.
  const row = oxmRow(`${plainName(name)}_nxm`) ?? oxmRow(plainName(name)) ?? oxmRow(name);
  const plain = plainName(name);
  if (row?.oxmClass === 0x8001) return plain.toUpperCase().replace('XREG', 'OXM_OF_PKT_REG');
  if (row?.experimenter !== undefined) {
    if (plain.startsWith('nsh_')) return `NXOXM_${plain.toUpperCase()}`;
    const prefix = row.experimenter === 0x2320 ? 'NXOXM_ET_' : 'ONFOXM_ET_';
    return prefix + plain.replace(/^tun_/, '').toUpperCase();
  }
  const basic = row?.oxmClass === 0x8000;
  return (
    (PREFIXES.get(row?.oxmClass ?? -1) ?? '') +
    ((basic ? undefined : HEADER_NAMES.get(plain)) ?? plain.toUpperCase())
  );
}

/** The width of a field in bits, `undefined` for one that nobody knows. */
export function widthOf(ref: OxmRef): number | undefined {
  const name = typeof ref === 'string' ? ref : oxmName(ref.oxm_class, ref.oxm_field);
  return name === undefined ? undefined : oxmRow(name)?.bits;
}

/** A field by the name of its header. */
export function fieldText(ref: OxmRef | OxmId): string {
  const name = typeof ref === 'string' ? ref : oxmName(ref.oxm_class, ref.oxm_field);
  if (name !== undefined) return headerName(name);
  const { oxm_class, oxm_field } = ref as OxmId;
  return `${oxm_class}:${oxm_field}`;
}

/** `NAME[]`, `NAME[3]` or `NAME[0..15]`: some bits of a field. */
export function partText(ref: OxmRef, offset: number, nBits: number): string {
  if (offset === 0 && nBits === widthOf(ref)) return `${fieldText(ref)}[]`;
  const last = offset + nBits - 1;
  return nBits === 1 ? `${fieldText(ref)}[${offset}]` : `${fieldText(ref)}[${offset}..${last}]`;
}

/** The same with offset and width as actions pack them. */
export function packedPartText(ref: OxmRef, ofsNbits: number): string {
  return partText(ref, ofsNbits >> 6, (ofsNbits & 0x3f) + 1);
}
