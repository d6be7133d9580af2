import { resumeRules } from './announcement-rules.js';
import { composeCookie, ruleStep } from './cookie.js';
import { instructionsToVm } from './location-rules.js';
import { type NetworkMap, networkMapOf } from './network-map.js';
import type { MigrationIntent } from './network-state.js';
import {
  apply,
  fromMac,
  goTo,
  leaseSeconds,
  migrationDscp,
  migrationQueue,
  onPort,
  priorities,
  setDscp,
  setQueue,
  tables,
  tcpBetween,
  toMac,
} from './pipeline-layout.js';
import { instructionsText, type Rule } from './rules.js';
import { type HostSpec, hostOf, siteOfHost, type Topology, type VmSpec, vmOf } from './topology.js';

/** What one migration adds to the rules of a switch; nothing if it names what the topology does not have. */
export function migrationRules(map: NetworkMap, switchName: string, m: MigrationIntent): Rule[] {
  const source = hostOf(map.topology, m.source);
  const destination = hostOf(map.topology, m.destination);
  const vm = vmOf(map.topology, m.vm);
  if (!source || !destination || !vm) return [];
  return [
    ...(source.switch === switchName ? trafficRules(map, m, source, destination) : []),
    ...(m.stage === 'staged' ? stagedRules(map, switchName, m, vm) : []),
    ...(m.awaitsResume ? resumeRules(map, switchName, m, vm) : []),
  ];
}

/**
 * The memory stream's place in the queues of the source's uplink. The granted rule is a lease: it dies with its
 * controller, and the safe rule below it takes over (fail-static). Acknowledgements travel as plain traffic.
 */
function trafficRules(map: NetworkMap, m: MigrationIntent, source: HostSpec, destination: HostSpec): Rule[] {
  const port = map.hostPort(source);
  if (!port) return [];
  const match = [
    onPort(port.portNumber),
    fromMac(source.mac),
    ...tcpBetween(source.ip, destination.ip, m.tcpPort),
  ];
  const queued = (kind: 'granted' | 'safe', hardTimeoutSeconds: number): Rule => ({
    tableId: tables.guard,
    priority: priorities[kind],
    match,
    instructions: [
      apply(setDscp(migrationDscp[kind]), setQueue(migrationQueue[kind])),
      goTo(tables.location),
    ],
    cookie: composeCookie({ ordinal: m.ordinal, epoch: m.epoch, step: ruleStep[kind] }),
    hardTimeoutSeconds,
    ...(hardTimeoutSeconds > 0 ? { lease: true } : {}),
  });
  return [queued('safe', 0), ...(m.granted ? [queued('granted', leaseSeconds)] : [])];
}

/**
 * The VM's new location below the old one, on the switches for which it differs. It shows before the VM stops that
 * the switch accepts the rule and has room for it; the flip itself is the same rule added at the upper priority.
 */
function stagedRules(map: NetworkMap, switchName: string, m: MigrationIntent, vm: VmSpec): Rule[] {
  const before = instructionsToVm(map, switchName, vm.name, m.source);
  const after = instructionsToVm(map, switchName, vm.name, m.destination);
  if (!before || !after || instructionsText(before) === instructionsText(after)) return [];
  return [
    {
      tableId: tables.location,
      priority: priorities.locationStaged,
      match: [toMac(vm.mac)],
      instructions: after,
      cookie: composeCookie({ ordinal: m.ordinal, epoch: m.epoch, step: ruleStep.staged }),
      hardTimeoutSeconds: 0,
    },
  ];
}

/**
 * The order in which switches may take over a VM's new location so that no packet is lost or circles on the way: the
 * destination's switch first, then by distance from it. Every switch that has changed then hands packets to one that
 * has changed too; all others still lead to the old place. Switches of one level may change in any order.
 */
export function flipLevels(topology: Topology, destinationHost: string): string[][] {
  const host = hostOf(topology, destinationHost);
  const site = host && siteOfHost(topology, host);
  if (!host || site === undefined) return [];
  const map = networkMapOf(topology);
  const levels: string[][] = [];
  for (const s of topology.switches) {
    if (s.role === 'core') continue;
    const way = map.pathToSite(s.name, site);
    const last = way?.at(-1)?.peer;
    const entry = last?.kind === 'link' ? last.peer : s.name;
    const inside = map.distanceToSwitch(entry, host.switch);
    if (!way || inside === undefined) continue;
    const level = levels[way.length + inside] ?? [];
    level.push(s.name);
    levels[way.length + inside] = level;
  }
  return levels.filter((level) => level !== undefined);
}
