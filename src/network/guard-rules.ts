import type { Action, Instruction, OxmField } from '../openflow/index.js';
import { announcementRules } from './announcement-rules.js';
import { isLabelled, labelOf, takeLabel } from './labels.js';
import { isLldp } from './link-beacon.js';
import { discoveryRules, questionRules, type Station } from './neighbour-rules.js';
import type { NetworkMap } from './network-map.js';
import { type ClassMark, locationOf, type NetworkState } from './network-state.js';
import { isProbe } from './path-probe.js';
import {
  apply,
  baseRule,
  beaconToController,
  fromIpv4,
  fromIpv6,
  fromMac,
  goTo,
  hasDscp,
  isIpv4,
  isIpv6,
  isTagged,
  migrationDscp,
  onPort,
  priorities,
  setDscp,
  tables,
  toController,
  toTcpPort,
  toUdpPort,
} from './pipeline-layout.js';
import { contains, parsePrefix, toPrefix } from './prefix.js';
import type { Rule } from './rules.js';
import type { LinkSpec, PortPeer } from './topology.js';
import { tunnelRules } from './tunnel-rules.js';

/** Who may send what from which port. */
export function guardRules(map: NetworkMap, switchName: string, state: NetworkState): Rule[] {
  const ports = map.ports(switchName);
  const stations = ports.flatMap((port) => stationAt(port.peer) ?? []);
  return [
    ...ports.flatMap(({ portNumber, peer }) => {
      const station = stationAt(peer);
      if (station)
        return [
          ...stationRules(portNumber, station, state),
          ...announcementRules(portNumber, station, isHere(map, peer, state)),
        ];
      if (peer.kind === 'underlay') return tunnelRules(switchName, portNumber, peer.link);
      return peer.kind === 'link' ? trunkRules(map, switchName, portNumber, peer.link) : [];
    }),
    ...(stations.some((s) => s.ipv6 !== undefined) ? discoveryRules() : []),
  ];
}

const stationAt = (peer: PortPeer): Station | undefined =>
  peer.kind === 'vm' ? peer.vm : peer.kind === 'host' ? peer.host : undefined;

/**
 * A host is where it hangs; a machine is where its record says. While it is being switched over its destination has rules of the
 * migration's own, and these stay as they were, so that the flip is one change on each switch.
 */
function isHere(map: NetworkMap, peer: PortPeer, state: NetworkState): boolean {
  if (peer.kind !== 'vm') return true;
  const { vm, host } = peer;
  const migration = state.migrations.find((m) => m.vm === vm.name && m.awaitsResume);
  return host.name === (migration?.source ?? locationOf(map.topology, state, vm));
}

/** Trunks are trusted: what comes in there was checked and marked at its edge. */
function trunkRules(map: NetworkMap, switchName: string, portNumber: number, link: LinkSpec): Rule[] {
  const toUs = (priority: number, what: OxmField, action: Action): Rule =>
    baseRule(tables.guard, priority, [onPort(portNumber), what], [apply(action)]);
  return [
    ...admittedTo(map, switchName, portNumber, link),
    toUs(priorities.beacon, isLldp, beaconToController),
    ...(link.kind === 'local' ? [] : [toUs(priorities.probe, isProbe, toController)]),
  ];
}

/** By address; where packets between sites carry labels, by label what comes from outside or is on its way through. */
function admittedTo(map: NetworkMap, switchName: string, portNumber: number, link: LinkSpec): Rule[] {
  const admit = (priority: number, what: readonly OxmField[], instructions: readonly Instruction[]): Rule =>
    baseRule(tables.guard, priority, [onPort(portNumber), ...what], instructions);
  const byAddress = admit(priorities.admit, [], [goTo(tables.location)]);
  if (!isLabelled(map.topology)) return [byAddress];
  const { role, site } = map.switch(switchName)!;
  const byLabel = admit(priorities.labelled, [isTagged], [goTo(tables.path)]);
  if (role === 'core') return [byLabel];
  return [
    ...(link.kind === 'local' ? [byAddress] : []),
    byLabel,
    admit(priorities.labelOwn, [labelOf(map, site)], takeLabel),
  ];
}

/**
 * A station sends IP packets with its own addresses, MAC and IP together, and asks for its neighbours; everything else misses.
 * A machine may send from each of its access ports: when it resumes, the record of where it lives is not yet changed.
 */
function stationRules(portNumber: number, station: Station, state: NetworkState): Rule[] {
  const from = [onPort(portNumber), fromMac(station.mac)];
  const ipv4 = [...from, isIpv4, fromIpv4(station.ip)];
  return [
    baseRule(tables.guard, priorities.tagged, [onPort(portNumber), isTagged], []),
    ...questionRules(portNumber, station),
    ...admitted(ipv4),
    ...(station.ipv6 === undefined ? [] : admitted([...from, isIpv6, fromIpv6(station.ipv6)])),
    ...state.classes.flatMap((c, i) => {
      const priority = priorities.class + state.classes.length - 1 - i;
      return [
        ...classRules(c, priority, ipv4, 4, station.ip),
        ...(station.ipv6 === undefined
          ? []
          : classRules(c, priority, [...from, isIpv6, fromIpv6(station.ipv6)], 6, station.ipv6)),
      ];
    }),
  ];
}

/** What a station sends of a class in one family of addresses; whether it is a source of the class is known beforehand. */
function classRules(
  { dscp, udpPort, tcpPort, source, destination }: ClassMark,
  priority: number,
  from: readonly OxmField[],
  family: 4 | 6,
  address: string,
): Rule[] {
  const [comesFrom, goesTo] = [source, destination].map((text) =>
    text === undefined ? undefined : parsePrefix(text),
  );
  if (udpPort === undefined && tcpPort === undefined && !comesFrom && !goesTo) return [];
  if (comesFrom && !contains(comesFrom, address)) return [];
  if (goesTo && goesTo.family !== family) return [];
  const match = [
    ...from,
    ...(goesTo ? toPrefix(goesTo) : []),
    ...(udpPort === undefined ? [] : toUdpPort(udpPort)),
    ...(tcpPort === undefined ? [] : toTcpPort(tcpPort)),
  ];
  return [baseRule(tables.guard, priority, match, [apply(setDscp(dscp)), goTo(tables.location)])];
}

function admitted(from: readonly OxmField[]): Rule[] {
  const admit: Instruction[] = [goTo(tables.location)];
  return [
    baseRule(tables.guard, priorities.admit, from, admit),
    ...Object.values(migrationDscp).map((dscp) =>
      baseRule(tables.guard, priorities.strip, [...from, hasDscp(dscp)], [apply(setDscp(0)), ...admit]),
    ),
  ];
}
