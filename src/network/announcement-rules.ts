import type { OxmField } from '../openflow/index.js';
import { ETHERTYPE_RARP, NEIGHBOUR_ADVERTISEMENT } from '../packet/index.js';
import { composeCookie, ruleStep } from './cookie.js';
import type { Station } from './neighbour-rules.js';
import type { NetworkMap } from './network-map.js';
import type { MigrationIntent } from './network-state.js';
import {
  apply,
  fromMac,
  icmpv6OfType,
  ipv4Of,
  ipv6Of,
  isArp,
  macOf,
  onPort,
  priorities,
  tables,
  toController,
} from './pipeline-layout.js';
import type { Rule } from './rules.js';
import type { VmSpec } from './topology.js';

/**
 * Announcements: a station says unasked where it is, by gratuitous ARP (RFC 5227, 3), RARP (RFC 903; hypervisors send it for a
 * machine that they resume) or an unsolicited neighbour advertisement (RFC 4861, 7.2.6). In this network nobody has to hear them,
 * since switches do not learn and an address keeps its MAC wherever it lives. So they are passed on to nobody, and what they could do
 * to a network that believes them (a machine's packets drawn to a wrong port) they cannot do to this one. Their rules
 * count: as heard where the record says that the station is, as refused everywhere else. One announcement is news: that
 * of a machine about to be moved, at the place it is moved to. It shows that it runs there, and goes to the controller.
 */

export const isRarp: OxmField = { field: 'eth_type', value: ETHERTYPE_RARP };
const ownArp = ({ ip }: Station): OxmField[] => [isArp, { field: 'arp_tpa', value: ipv4Of(ip) }];

/** What a station may announce: itself, all addresses its own. */
function announcements(station: Station): OxmField[][] {
  const { mac, ip, ipv6 } = station;
  const kinds: OxmField[][] = [
    [...ownArp(station), { field: 'arp_spa', value: ipv4Of(ip) }, { field: 'arp_sha', value: macOf(mac) }],
    [isRarp],
  ];
  if (ipv6 !== undefined)
    kinds.push([
      ...icmpv6OfType(NEIGHBOUR_ADVERTISEMENT),
      { field: 'icmpv6_code', value: 0 },
      { field: 'ipv6_nd_target', value: ipv6Of(ipv6) },
    ]);
  return kinds.map((kind) => [fromMac(mac), ...kind]);
}

/** Guard rules of one access port. @param isHere the record says that the station is at this port */
export function announcementRules(portNumber: number, station: Station, isHere: boolean): Rule[] {
  const counted = (kind: 'heard' | 'refused', priority: number, match: readonly OxmField[]): Rule => ({
    tableId: tables.guard,
    priority,
    match: [onPort(portNumber), ...match],
    instructions: [],
    cookie: composeCookie({ ordinal: 0, epoch: 0, step: ruleStep[kind] }),
    hardTimeoutSeconds: 0,
    countsAnew: true,
  });
  // The same keys at each place of a machine: whatever stands in their way is known before it is moved.
  const own = isHere ? 'heard' : 'refused';
  return [
    ...announcements(station).map((match) => counted(own, priorities.announcement, match)),
    // Above the questions: an answer to a question for the asker's own address would look like a conflict.
    counted('refused', priorities.ownAddress, ownArp(station)),
    counted('refused', priorities.unasked, [isArp]),
    counted('refused', priorities.unasked, [isRarp]),
    ...(station.ipv6 === undefined
      ? []
      : [counted('refused', priorities.unasked, icmpv6OfType(NEIGHBOUR_ADVERTISEMENT))]),
  ];
}

/** While a machine may resume at its destination at any moment, its announcement there goes to the controller. */
export function resumeRules(map: NetworkMap, switchName: string, m: MigrationIntent, vm: VmSpec): Rule[] {
  const port = map.vmPort(vm.name, m.destination);
  if (port?.switch !== switchName) return [];
  return announcements(vm).map((match) => ({
    tableId: tables.guard,
    priority: priorities.resume,
    match: [onPort(port.portNumber), ...match],
    instructions: [apply(toController)],
    cookie: composeCookie({ ordinal: m.ordinal, epoch: m.epoch, step: ruleStep.resume }),
    hardTimeoutSeconds: 0,
  }));
}
