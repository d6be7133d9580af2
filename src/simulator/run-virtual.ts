import {
  type CircuitsConfig,
  type ConfiguredCircuit,
  type ConfiguredSwitch,
  type ControlConfig,
  defaultControl,
  type EngineConfig,
  type PolicyName,
  type TrafficClass,
} from '../engine/config.js';
import type { ApiResult, MigrationRequest } from '../engine/input.js';
import type { MigrationView, SystemView } from '../engine/view.js';
import { builtLink, type Topology, withoutCarriers } from '../network/topology.js';
import { defaultWarmupSeconds } from './baseline.js';
import { EngineHarness, type EngineLike, type HarnessOptions } from './engine-harness.js';
import { NetworkSimulation, type SimulationOptions } from './network-simulation.js';
import type { StreamSummary } from './stream-record.js';

/** Something that goes wrong at an instant after the start of the migration. */
export type Fault =
  | { readonly kind: 'drop-connection'; readonly afterSeconds: number; readonly switch: string }
  | {
      readonly kind: 'drop-agent';
      readonly afterSeconds: number;
      readonly host: string;
      readonly forSeconds: number;
    }
  /** kill -9, and a new life with the same journal after a while */
  | { readonly kind: 'kill'; readonly afterSeconds: number; readonly downSeconds: number }
  | { readonly kind: 'link'; readonly afterSeconds: number; readonly link: string; readonly up: boolean };

/** One more migration, asked for some time after the first. */
export interface FurtherMigration {
  readonly afterSeconds: number;
  readonly request: Partial<MigrationRequest>;
}

export interface VirtualOptions {
  readonly topology: Topology;
  readonly seed: number;
  readonly createEngine: (config: EngineConfig) => EngineLike;
  readonly policy?: PolicyName;
  readonly control?: Partial<ControlConfig>;
  readonly classes?: readonly TrafficClass[];
  /** undefined: circuits stay dark */
  readonly circuits?: CircuitsConfig;
  /** undefined: the first VM to its other host; null: nothing migrates */
  readonly migration?: Partial<MigrationRequest> | null;
  readonly further?: readonly FurtherMigration[];
  readonly memoryBytes?: number;
  readonly warmupSeconds?: number;
  /** limit of the migration, or length of the window when nothing migrates */
  readonly durationSeconds: number;
  readonly simulation?: Partial<SimulationOptions>;
  readonly harness?: Partial<Omit<HarnessOptions, 'config' | 'createEngine'>>;
  readonly faults?: readonly Fault[];
  /** called before anything moves: for meters, and for what is to happen at a later time */
  readonly prepare?: (simulation: NetworkSimulation) => void;
}

export interface VirtualResult {
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly streams: readonly StreamSummary[];
  /** the answer to the request for a migration */
  readonly answer: ApiResult | undefined;
  readonly migration: MigrationView | undefined;
  /** every migration that was asked for, in that order; undefined: it was refused */
  readonly migrations: readonly (MigrationView | undefined)[];
  /** seconds from the request to the end, virtual time */
  readonly durationSeconds: number;
  /** share of the first packet link's capacity that was sent in the window */
  readonly utilisation: number;
  readonly view: SystemView | undefined;
  readonly harness: EngineHarness;
}

export const defaultClasses: readonly TrafficClass[] = [
  { name: 'video', udpPort: 5004, dscp: 46, delayPromiseMs: 60 },
];

/** The configuration that a simulated network is run with: every switch has queues, every hypervisor an agent. */
export function virtualConfig(
  topology: Topology,
  control: Partial<ControlConfig> = {},
  classes: readonly TrafficClass[] = defaultClasses,
  circuits?: CircuitsConfig,
): EngineConfig {
  const switches: ConfiguredSwitch[] = topology.switches.map((s) => ({
    name: s.name,
    ovsdb: `simulated:${s.name}`,
  }));
  const hypervisors = topology.hosts
    .filter((h) => h.role === 'hypervisor')
    .map((h) => ({ host: h.name, driver: 'transfer' as const, endpoint: `simulated:${h.name}` }));
  return {
    topology: withoutCarriers(topology),
    switches,
    hypervisors,
    classes,
    control: { ...defaultControl, ...control },
    ...(circuits && { circuits }),
  };
}

/** Every circuit link of a topology may be ordered, on the same terms. */
export function circuitsOf(topology: Topology, terms: Partial<ConfiguredCircuit> = {}): CircuitsConfig {
  const links = topology.links.filter((l) => l.kind === 'circuit');
  return {
    owner: topology.name,
    provider: undefined,
    links: links.map((l) => ({
      link: l.name,
      budgetPerSecond: 1,
      breakEvenSeconds: 1,
      minimumHoldSeconds: Math.max(10, l.setupSeconds ?? 0),
      ...terms,
    })),
  };
}

