import { isLldp } from './link-beacon.js';
import type { NetworkMap } from './network-map.js';
import type { NetworkState } from './network-state.js';
import { isProbe } from './path-probe.js';
import {
  apply,
  baseRule,
  beaconToController,
  fromMac,
  goTo,
  hasDscp,
  isIpv4,
  migrationDscp,
  onPort,
  priorities,
  setDscp,
  tables,
  toController,
  toUdpPort,
} from './pipeline-layout.js';
import type { Rule } from './rules.js';

/** Trunks are trusted: what comes in there was checked and marked at its edge. */
export function guardRules(map: NetworkMap, switchName: string, state: NetworkState): Rule[] {
  return map.ports(switchName).flatMap((port) => {
    if (port.peer.kind === 'link')
      return [
        baseRule(tables.guard, priorities.admit, [onPort(port.portNumber)], [goTo(tables.location)]),
        baseRule(
          tables.guard,
          priorities.beacon,
          [onPort(port.portNumber), isLldp],
          [apply(beaconToController)],
        ),
        ...(port.peer.link.kind !== 'local'
          ? [
              baseRule(
                tables.guard,
                priorities.probe,
                [onPort(port.portNumber), isProbe],
                [apply(toController)],
              ),
            ]
          : []),
      ];
    const mac = port.peer.kind === 'host' ? port.peer.host.mac : port.peer.vm.mac;
    const from = [onPort(port.portNumber), fromMac(mac)];
    return [
      baseRule(tables.guard, priorities.admit, from, [goTo(tables.location)]),
      ...Object.values(migrationDscp).map((dscp) =>
        baseRule(
          tables.guard,
          priorities.strip,
          [...from, isIpv4, hasDscp(dscp)],
          [apply(setDscp(0)), goTo(tables.location)],
        ),
      ),
      ...state.classes.map((c) =>
        baseRule(
          tables.guard,
          priorities.class,
          [...from, ...toUdpPort(c.udpPort)],
          [apply(setDscp(c.dscp)), goTo(tables.location)],
        ),
      ),
    ];
  });
}
