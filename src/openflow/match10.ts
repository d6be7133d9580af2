import { formatIpv4, formatMac, parseIpv4, parseMac } from './address.js';
import { OFPVID_PRESENT } from './constants.js';
import * as of from './constants10.js';
import { EncodeError } from './encode-error.js';
import type { Match10, OxmField } from './generated/types.js';
import { widePort } from './port10.js';

/**
 * The match of OpenFlow 1.0 (1.0.0 5.2.3) as people write it: what is left out is a wildcard. Addresses are text, IPv4
 * ones with `/bits` for a prefix; everything else is a number.
 */
export interface Match10Spec {
  readonly in_port?: number;
  readonly dl_src?: string;
  readonly dl_dst?: string;
  /** A VLAN, or OFP10_VLAN_NONE for frames without a tag. */
  readonly dl_vlan?: number;
  readonly dl_vlan_pcp?: number;
  readonly dl_type?: number;
  /** The upper six bits of the type-of-service byte. */
  readonly nw_tos?: number;
  /** The IP protocol, or the low byte of the ARP operation. */
  readonly nw_proto?: number;
  readonly nw_src?: string;
  readonly nw_dst?: string;
  /** A port of TCP or UDP, or the type of ICMP. */
  readonly tp_src?: number;
  /** A port of TCP or UDP, or the code of ICMP. */
  readonly tp_dst?: number;
}

type NumberName = Exclude<keyof Match10Spec, 'dl_src' | 'dl_dst' | 'nw_src' | 'nw_dst'>;

const NUMBERS: Readonly<Record<NumberName, { readonly bit: number; readonly max: number }>> = {
  in_port: { bit: of.OFPFW10_IN_PORT, max: 0xffff },
  dl_vlan: { bit: of.OFPFW10_DL_VLAN, max: 0xffff },
  dl_vlan_pcp: { bit: of.OFPFW10_DL_VLAN_PCP, max: 7 },
  dl_type: { bit: of.OFPFW10_DL_TYPE, max: 0xffff },
  nw_tos: { bit: of.OFPFW10_NW_TOS, max: 0xff },
  nw_proto: { bit: of.OFPFW10_NW_PROTO, max: 0xff },
  tp_src: { bit: of.OFPFW10_TP_SRC, max: 0xffff },
  tp_dst: { bit: of.OFPFW10_TP_DST, max: 0xffff },
};
const HARDWARE = { dl_src: of.OFPFW10_DL_SRC, dl_dst: of.OFPFW10_DL_DST } as const;
const SHIFT = { nw_src: of.OFPFW10_NW_SRC_SHIFT, nw_dst: of.OFPFW10_NW_DST_SHIFT } as const;
const OPEN_MASK = (1 << of.OFPFW10_NW_BITS) - 1;
const NAMES: ReadonlySet<string> = new Set([
  ...Object.keys(NUMBERS),
  ...Object.keys(HARDWARE),
  ...Object.keys(SHIFT),
]);

const prefixMask = (ones: number): number => (ones === 0 ? 0 : (-1 << (32 - ones)) >>> 0);

/**
 * `match10({in_port: 1, dl_type: 0x0800, nw_dst: '10.0.0.0/8'})`. Open fields are zero, and so are the open bits of an
 * address. Throws `EncodeError` that names the field.
 */
