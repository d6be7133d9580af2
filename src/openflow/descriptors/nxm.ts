import { EVERY_VERSION, type OxmForm, type OxmPrerequisite, type OxmRow } from './language.js';

/**
 * The match fields of Open vSwitch beside the basic class: ovs-fields(7) of Open vSwitch 3.1. Fields that the basic
 * class has as well carry the suffix `_nxm` (`_onf` for those of the ONF), all others the name that Open vSwitch uses.
 */

const NXM_OF = 0x0000;
const NXM_NX = 0x0001;
const ERICSSON = 0x1000;
const PACKET_REGISTERS = 0x8001;
const EXPERIMENTER = 0xffff;

export const NICIRA = 0x0000_2320;
export const ONF = 0x4f4e_4600;
/** Under this number Open vSwitch has the fields of network service headers. */
const NSH = 0x005a_d650;

type Prerequisites = readonly OxmPrerequisite[];

/** A field of either class with one of the values. */
const either = (name: string, nxm: string, ...values: number[]): Prerequisites => [
  { field: nxm, values },
  { field: name, values },
];
const ethType = (...values: number[]): Prerequisites => either('eth_type', 'eth_type_nxm', ...values);
const ipProto = (value: number): Prerequisites => either('ip_proto', 'ip_proto_nxm', value);
const icmp6 = (...values: number[]): Prerequisites => either('icmpv6_type', 'icmpv6_type_nxm', ...values);

const none: Prerequisites = [];
const ip = ethType(0x0800, 0x86dd);
const ip4 = ethType(0x0800);
const ip6 = ethType(0x86dd);
const arp = ethType(0x0806, 0x8035);
const mpls = ethType(0x8847, 0x8848);
const nsh = ethType(0x894f);
const tracked: Prerequisites = [{ field: 'ct_state' }];

const EXACT = false;
const MASKABLE = true;

function formOf(bits: number): OxmForm {
  if (bits <= 32) return 'number';
  return bits === 64 ? 'bigint' : 'bytes';
}

function row(
  oxmClass: number,
  id: number,
  name: string,
  bits: number,
  maskable: boolean,
  prerequisites: Prerequisites = none,
  width = bits,
): OxmRow {
  const bytes = width / 8;
  return {
    oxmClass,
    id,
    name,
    bits,
    bytes,
    form: formOf(bits),
    maskable,
    prerequisites,
    versions: EVERY_VERSION,
  };
}

const of = (id: number, name: string, bits: number, maskable: boolean, needs?: Prerequisites): OxmRow =>
  row(NXM_OF, id, name, bits, maskable, needs);
const nx = (
  id: number,
  name: string,
  bits: number,
  maskable: boolean,
  needs?: Prerequisites,
  width?: number,
): OxmRow => row(NXM_NX, id, name, bits, maskable, needs, width);

function vendor(
  experimenter: number,
  id: number,
  name: string,
  bits: number,
  maskable: boolean,
  needs?: Prerequisites,
  width?: number,
): OxmRow {
  return { ...row(EXPERIMENTER, id, name, bits, maskable, needs, width), experimenter };
}

