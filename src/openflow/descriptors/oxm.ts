import {
  OPENFLOW_15,
  type OxmForm,
  type OxmPrerequisite,
  type OxmRow,
  SINCE_13,
  SINCE_14,
  type VersionRange,
} from './language.js';

/** The match fields of class OFPXMC_OPENFLOW_BASIC: 1.3.5 A.2.3.7, tables 11 and 12; later ones 1.5.1 7.2.3.8. */

export const OFPXMC_NXM_0 = 0x0000;
export const OFPXMC_NXM_1 = 0x0001;
export const OFPXMC_OPENFLOW_BASIC = 0x8000;
export const OFPXMC_EXPERIMENTER = 0xffff;

/** Since 1.5 a packet may begin with the header itself: then its type, in namespace 1, stands for the Ethernet type. */
const ethType = (...values: number[]): readonly OxmPrerequisite[] => [
  { field: 'eth_type', values },
  { field: 'packet_type', values: values.map((value) => 0x1_0000 + value) },
];
const ipProto = (value: number): readonly OxmPrerequisite[] => [{ field: 'ip_proto', values: [value] }];
const icmp6 = (...values: number[]): readonly OxmPrerequisite[] => [{ field: 'icmpv6_type', values }];
const present = (field: string): readonly OxmPrerequisite[] => [{ field }];

const none: readonly OxmPrerequisite[] = [];
const ip = ethType(0x0800, 0x86dd);
const ip4 = ethType(0x0800);
const ip6 = ethType(0x86dd);
const arp = ethType(0x0806);
const mpls = ethType(0x8847, 0x8848);
const pbb = ethType(0x88e7);

const EXACT = false;
const MASKABLE = true;

function row(
  id: number,
  name: string,
  bits: number,
  form: OxmForm,
  maskable: boolean,
  prerequisites: readonly OxmPrerequisite[],
  versions: VersionRange = SINCE_13,
): OxmRow {
  // Labels of 20 bits travel in 4 bytes; everything else takes as few as it needs.
  const bytes = bits === 20 ? 4 : Math.ceil(bits / 8);
  return { id, name, bits, bytes, form, maskable, prerequisites, versions, oxmClass: OFPXMC_OPENFLOW_BASIC };
}

export const oxmRows: readonly OxmRow[] = [
  row(0, 'in_port', 32, 'number', EXACT, none),
  row(1, 'in_phy_port', 32, 'number', EXACT, present('in_port')),
  row(2, 'metadata', 64, 'bigint', MASKABLE, none),
  row(3, 'eth_dst', 48, 'bytes', MASKABLE, none),
  row(4, 'eth_src', 48, 'bytes', MASKABLE, none),
  row(5, 'eth_type', 16, 'number', EXACT, none),
  row(6, 'vlan_vid', 13, 'number', MASKABLE, none),
  row(7, 'vlan_pcp', 3, 'number', EXACT, present('vlan_vid')),
  row(8, 'ip_dscp', 6, 'number', EXACT, ip),
  row(9, 'ip_ecn', 2, 'number', EXACT, ip),
  row(10, 'ip_proto', 8, 'number', EXACT, ip),
  row(11, 'ipv4_src', 32, 'number', MASKABLE, ip4),
  row(12, 'ipv4_dst', 32, 'number', MASKABLE, ip4),
  row(13, 'tcp_src', 16, 'number', EXACT, ipProto(6)),
  row(14, 'tcp_dst', 16, 'number', EXACT, ipProto(6)),
  row(15, 'udp_src', 16, 'number', EXACT, ipProto(17)),
  row(16, 'udp_dst', 16, 'number', EXACT, ipProto(17)),
  row(17, 'sctp_src', 16, 'number', EXACT, ipProto(132)),
  row(18, 'sctp_dst', 16, 'number', EXACT, ipProto(132)),
  row(19, 'icmpv4_type', 8, 'number', EXACT, ipProto(1)),
  row(20, 'icmpv4_code', 8, 'number', EXACT, ipProto(1)),
  row(21, 'arp_op', 16, 'number', EXACT, arp),
  row(22, 'arp_spa', 32, 'number', MASKABLE, arp),
  row(23, 'arp_tpa', 32, 'number', MASKABLE, arp),
  row(24, 'arp_sha', 48, 'bytes', MASKABLE, arp),
  row(25, 'arp_tha', 48, 'bytes', MASKABLE, arp),
  row(26, 'ipv6_src', 128, 'bytes', MASKABLE, ip6),
  row(27, 'ipv6_dst', 128, 'bytes', MASKABLE, ip6),
  row(28, 'ipv6_flabel', 20, 'number', MASKABLE, ip6),
  row(29, 'icmpv6_type', 8, 'number', EXACT, ipProto(58)),
  row(30, 'icmpv6_code', 8, 'number', EXACT, ipProto(58)),
  row(31, 'ipv6_nd_target', 128, 'bytes', EXACT, icmp6(135, 136)),
  row(32, 'ipv6_nd_sll', 48, 'bytes', EXACT, icmp6(135)),
  row(33, 'ipv6_nd_tll', 48, 'bytes', EXACT, icmp6(136)),
  row(34, 'mpls_label', 20, 'number', EXACT, mpls),
  row(35, 'mpls_tc', 3, 'number', EXACT, mpls),
  row(36, 'mpls_bos', 1, 'number', EXACT, mpls),
  row(37, 'pbb_isid', 24, 'number', MASKABLE, pbb),
  row(38, 'tunnel_id', 64, 'bigint', MASKABLE, none),
  row(39, 'ipv6_exthdr', 9, 'number', MASKABLE, ip6),
  row(41, 'pbb_uca', 1, 'number', EXACT, pbb, SINCE_14),
  row(42, 'tcp_flags', 12, 'number', MASKABLE, ipProto(6), OPENFLOW_15),
  row(43, 'actset_output', 32, 'number', EXACT, none, OPENFLOW_15),
  row(44, 'packet_type', 32, 'number', EXACT, none, OPENFLOW_15),
];