export function match10(spec: Match10Spec): Match10 {
  for (const name of Object.keys(spec))
    if (!NAMES.has(name))
      throw new EncodeError(`match10.${name}`, 'OpenFlow 1.0 has no match field of this name');
  const number = (name: NumberName): number => {
    const value = spec[name] ?? 0;
    const { max } = NUMBERS[name];
    if (!Number.isInteger(value) || value < 0 || value > max)
      throw new EncodeError(`match10.${name}`, `expected a number from 0 to ${max}, got ${String(value)}`);
    return value;
  };
  const source = parsePrefix('nw_src', spec.nw_src);
  const destination = parsePrefix('nw_dst', spec.nw_dst);
  let wildcards = (source.open << SHIFT.nw_src) | (destination.open << SHIFT.nw_dst);
  for (const [name, { bit }] of Object.entries(NUMBERS))
    if (spec[name as NumberName] === undefined) wildcards |= bit;
  if (spec.dl_src === undefined) wildcards |= HARDWARE.dl_src;
  if (spec.dl_dst === undefined) wildcards |= HARDWARE.dl_dst;
  return {
    wildcards,
    in_port: number('in_port'),
    dl_src: spec.dl_src === undefined ? new Uint8Array(6) : parseMac(spec.dl_src),
    dl_dst: spec.dl_dst === undefined ? new Uint8Array(6) : parseMac(spec.dl_dst),
    dl_vlan: number('dl_vlan'),
    dl_vlan_pcp: number('dl_vlan_pcp'),
    dl_type: number('dl_type'),
    nw_tos: number('nw_tos'),
    nw_proto: number('nw_proto'),
    nw_src: source.address,
    nw_dst: destination.address,
    tp_src: number('tp_src'),
    tp_dst: number('tp_dst'),
  };
}

function parsePrefix(name: 'nw_src' | 'nw_dst', text: string | undefined): { address: number; open: number } {
  if (text === undefined) return { address: 0, open: 32 };
  const [address, bits] = text.split('/', 2);
  const path = `match10.${name}`;
  if (bits !== undefined && !(/^\d{1,2}$/.test(bits) && Number(bits) <= 32))
    throw new EncodeError(
      path,
      `"/${bits}" is no prefix length: OpenFlow 1.0 matches /0 to /32 and no other masks`,
    );
  const ones = bits === undefined ? 32 : Number(bits);
  return { address: (parseIpv4(address) & prefixMask(ones)) >>> 0, open: 32 - ones };
}

/** How many low bits of an address are open: 0 to 32. */
function openBits(match: Match10, name: 'nw_src' | 'nw_dst'): number {
  return Math.min((match.wildcards >>> SHIFT[name]) & OPEN_MASK, 32);
}

/** The fields that are not wildcards. `match10` of them has the same meaning, with zeros wherever nothing is compared. */
export function match10Spec(match: Match10): Match10Spec {
  const spec: { -readonly [name in keyof Match10Spec]: Match10Spec[name] } = {};
  for (const [name, { bit }] of Object.entries(NUMBERS)) {
    if ((match.wildcards & bit) === 0) spec[name as NumberName] = match[name as NumberName];
  }
  for (const name of ['dl_src', 'dl_dst'] as const) {
    if ((match.wildcards & HARDWARE[name]) === 0) spec[name] = formatMac(match[name]);
  }
  for (const name of ['nw_src', 'nw_dst'] as const) {
    const ones = 32 - openBits(match, name);
    const address = formatIpv4((match[name] & prefixMask(ones)) >>> 0);
    if (ones > 0) spec[name] = ones === 32 ? address : `${address}/${ones}`;
  }
  return spec;
}

const IPV4 = 0x0800;
const ARP = 0x0806;
const PORTS: Readonly<
  Record<number, readonly ['icmpv4_type' | 'tcp_src' | 'udp_src', 'icmpv4_code' | 'tcp_dst' | 'udp_dst']>
> = {
  1: ['icmpv4_type', 'icmpv4_code'],
  6: ['tcp_src', 'tcp_dst'],
  17: ['udp_src', 'udp_dst'],
};

/**
 * What a switch would not compare, though the match names it (1.0.0 5.2.3, 3.4): a field without what it stands on, or bits
 * that no packet has. Empty when there is nothing to object to.
 */