function series(count: number, make: (index: number) => OxmRow): OxmRow[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Options of tunnel headers, mapped by `nx_tlv_table_mod`: as many bytes as the option has, at most 124. */
const TUNNEL_OPTION_BITS = 8 * 124;

const openFlow10: readonly OxmRow[] = [
  of(0, 'in_port_nxm', 16, EXACT),
  of(1, 'eth_dst_nxm', 48, MASKABLE),
  of(2, 'eth_src_nxm', 48, MASKABLE),
  of(3, 'eth_type_nxm', 16, EXACT),
  of(4, 'vlan_tci', 16, MASKABLE),
  of(5, 'nw_tos', 8, EXACT, ip),
  of(6, 'ip_proto_nxm', 8, EXACT, ip),
  of(7, 'ipv4_src_nxm', 32, MASKABLE, ip4),
  of(8, 'ipv4_dst_nxm', 32, MASKABLE, ip4),
  of(9, 'tcp_src_nxm', 16, MASKABLE, ipProto(6)),
  of(10, 'tcp_dst_nxm', 16, MASKABLE, ipProto(6)),
  of(11, 'udp_src_nxm', 16, MASKABLE, ipProto(17)),
  of(12, 'udp_dst_nxm', 16, MASKABLE, ipProto(17)),
  of(13, 'icmpv4_type_nxm', 8, EXACT, ipProto(1)),
  of(14, 'icmpv4_code_nxm', 8, EXACT, ipProto(1)),
  of(15, 'arp_op_nxm', 16, EXACT, arp),
  of(16, 'arp_spa_nxm', 32, MASKABLE, arp),
  of(17, 'arp_tpa_nxm', 32, MASKABLE, arp),
];

const nicira: readonly OxmRow[] = [
  ...series(16, (index) => nx(index, `reg${index}`, 32, MASKABLE)),
  nx(16, 'tunnel_id_nxm', 64, MASKABLE),
  nx(17, 'arp_sha_nxm', 48, MASKABLE, arp),
  nx(18, 'arp_tha_nxm', 48, MASKABLE, arp),
  nx(19, 'ipv6_src_nxm', 128, MASKABLE, ip6),
  nx(20, 'ipv6_dst_nxm', 128, MASKABLE, ip6),
  nx(21, 'icmpv6_type_nxm', 8, EXACT, ipProto(58)),
  nx(22, 'icmpv6_code_nxm', 8, EXACT, ipProto(58)),
  nx(23, 'ipv6_nd_target_nxm', 128, MASKABLE, icmp6(135, 136)),
  nx(24, 'ipv6_nd_sll_nxm', 48, MASKABLE, icmp6(135)),
  nx(25, 'ipv6_nd_tll_nxm', 48, MASKABLE, icmp6(136)),
  nx(26, 'ip_frag', 2, MASKABLE, ip, 8),
  nx(27, 'ipv6_flabel_nxm', 20, MASKABLE, ip6, 32),
  nx(28, 'ip_ecn_nxm', 2, EXACT, ip, 8),
  nx(29, 'nw_ttl', 8, EXACT, ip),
  nx(30, 'mpls_ttl', 8, EXACT, mpls),
  // The same number with another length, in matches of Nicira's own messages only.
  nx(30, 'cookie', 64, MASKABLE),
  nx(31, 'tun_src', 32, MASKABLE),
  nx(32, 'tun_dst', 32, MASKABLE),
  nx(33, 'pkt_mark', 32, MASKABLE),
  nx(34, 'tcp_flags_nxm', 12, MASKABLE, ipProto(6), 16),
  nx(35, 'dp_hash', 32, MASKABLE),
  nx(36, 'recirc_id', 32, EXACT),
  nx(37, 'conj_id', 32, EXACT),
  nx(38, 'tun_gbp_id', 16, MASKABLE),
  nx(39, 'tun_gbp_flags', 8, MASKABLE),
  ...series(64, (index) => ({
    ...nx(40 + index, `tun_metadata${index}`, TUNNEL_OPTION_BITS, MASKABLE),
    variable: true as const,
  })),
  nx(104, 'tun_flags', 16, MASKABLE),
  nx(105, 'ct_state', 32, MASKABLE),
  nx(106, 'ct_zone', 16, EXACT),
  nx(107, 'ct_mark', 32, MASKABLE),
  nx(108, 'ct_label', 128, MASKABLE),
  nx(109, 'tun_ipv6_src', 128, MASKABLE),
  nx(110, 'tun_ipv6_dst', 128, MASKABLE),
  ...series(4, (index) => nx(111 + index, `xxreg${index}`, 128, MASKABLE)),
  nx(119, 'ct_nw_proto', 8, EXACT, tracked),
  nx(120, 'ct_nw_src', 32, MASKABLE, tracked),
  nx(121, 'ct_nw_dst', 32, MASKABLE, tracked),
  nx(122, 'ct_ipv6_src', 128, MASKABLE, tracked),
  nx(123, 'ct_ipv6_dst', 128, MASKABLE, tracked),
  nx(124, 'ct_tp_src', 16, MASKABLE, tracked),
  nx(125, 'ct_tp_dst', 16, MASKABLE, tracked),
];

const experimenters: readonly OxmRow[] = [
  vendor(NICIRA, 0, 'dp_hash_oxm', 32, MASKABLE),
  vendor(NICIRA, 11, 'tun_erspan_idx', 20, MASKABLE, none, 32),
  vendor(NICIRA, 12, 'tun_erspan_ver', 4, MASKABLE, none, 8),
  vendor(NICIRA, 13, 'tun_erspan_dir', 1, MASKABLE, none, 8),
  vendor(NICIRA, 14, 'tun_erspan_hwid', 6, MASKABLE, none, 8),
  vendor(NICIRA, 15, 'tun_gtpu_flags', 8, MASKABLE),
  vendor(NICIRA, 16, 'tun_gtpu_msgtype', 8, MASKABLE),
  vendor(ONF, 42, 'tcp_flags_onf', 12, MASKABLE, ipProto(6), 16),
  vendor(ONF, 43, 'actset_output_onf', 32, EXACT),
  vendor(NSH, 1, 'nsh_flags', 8, MASKABLE, nsh),
  vendor(NSH, 2, 'nsh_mdtype', 8, EXACT, nsh),
  vendor(NSH, 3, 'nsh_np', 8, EXACT, nsh),
  vendor(NSH, 4, 'nsh_spi', 24, EXACT, nsh, 32),
  vendor(NSH, 5, 'nsh_si', 8, EXACT, nsh),
  vendor(NSH, 6, 'nsh_c1', 32, MASKABLE, nsh),
  vendor(NSH, 7, 'nsh_c2', 32, MASKABLE, nsh),
  vendor(NSH, 8, 'nsh_c3', 32, MASKABLE, nsh),
  vendor(NSH, 9, 'nsh_c4', 32, MASKABLE, nsh),
  vendor(NSH, 10, 'nsh_ttl', 8, EXACT, nsh),
];

export const nxmRows: readonly OxmRow[] = [
  ...openFlow10,
  ...nicira,
  row(ERICSSON, 1, 'nd_reserved', 32, EXACT, icmp6(135, 136)),
  row(ERICSSON, 2, 'nd_options_type', 8, EXACT, icmp6(135, 136)),
  ...series(8, (index) => row(PACKET_REGISTERS, index, `xreg${index}`, 64, MASKABLE)),
  ...experimenters,
];
