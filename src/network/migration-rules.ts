import type { Instruction } from '../openflow/index.js';
import { resumeRules } from './announcement-rules.js';
import { composeCookie, ruleStep } from './cookie.js';
import { instructionsToVm } from './location-rules.js';
import type { NetworkMap } from './network-map.js';
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
import { type HostSpec, hostOf, type VmSpec, vmOf } from './topology.js';

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
    ...(m.redirectSeconds === undefined ? [] : redirectRules(map, switchName, m, vm, m.redirectSeconds)),
  ];
}

/**
 * The memory streams' places in the queues of the source's uplink. The granted rule is a lease: it dies with its
 * controller, and the safe rule below it takes over (fail-static). A stream is moved to a circuit and back by another rule in
 * the granted rule's place; its connection goes on. Acknowledgements travel as plain traffic.
 */
function trafficRules(map: NetworkMap, m: MigrationIntent, source: HostSpec, destination: HostSpec): Rule[] {
  const port = map.hostPort(source);
  if (!port) return [];
  const queued = (tcpPort: number, kind: keyof typeof migrationQueue, hardTimeoutSeconds: number): Rule => ({
    tableId: tables.guard,
    priority: priorities[kind === 'safe' ? 'safe' : 'granted'],
    match: [onPort(port.portNumber), fromMac(source.mac), ...tcpBetween(source.ip, destination.ip, tcpPort)],
    instructions: [
      apply(setDscp(migrationDscp[kind]), setQueue(migrationQueue[kind])),
      goTo(tables.location),
    ],
    cookie: composeCookie({ ordinal: m.ordinal, epoch: m.epoch, step: ruleStep[kind] }),
    hardTimeoutSeconds,
    ...(hardTimeoutSeconds > 0 ? { lease: true } : {}),
  });
  const streams = [{ tcpPort: m.tcpPort, onCircuit: false }, ...(m.moreStreams ?? [])];
  return streams.flatMap(({ tcpPort, onCircuit }) => [
    queued(tcpPort, 'safe', 0),
    ...(m.granted ? [queued(tcpPort, onCircuit ? 'circuit' : 'granted', leaseSeconds)] : []),
  ]);
}

/**
 * The VM's new location below the old one, on the switches for which it differs. It shows before the VM stops that
 * the switch accepts the rule and has room for it; the flip itself is the same rule added at the upper priority.
 */
const stagedRules = (map: NetworkMap, switchName: string, m: MigrationIntent, vm: VmSpec): Rule[] =>
  newLocation(map, switchName, m, vm).map((instructions) => ({
    tableId: tables.location,
    priority: priorities.locationStaged,
    match: [toMac(vm.mac)],
    instructions,
    cookie: composeCookie({ ordinal: m.ordinal, epoch: m.epoch, step: ruleStep.staged }),
    hardTimeoutSeconds: 0,
  }));

/**
 * The same above the old one. The location entry itself is not touched, so that taking this rule away, or letting it
 * time out when its controller is dead, is as if it had never been there.
 */
const redirectRules = (
  map: NetworkMap,
  switchName: string,
  m: MigrationIntent,
  vm: VmSpec,
  redirectSeconds: number,
): Rule[] =>
  newLocation(map, switchName, m, vm).map((instructions) => ({
    tableId: tables.location,
    priority: priorities.locationRedirect,
    match: [toMac(vm.mac)],
    instructions,
    cookie: composeCookie({ ordinal: m.ordinal, epoch: m.epoch, step: ruleStep.redirect }),
    hardTimeoutSeconds: redirectSeconds,
    ...(redirectSeconds > 0 ? { lease: true } : {}),
  }));

/** What a switch does with the VM's packets after the move, if that differs from before; else nothing. */
function newLocation(map: NetworkMap, switchName: string, m: MigrationIntent, vm: VmSpec): Instruction[][] {
  const before = instructionsToVm(map, switchName, vm.name, m.source);
  const after = instructionsToVm(map, switchName, vm.name, m.destination);
  return before && after && instructionsText(before) !== instructionsText(after) ? [after] : [];
}
