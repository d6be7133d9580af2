import { OFPP_LOCAL } from '../openflow/constants.js';
import type { Action, OxmField } from '../openflow/index.js';
import { NEIGHBOUR_ADVERTISEMENT, NEIGHBOUR_SOLICITATION } from '../packet/index.js';
import {
  apply,
  baseRule,
  fromIpv4,
  fromIpv6,
  icmpv6OfType,
  ipv4Of,
  ipv6Of,
  isArp,
  isIpv4,
  isIpv6,
  onPort,
  output,
  priorities,
  tables,
  toIpv4,
  toIpv6,
  toUdpPort,
} from './pipeline-layout.js';
import type { Rule } from './rules.js';
import { isIpv6Text, type LinkSpec } from './topology.js';

/** IANA's port for VXLAN (RFC 7348, 8). */
export const vxlanPort = 4789;

/**
 * Between the switch's own IP stack (its port LOCAL, which has the address of the tunnel's end) and the network below: packets of
 * this tunnel, what its ends need to find each other, and nothing else. What goes into the tunnel's port comes out of LOCAL with its outer headers, and what goes into
 * LOCAL comes out of the tunnel's port without: that one is a trunk like any other, and no other rule knows of the tunnel. (So it was
 * measured in Open vSwitch's userspace; a kernel datapath was not tried.)
 */
export function tunnelRules(switchName: string, underlayPort: number, { ends, vxlan }: LinkSpec): Rule[] {
  if (vxlan === undefined) return [];
  const [mine, theirs] = ends[0] === switchName ? vxlan.addresses : [vxlan.addresses[1], vxlan.addresses[0]];
  const pass = (port: number, what: readonly OxmField[], action: Action): Rule =>
    baseRule(tables.guard, priorities.tunnel, [onPort(port), ...what], [apply(action)]);
  return [
    pass(OFPP_LOCAL, [...fromTo(mine, theirs), ...toUdpPort(vxlanPort)], output(underlayPort)),
    pass(underlayPort, [...fromTo(theirs, mine), ...toUdpPort(vxlanPort)], output(OFPP_LOCAL)),
    ...neighbours(mine).sent.map((what) => pass(OFPP_LOCAL, what, output(underlayPort))),
    ...neighbours(mine).received.map((what) => pass(underlayPort, what, output(OFPP_LOCAL))),
  ];
}

/** Questions and answers by which the ends, or the routers between them, learn hardware addresses. */
function neighbours(mine: string): { sent: OxmField[][]; received: OxmField[][] } {
  if (!isIpv6Text(mine))
    return {
      sent: [[isArp, { field: 'arp_spa', value: ipv4Of(mine) }]],
      received: [[isArp, { field: 'arp_tpa', value: ipv4Of(mine) }]],
    };
  return {
    sent: [NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT].map((type) => [
      ...icmpv6OfType(type),
      fromIpv6(mine),
    ]),
    received: [
      [...icmpv6OfType(NEIGHBOUR_SOLICITATION), { field: 'ipv6_nd_target', value: ipv6Of(mine) }],
      [...icmpv6OfType(NEIGHBOUR_ADVERTISEMENT), toIpv6(mine)],
    ],
  };
}

const fromTo = (from: string, to: string): OxmField[] =>
  isIpv6Text(from) ? [isIpv6, fromIpv6(from), toIpv6(to)] : [isIpv4, fromIpv4(from), toIpv4(to)];
