import type { Instruction, OxmField } from '../openflow/index.js';
import {
  ARP_REPLY,
  ARP_REQUEST,
  NEIGHBOUR_ADVERTISEMENT,
  NEIGHBOUR_SOLICITATION,
  OPTION_TARGET_LINK_LAYER,
} from '../packet/index.js';
import type { NetworkMap } from './network-map.js';
import {
  apply,
  backOut,
  baseRule,
  copyField,
  fromIpv6,
  fromMac,
  goTo,
  icmpv6OfType,
  ipv4Of,
  ipv6Of,
  isArp,
  macOf,
  onPort,
  priorities,
  setField,
  tables,
} from './pipeline-layout.js';
import type { Rule } from './rules.js';

/**
 * Neighbours are found out in the switch: ARP (RFC 826) and neighbour discovery of IPv6 (RFC 4861) are answered by the rules of
 * the switch that the question comes in at, from the topology, out of the same port. No question leaves its access port, so
 * none crosses a site, and nobody but the network answers. Where a machine lives does not matter: its address does not change.
 *
 * The guard lets a question pass only with the asker's own addresses in it. A solicitation is turned into an advertisement in two
 * tables, since Open vSwitch accepts a write to the link-layer option of an advertisement only in a rule that matches one.
 */

/** Whoever hangs on an access port. */
export interface Station {
  readonly mac: string;
  readonly ip: string;
  readonly ipv6?: string;
}

/** ICMPv6 types of discovery: router solicitation (133) to redirect (137), RFC 4861 4 */
const routerSolicitation = 133;
const redirect = 137;
/** solicited, override; not a router (RFC 4861, 4.4) */
const advertisementFlags = 0x6000_0000;
const macBits = 48;

/** Guard rules of one access port: its questions go to the neighbour table. */
export function questionRules(portNumber: number, station: Station): Rule[] {
  const { mac, ip, ipv6 } = station;
  const from = [onPort(portNumber), fromMac(mac)];
  const arp: OxmField[] = [
    ...from,
    isArp,
    { field: 'arp_op', value: ARP_REQUEST },
    { field: 'arp_spa', value: ipv4Of(ip) },
    { field: 'arp_sha', value: macOf(mac) },
  ];
  const rules = [baseRule(tables.guard, priorities.question, arp, [goTo(tables.neighbour)])];
  if (ipv6 === undefined) return rules;
  const turn = apply(setField({ field: 'icmpv6_type', value: NEIGHBOUR_ADVERTISEMENT }));
  // Whoever only makes sure that a neighbour is still there asks with its link-local address.
  const solicitations = [ipv6Of(ipv6), linkLocalOf(mac)].map((value): Rule => {
    const match: OxmField[] = [
      ...from,
      ...icmpv6OfType(NEIGHBOUR_SOLICITATION),
      { field: 'icmpv6_code', value: 0 },
      { field: 'ipv6_src', value },
      { field: 'ipv6_nd_sll', value: macOf(mac) },
    ];
    return baseRule(tables.guard, priorities.question, match, [turn, goTo(tables.neighbour)]);
  });
  return [...rules, ...solicitations];
}

/** The address that a station gives itself on its link (RFC 4291, 2.5.6 and appendix A), 16 bytes. */
export function linkLocalOf(mac: string): Uint8Array {
  const [a, b, c, d, e, f] = macOf(mac) as unknown as [number, number, number, number, number, number];
  return Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 0x02, b, c, 0xff, 0xfe, d, e, f);
}

/** Guard rules of a switch with stations of IPv6: whatever discovery is no question for a neighbour ends here. */
export function discoveryRules(): Rule[] {
  const types = Array.from({ length: redirect - routerSolicitation + 1 }, (_, i) => routerSolicitation + i);
  return types.map((type) => baseRule(tables.guard, priorities.discovery, icmpv6OfType(type), []));
}

/** The neighbour table of a switch with access ports: an answer for each address of the topology. */
export function neighbourRules(map: NetworkMap, switchName: string): Rule[] {
  if (map.ports(switchName).every(({ peer }) => peer.kind === 'link' || peer.kind === 'underlay')) return [];
  return [...map.topology.hosts, ...map.topology.vms].flatMap(answersFor);
}

function answersFor({ mac, ip, ipv6 }: Station): Rule[] {
  const answer = (match: readonly OxmField[], instructions: readonly Instruction[]): Rule =>
    baseRule(tables.neighbour, priorities.answer, match, instructions);
  return [
    answer(
      [isArp, { field: 'arp_op', value: ARP_REQUEST }, { field: 'arp_tpa', value: ipv4Of(ip) }],
      [arpReply(mac, ip)],
    ),
    ...(ipv6 === undefined
      ? []
      : [
          answer(
            [
              ...icmpv6OfType(NEIGHBOUR_ADVERTISEMENT),
              { field: 'icmpv6_code', value: 0 },
              { field: 'ipv6_nd_target', value: ipv6Of(ipv6) },
            ],
            [advertisement(mac, ipv6)],
          ),
        ]),
  ];
}

const arpReply = (mac: string, ip: string): Instruction =>
  apply(
    copyField('eth_src', 'eth_dst', macBits),
    setField(fromMac(mac)),
    setField({ field: 'arp_op', value: ARP_REPLY }),
    copyField('arp_sha', 'arp_tha', macBits),
    copyField('arp_spa', 'arp_tpa', 32),
    setField({ field: 'arp_sha', value: macOf(mac) }),
    setField({ field: 'arp_spa', value: ipv4Of(ip) }),
    backOut,
  );

const advertisement = (mac: string, ipv6: string): Instruction =>
  apply(
    copyField('eth_src', 'eth_dst', macBits),
    setField(fromMac(mac)),
    copyField('ipv6_src', 'ipv6_dst', 128),
    setField(fromIpv6(ipv6)),
    setField({ field: 'nd_options_type', value: OPTION_TARGET_LINK_LAYER }),
    setField({ field: 'nd_reserved', value: advertisementFlags }),
    setField({ field: 'ipv6_nd_tll', value: macOf(mac) }),
    backOut,
  );
