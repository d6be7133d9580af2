import type { Instruction } from '../openflow/index.js';
import type { NetworkMap } from './network-map.js';
import { locationOf, type NetworkState } from './network-state.js';
import { apply, baseRule, output, priorities, sendToSite, tables, toMac } from './pipeline-layout.js';
import type { Rule } from './rules.js';
import { type HostSpec, hostOf, type PortSpec, siteOfHost } from './topology.js';

/** Where every address is, as seen from one switch. */
export function locationRules(map: NetworkMap, switchName: string, state: NetworkState): Rule[] {
  const { topology } = map;
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

/** The way to a VM if it lives on the named host; undefined: there is none, or no such host. */
export function instructionsToVm(
  map: NetworkMap,
  switchName: string,
  vm: string,
  hostName: string,
): Instruction[] | undefined {
  const host = hostOf(map.topology, hostName);
  return host && instructionsTowards(map, switchName, host, map.vmPort(vm, hostName));
}

/** Out of the access port here, along a local link inside the site, or on to the path table for another site. */
function instructionsTowards(
  map: NetworkMap,
  switchName: string,
  host: HostSpec,
  accessPort: PortSpec | undefined,
): Instruction[] | undefined {
  const site = siteOfHost(map.topology, host);
  if (site === undefined) return undefined;
  if (map.switch(switchName)?.site !== site) return sendToSite(map.siteNumber(site));
  const port = host.switch === switchName ? accessPort : map.localNextHop(switchName, host.switch);
  return port && [apply(output(port.portNumber))];
}
