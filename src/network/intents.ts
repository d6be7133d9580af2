import type { Instruction } from '../openflow/index.js';
import { composeCookie, ruleStep } from './cookie.js';
import { NetworkMap, networkMapOf } from './network-map.js';
import { isProbe } from './path-probe.js';
import {
  apply,
  boundFor,
  fromMac,
  goTo,
  hasDscp,
  isIpv4,
  leaseSeconds,
  migrationDscp,
  migrationQueue,
  onPort,
  output,
  priorities,
  sendToSite,
  setDscp,
  setQueue,
  tables,
  tcpBetween,
  toController,
  toMac,
  toUdpPort,
} from './pipeline-layout.js';
import { instructionsText, type Rule } from './rules.js';
import {
  type HostSpec,
  hostOf,
  type PortSpec,
  siteOfHost,
  type Topology,
  type VmSpec,
  vmOf,
} from './topology.js';

/**
 * How far a migration's rules have come. `prepared` and `running`: its traffic has a safe queue (and a granted one if
 * `granted`). `staged`: the VM's new location also waits below the old one on every switch that will change.
 * `flipped`: the new location is in force (through `vmLocation`); what was staged is gone.
 */
export type MigrationStage = 'prepared' | 'running' | 'staged' | 'flipped';

/** What one migration asks of the network. */
export interface MigrationIntent {
  /** for cookies: 1 to 2^24 - 1, unique for ever */
  readonly ordinal: number;
  /** for cookies: which life of the migration */
  readonly epoch: number;
  readonly vm: string;
  /** hosts of role hypervisor */
  readonly source: string;
  readonly destination: string;
  /** destination port of the memory stream */
  readonly tcpPort: number;
  readonly stage: MigrationStage;
  /** a rate is granted: its packets go to the granted queue as long as the controller refreshes the rule */
  readonly granted: boolean;
}

/** A class of traffic that is recognised at the edge and marked. */
export interface ClassMark {
  readonly name: string;
  readonly udpPort: number;
  readonly dscp: number;
}

/** Sends part of the traffic to a site over a given link (a circuit) instead of the shortest packet path. */
export interface Steering {
  /** the site that the packets are bound for */
  readonly site: string;
  /** code point of the packets; undefined: all packets to that site */
  readonly dscp?: number;
  readonly link: string;
}

/** Everything that rules follow from, besides the topology. */
export interface NetworkState {
  /** VM to host; a VM that is not listed, or whose host is unknown, is where the topology starts it */
  readonly vmLocation: ReadonlyMap<string, string>;
  /** one that names a VM or host that the topology does not have is ignored */
  readonly migrations: readonly MigrationIntent[];
  readonly classes: readonly ClassMark[];
  readonly steering?: readonly Steering[];
  /** packet and local links to route around */
  readonly linksDown?: readonly string[];
}

/** All rules that one switch must hold; nothing for a switch that is not in the topology. */
export function desiredRules(topology: Topology, switchName: string, state: NetworkState): Rule[] {
  const down = state.linksDown ?? [];
  const map = down.length === 0 ? networkMapOf(topology) : new NetworkMap(topology, down);
  if (!map.switch(switchName)) return [];
  return [
    ...guardRules(map, switchName, state),
    ...locationRules(map, switchName, state),
    ...pathRules(map, switchName, state),
    ...state.migrations.flatMap((m) => migrationRules(map, switchName, m)),
  ];
}

/** The host on which a VM lives. */
export function locationOf(topology: Topology, state: Pick<NetworkState, 'vmLocation'>, vm: VmSpec): string {
  const host = state.vmLocation.get(vm.name);
  return host !== undefined && hostOf(topology, host) ? host : vm.at;
}

const baseCookie = composeCookie({ ordinal: 0, epoch: 0, step: ruleStep.base });

function base(
  tableId: number,
  priority: number,
  match: Rule['match'],
  instructions: readonly Instruction[],
): Rule {
  return { tableId, priority, match, instructions, cookie: baseCookie, hardTimeoutSeconds: 0 };
}