/** Runs the application against the simulated network in virtual time: traffic, a migration, faults. */
export function runVirtual(options: VirtualOptions): VirtualResult {
  const { seed } = options;
  const topology = withMemory(options.topology, options.memoryBytes);
  const control = { ...options.control, ...(options.policy === undefined ? {} : { policy: options.policy }) };
  const config = virtualConfig(topology, control, options.classes, options.circuits);
  const simulation = new NetworkSimulation(topology, { seed, ...options.simulation });
  const harness = new EngineHarness(simulation, {
    ...options.harness,
    config,
    createEngine: options.createEngine,
  });
  options.prepare?.(simulation);
  harness.start();
  simulation.startTraffic();
  const fromSeconds = options.warmupSeconds ?? defaultWarmupSeconds;
  harness.runUntil(fromSeconds);
  for (const fault of options.faults ?? []) planFault(harness, fault, fromSeconds);
  const sentBefore = simulation.wanBytesSent();
  const asked: Asked[] = [];
  const wanted = options.migration === null ? [] : [options.migration ?? {}];
  const further = options.further ?? [];
  for (const request of wanted) asked.push(ask(harness, topology, request, asked.length));
  for (const { afterSeconds, request } of further)
    simulation.events.call(fromSeconds + afterSeconds, () =>
      asked.push(ask(harness, topology, request, asked.length)),
    );
  const limit = fromSeconds + options.durationSeconds;
  const planned = wanted.length + further.length;
  const settled = (): boolean => asked.length === planned && asked.every((a) => isSettled(harness, a));
  if (planned === 0) harness.runUntil(limit);
  else harness.runWhile(() => !settled(), limit);
  const toSeconds = harness.now;
  const sent = simulation.wanBytesSent() - sentBefore;
  // Packets that are on their way now must not count as lost.
  harness.runUntil(toSeconds + 2);
  const wan = topology.links.find((l) => l.kind === 'packet');
  const capacity = (wan && builtLink(wan).capacityBitsPerSecond) ?? Infinity;
  return {
    fromSeconds,
    toSeconds,
    streams: [...simulation.players.keys(), ...simulation.probes.keys()].map((name) =>
      simulation.summary(name, fromSeconds, toSeconds),
    ),
    answer: asked[0] && harness.replies.get(asked[0].request),
    migration: migrationOf(harness, asked[0]),
    migrations: asked.map((a) => migrationOf(harness, a)),
    durationSeconds: toSeconds - fromSeconds,
    utilisation: (sent * 8) / (capacity * (toSeconds - fromSeconds)),
    view: harness.view,
    harness,
  };
}

interface Asked {
  /** number of the request, and the id that the migration gets if it is admitted */
  readonly request: number;
  readonly id: string;
}
const idOf = (ordinal: number): string => `00000000-0000-4000-8000-${String(ordinal + 1).padStart(12, '0')}`;
const migrationOf = (harness: EngineHarness, asked: Asked | undefined): MigrationView | undefined =>
  harness.view?.migrations.find((m) => m.id === asked?.id);
const ended = new Set(['completed', 'failed', 'cancelled']);

function ask(
  harness: EngineHarness,
  topology: Topology,
  wanted: Partial<MigrationRequest>,
  ordinal: number,
): Asked {
  const id = idOf(ordinal);
  const vm = topology.vms.find((v) => wanted.vm === undefined || v.name === wanted.vm);
  const request: MigrationRequest = {
    vm: vm?.name ?? '',
    destination: vm?.hosts.find((h) => h !== vm.at) ?? '',
    mode: 'precopy',
    maxBandwidthBytesPerSecond: null,
    downtimeLimitMs: 300,
    disk: 'none',
    dryRun: false,
    ...wanted,
  };
  const command = { kind: 'createMigration', id, idempotencyKey: null, bodyDigest: '', request } as const;
  return { request: harness.api(command), id };
}

/** The migration was refused, or has come to an end. */
function isSettled(harness: EngineHarness, asked: Asked): boolean {
  if (harness.replies.get(asked.request)?.ok === false) return true;
  const migration = migrationOf(harness, asked);
  return migration !== undefined && harness.alive && ended.has(migration.state);
}

function planFault(harness: EngineHarness, fault: Fault, fromSeconds: number): void {
  const { simulation } = harness;
  simulation.events.call(fromSeconds + fault.afterSeconds, (now) => {
    switch (fault.kind) {
      case 'drop-connection':
        harness.dropConnection(fault.switch);
        return;
      case 'drop-agent':
        harness.dropAgent(fault.host, fault.forSeconds);
        return;
      case 'kill':
        harness.kill();
        simulation.events.call(now + fault.downSeconds, () => harness.start());
        return;
      case 'link':
        simulation.setLinkUp(fault.link, fault.up);
        return;
    }
  });
}

function withMemory(topology: Topology, memoryBytes: number | undefined): Topology {
  if (memoryBytes === undefined) return topology;
  return { ...topology, vms: topology.vms.map((vm) => ({ ...vm, memoryBytes })) };
}