export function match10Problems(match: Match10): string[] {
  const spec = match10Spec(match);
  const problems: string[] = [];
  const needs = (name: keyof Match10Spec, met: boolean, what: string): void => {
    if (spec[name] !== undefined && !met) problems.push(`${name}: needs ${what}`);
  };
  const ip = spec.dl_type === IPV4;
  const network = ip || spec.dl_type === ARP;
  const transport = ip && spec.nw_proto !== undefined && spec.nw_proto in PORTS;
  // Open vSwitch says the priority 0 along with frames without a tag.
  const tagged =
    spec.dl_vlan !== undefined && (spec.dl_vlan !== of.OFP10_VLAN_NONE || spec.dl_vlan_pcp === 0);
  needs('dl_vlan_pcp', tagged, 'a dl_vlan');
  needs('nw_tos', ip, 'dl_type=0x0800');
  for (const name of ['nw_proto', 'nw_src', 'nw_dst'] as const)
    needs(name, network, 'dl_type=0x0800 or 0x0806');
  for (const name of ['tp_src', 'tp_dst'] as const)
    needs(name, transport, 'dl_type=0x0800 and nw_proto=1, 6 or 17');
  if (spec.dl_vlan !== undefined && spec.dl_vlan > 0xfff && spec.dl_vlan !== of.OFP10_VLAN_NONE)
    problems.push('dl_vlan: has more than 12 bits');
  if (((spec.nw_tos ?? 0) & 3) !== 0) problems.push('nw_tos: the two lowest bits are not compared');
  if ((match.wildcards & ~of.OFPFW10_ALL) !== 0)
    problems.push('wildcards: bits above the 22nd have no meaning');
  return problems;
}

/**
 * The same condition in the match fields of 1.3, in the order of their numbers, so that whoever reads or prints matches
 * needs to know one kind. Fields that a switch would not compare (`match10Problems`) are left out; frames without a tag
 * are `vlan_vid` 0.
 */
export function oxmOfMatch10(match: Match10): OxmField[] {
  const spec = match10Spec(match);
  const fields: OxmField[] = [];
  if (spec.in_port !== undefined) fields.push({ field: 'in_port', value: widePort(spec.in_port) });
  if (spec.dl_dst !== undefined) fields.push({ field: 'eth_dst', value: match.dl_dst });
  if (spec.dl_src !== undefined) fields.push({ field: 'eth_src', value: match.dl_src });
  if (spec.dl_type !== undefined) fields.push({ field: 'eth_type', value: spec.dl_type });
  if (spec.dl_vlan === of.OFP10_VLAN_NONE) fields.push({ field: 'vlan_vid', value: 0 });
  else if (spec.dl_vlan !== undefined) {
    fields.push({ field: 'vlan_vid', value: OFPVID_PRESENT | (spec.dl_vlan & 0xfff) });
    if (spec.dl_vlan_pcp !== undefined) fields.push({ field: 'vlan_pcp', value: spec.dl_vlan_pcp & 7 });
  }
  if (spec.dl_type === IPV4) {
    if (spec.nw_tos !== undefined) fields.push({ field: 'ip_dscp', value: spec.nw_tos >> 2 });
    if (spec.nw_proto !== undefined) fields.push({ field: 'ip_proto', value: spec.nw_proto });
    fields.push(...networkFields(match, 'ipv4_src', 'ipv4_dst'), ...transportFields(spec));
  } else if (spec.dl_type === ARP) {
    if (spec.nw_proto !== undefined) fields.push({ field: 'arp_op', value: spec.nw_proto });
    fields.push(...networkFields(match, 'arp_spa', 'arp_tpa'));
  }
  return fields;
}

function networkFields(
  match: Match10,
  source: 'ipv4_src' | 'arp_spa',
  destination: 'ipv4_dst' | 'arp_tpa',
): OxmField[] {
  const field = (name: 'nw_src' | 'nw_dst', as: typeof source | typeof destination): OxmField[] => {
    const ones = 32 - openBits(match, name);
    if (ones === 0) return [];
    const mask = prefixMask(ones);
    const value = (match[name] & mask) >>> 0;
    return [ones === 32 ? { field: as, value } : { field: as, value, mask }];
  };
  return [...field('nw_src', source), ...field('nw_dst', destination)];
}

function transportFields(spec: Match10Spec): OxmField[] {
  const names = PORTS[spec.nw_proto ?? -1];
  if (names === undefined) return [];
  const values = [spec.tp_src, spec.tp_dst];
  // The types and codes of ICMP have 8 bits; 1.0 carries them in 16.
  return names.flatMap((name, i): OxmField[] => {
    const value = values[i];
    return value === undefined ? [] : [{ field: name, value: spec.nw_proto === 1 ? value & 0xff : value }];
  });
}