/** Trunks are trusted: what comes in there was checked and marked at its edge. */
function guardRules(map: NetworkMap, switchName: string, state: NetworkState): Rule[] {
  return map.ports(switchName).flatMap((port) => {
    if (port.peer.kind === 'link')
      return [
        base(tables.guard, priorities.admit, [onPort(port.portNumber)], [goTo(tables.location)]),
        ...(port.peer.link.opaque === true
          ? [base(tables.guard, priorities.probe, [onPort(port.portNumber), isProbe], [apply(toController)])]
          : []),
      ];
    const mac = port.peer.kind === 'host' ? port.peer.host.mac : port.peer.vm.mac;
    const from = [onPort(port.portNumber), fromMac(mac)];
    return [
      base(tables.guard, priorities.admit, from, [goTo(tables.location)]),
      ...Object.values(migrationDscp).map((dscp) =>
        base(
          tables.guard,
          priorities.strip,
          [...from, isIpv4, hasDscp(dscp)],
          [apply(setDscp(0)), goTo(tables.location)],
        ),
      ),
      ...state.classes.map((c) =>
        base(
          tables.guard,
          priorities.class,
          [...from, ...toUdpPort(c.udpPort)],
          [apply(setDscp(c.dscp)), goTo(tables.location)],
        ),
      ),
    ];
  });
}

function locationRules(map: NetworkMap, switchName: string, state: NetworkState): Rule[] {
  const { topology } = map;
  const rules: Rule[] = [];
  for (const host of topology.hosts) {
    const there = instructionsTowards(map, switchName, host, map.hostPort(host));
    if (there) rules.push(base(tables.location, priorities.location, [toMac(host.mac)], there));
  }
  for (const vm of topology.vms) {
    const there = instructionsToVm(map, switchName, vm.name, locationOf(topology, state, vm));
    if (there) rules.push(base(tables.location, priorities.location, [toMac(vm.mac)], there));
  }
  return rules;
}

function instructionsToVm(
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

function pathRules(map: NetworkMap, switchName: string, state: NetworkState): Rule[] {
  const here = map.switch(switchName)?.site;
  return map.topology.sites.flatMap(({ name }) => {
    if (name === here) return [];
    const bound = boundFor(map.siteNumber(name));
    const rules: Rule[] = [];
    const plain = pathOf(map, state, switchName, name, undefined);
    if (plain) rules.push(base(tables.path, priorities.path, [bound], [apply(output(plain.portNumber))]));
    const codePoints = new Set(
      (state.steering ?? []).flatMap((s) => (s.site === name && s.dscp !== undefined ? [s.dscp] : [])),
    );
    for (const dscp of codePoints) {
      const port = pathOf(map, state, switchName, name, dscp);
      if (port && port !== plain)
        rules.push(
          base(
            tables.path,
            priorities.pathSteered,
            [bound, isIpv4, hasDscp(dscp)],
            [apply(output(port.portNumber))],
          ),
        );
    }
    return rules;
  });
}

/**
 * The port by which packets of a class (code point; undefined: no class) leave a switch for a site: the steered link
 * where there is one at this switch, else the next hop of the shortest packet path. A steered link that does not
 * lead nearer to the site, or is down, is not used: it could make a loop.
 */
export function pathOf(
  map: NetworkMap,
  state: Pick<NetworkState, 'steering'>,
  switchName: string,
  site: string,
  dscp: number | undefined,
): PortSpec | undefined {
  const steering = (state.steering ?? []).filter((s) => s.site === site);
  const chosen =
    steering.find((s) => s.dscp !== undefined && s.dscp === dscp) ??
    steering.find((s) => s.dscp === undefined);
  const here = map.distanceToSite(switchName, site) ?? Number.POSITIVE_INFINITY;
  const steered =
    chosen &&
    map.ports(switchName).find((port) => {
      if (port.peer.kind !== 'link' || port.peer.link.name !== chosen.link || map.linksDown.has(chosen.link))
        return false;
      return (map.distanceToSite(port.peer.peer, site) ?? Number.POSITIVE_INFINITY) < here;
    });
  return steered ?? map.nextHop(switchName, site);
}

function migrationRules(map: NetworkMap, switchName: string, m: MigrationIntent): Rule[] {
  const source = hostOf(map.topology, m.source);
  const destination = hostOf(map.topology, m.destination);
  const vm = vmOf(map.topology, m.vm);
  if (!source || !destination || !vm) return [];
  return [
    ...(source.switch === switchName ? trafficRules(map, m, source, destination) : []),
    ...(m.stage === 'staged' ? stagedRules(map, switchName, m, vm) : []),
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
