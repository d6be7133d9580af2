import type { Instruction } from '../openflow/index.js';
import type { NetworkMap } from './network-map.js';
import { locationOf, type NetworkState } from './network-state.js';
import { apply, baseRule, output, priorities, sendOn, tables, toMac } from './pipeline-layout.js';
import type { Rule } from './rules.js';
import { type HostSpec, hostOf, type PortSpec, siteOfHost } from './topology.js';

/** Where every address is, as seen from one switch; a core knows none. */
export function locationRules(map: NetworkMap, switchName: string, state: NetworkState): Rule[] {
  const { topology } = map;
  if (map.switch(switchName)?.role === 'core') return [];
  const rules: Rule[] = [];
  for (const host of topology.hosts) {
    const there = instructionsTowards(map, switchName, host, map.hostPort(host));
    if (there) rules.push(baseRule(tables.location, priorities.location, [toMac(host.mac)], there));
  }
  for (const vm of topology.vms) {
    const there = instructionsToVm(map, switchName, vm.name, locationOf(topology, state, vm));
    if (there) rules.push(baseRule(tables.location, priorities.location, [toMac(vm.mac)], there));
  }
  return rules;
}

/** The way to a VM if it lives on the named host; undefined: there is none, or no such host, or the switch knows no addresses. */
export function instructionsToVm(
  map: NetworkMap,
  switchName: string,
  vm: string,
  hostName: string,
): Instruction[] | undefined {
  const host = hostOf(map.topology, hostName);
  if (map.switch(switchName)?.role === 'core') return undefined;
  return host && instructionsTowards(map, switchName, host, map.vmPort(vm, hostName));
}

/** Out of the access port here, along the only local link, or on to the path table. */
function instructionsTowards(
  map: NetworkMap,
  switchName: string,
  host: HostSpec,
  accessPort: PortSpec | undefined,
): Instruction[] | undefined {
  const site = siteOfHost(map.topology, host);
  if (site === undefined) return undefined;
  if (map.switch(switchName)?.site !== site) return sendOn(map.siteNumber(site));
  if (host.switch === switchName) return accessPort && [apply(output(accessPort.portNumber))];
  const hops = map.hopsToSwitch(switchName, host.switch);
  if (hops === undefined) return undefined;
  // Where there is a choice, the path table makes it, once for all addresses behind that switch.
  return hops.ports.length > 1 ? sendOn(map.switchNumber(host.switch)) : [apply(output(hops.ports[0]!))];
}
