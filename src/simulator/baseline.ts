import type { AgentEventLine, AgentStatus } from '../hypervisor/protocol.js';
import { desiredRules } from '../network/intents.js';
import type { MigrationIntent, NetworkState } from '../network/network-state.js';
import { builtLink, type Topology } from '../network/topology.js';
import { type Deployment, uplinkBitsPerSecond } from './link-queues.js';
import { NetworkSimulation, type SimulationOptions } from './network-simulation.js';
import { programSwitch } from './program-switch.js';
import type { StreamSummary } from './stream-record.js';

/**
 * `alone`: the traffic without a migration. `uncontrolled`: one migration with TCP (CUBIC unless `simulation.tcp` says
 * otherwise) as its only control, through the same rules and queues, nothing paced.
 */
export type BaselineCase = 'alone' | 'uncontrolled';

export interface BaselineOptions {
  readonly topology: Topology;
  readonly seed: number;
  readonly case: BaselineCase;
  /** of the VM that moves; default: what the topology says */
  readonly memoryBytes?: number;
  /** the window that is measured when nothing migrates, and the limit of a run with a migration */
  readonly durationSeconds: number;
  /** traffic runs this long before the window opens */
  readonly warmupSeconds?: number;
  readonly deployment?: Deployment;
  readonly simulation?: Partial<SimulationOptions>;
  readonly vm?: string;
  readonly destination?: string;
  readonly classes?: NetworkState['classes'];
  /** called before anything moves: for meters, and for what is to happen at a later time */
  readonly prepare?: (simulation: NetworkSimulation) => void;
}

export interface MigrationOutcome {
  readonly completed: boolean;
  readonly startedAtSeconds: number;
  readonly endedAtSeconds: number;
  readonly durationSeconds: number;
  readonly downtimeMs: number | null;
  readonly transferredBytes: number;
  readonly status: AgentStatus;
  readonly events: readonly { readonly atSeconds: number; readonly event: string; readonly host: string }[];
}

export interface BaselineResult {
  readonly case: BaselineCase;
  readonly seed: number;
  readonly fromSeconds: number;
  readonly toSeconds: number;
  /** every stream of the topology, and one round-trip probe of each VM, over the window */
  readonly streams: readonly StreamSummary[];
  readonly migration: MigrationOutcome | undefined;
  /** payload of each elastic flow that arrived over the window */
  readonly elastic: readonly { readonly name: string; readonly bytesPerSecond: number }[];
  /** share of the first packet link's capacity that was sent during the window */
  readonly utilisation: number;
  /** events that the simulation has fired; with the wall time of the caller, its speed */
  readonly eventsFired: number;
}

export const defaultWarmupSeconds = 3;
const stepSeconds = 0.05;
/** packets still on their way when a migration ends must not count as lost */
const drainSeconds = 2;

/** A migration by an agent's own means, without a controller. */
export function runBaseline(options: BaselineOptions): BaselineResult {
  const { topology, seed } = options;
  const simulation = new NetworkSimulation(topology, {
    seed,
    deployment: options.deployment,
    grantedBitsPerSecond: uplinkBitsPerSecond,
    ...options.simulation,
  });
  const plan = options.case === 'uncontrolled' ? planOf(options) : undefined;
  installRules(simulation, options, plan);
  options.prepare?.(simulation);
  simulation.startTraffic();
  const fromSeconds = options.warmupSeconds ?? defaultWarmupSeconds;
  simulation.runUntil(fromSeconds);
  const sentBefore = simulation.wanBytesSent();
  const limitSeconds = fromSeconds + options.durationSeconds;
  const migration = plan && migrate(simulation, plan, limitSeconds);
  const toSeconds = migration?.endedAtSeconds ?? limitSeconds;
  simulation.runUntil(toSeconds);
  const sent = simulation.wanBytesSent() - sentBefore;
  simulation.runUntil(toSeconds + drainSeconds);
  const streams = [...simulation.players.keys(), ...simulation.probes.keys()];
  const wan = topology.links.find((l) => l.kind === 'packet');
  const capacity = (wan && builtLink(wan).capacityBitsPerSecond) ?? Infinity;
  return {
    case: options.case,
    seed,
    fromSeconds,
    toSeconds,
    streams: streams.map((name) => simulation.summary(name, fromSeconds, toSeconds)),
    migration,
    elastic: simulation.elasticFlows.map((flow) => ({
      name: flow.name,
      bytesPerSecond: flow.goodputBytesPerSecond(fromSeconds, toSeconds),
    })),
    utilisation: (sent * 8) / (capacity * (toSeconds - fromSeconds)),
    eventsFired: simulation.events.fired,
  };
}

interface Plan {
  readonly vm: string;
  readonly source: string;
  readonly destination: string;
  readonly address: string;
  readonly memoryBytes: number;
  readonly dirtyBytesPerSecond: number;
  readonly workingSetBytes: number;
}
const migrationPort = 4900;
const migrationName = 'baseline';

function planOf(options: BaselineOptions): Plan {
  const { topology } = options;
  const vm = topology.vms.find((v) => options.vm === undefined || v.name === options.vm);
  const destination = options.destination ?? vm?.hosts.find((h) => h !== vm.at);
  const host = topology.hosts.find((h) => h.name === destination);
  if (vm === undefined || host === undefined)
    throw new RangeError(`${topology.name} has no VM that could move: give it a VM with two hosts`);
  return {
    vm: vm.name,
    source: vm.at,
    destination: host.name,
    address: host.ip,
    memoryBytes: options.memoryBytes ?? vm.memoryBytes,
    dirtyBytesPerSecond: vm.dirtyBytesPerSecond,
    workingSetBytes: vm.workingSetBytes,
  };
}

/** The rules of an ordinary run, installed through the switches' control side; no lease, for nobody refreshes it. */
function installRules(simulation: NetworkSimulation, options: BaselineOptions, plan: Plan | undefined): void {
  const intent: MigrationIntent | undefined = plan && {
    ordinal: 1,
    epoch: 0,
    vm: plan.vm,
    source: plan.source,
    destination: plan.destination,
    tcpPort: migrationPort,
    stage: 'running',
    granted: true,
  };
  const state: NetworkState = {
    vmLocation: new Map(),
    migrations: intent === undefined ? [] : [intent],
    classes: options.classes ?? [{ name: 'video', udpPort: 5004, dscp: 46 }],
  };
  for (const spec of options.topology.switches) {
    const rules = desiredRules(options.topology, spec.name, state);
    const lasting = rules.map((rule) => ({ ...rule, hardTimeoutSeconds: 0 }));
    const errors = programSwitch(simulation.controls.get(spec.name)!, lasting);
    if (errors.length > 0) throw new RangeError(`${spec.name} refused rules: ${errors.join('; ')}`);
  }
}

function migrate(simulation: NetworkSimulation, plan: Plan, limitSeconds: number): MigrationOutcome {
  const source = simulation.agents.get(plan.source)!;
  const target = simulation.agents.get(plan.destination)!;
  const startedAtSeconds = simulation.now;
  const events: { atSeconds: number; event: string; host: string }[] = [];
  let ended = false;
  const listen = (host: string) => (line: AgentEventLine) => {
    events.push({ atSeconds: simulation.now, event: line.event, host });
    if (line.event === 'PRE_SWITCHOVER') source.handle({ execute: 'continue', migration: migrationName });
    if (line.event === 'COMPLETED' || line.event === 'FAILED') ended = true;
  };
  source.onEvent = listen(plan.source);
  target.onEvent = listen(plan.destination);
  const streams = [{ port: migrationPort }];
  target.handle({ execute: 'prepare-incoming', migration: migrationName, vm: plan.vm, streams });
  const answer = source.handle({
    execute: 'migrate',
    migration: migrationName,
    vm: plan.vm,
    destination: { address: plan.address },
    streams,
    memoryBytes: plan.memoryBytes,
    dirtyBytesPerSecond: plan.dirtyBytesPerSecond,
    workingSetBytes: plan.workingSetBytes,
    downtimeLimitMs: 300,
    bandwidthBytesPerSecond: null,
    switchoverTimeoutSeconds: 30,
  });
  if ('error' in answer) throw new RangeError(`the migration was refused: ${answer.error.detail}`);
  while (!ended && simulation.now < limitSeconds) simulation.runUntil(simulation.now + stepSeconds);
  const status = source.status(migrationName);
  const endedAtSeconds = ended ? events.at(-1)!.atSeconds : simulation.now;
  return {
    completed: status.phase === 'completed',
    startedAtSeconds,
    endedAtSeconds,
    durationSeconds: endedAtSeconds - startedAtSeconds,
    downtimeMs: status.downtimeMs,
    transferredBytes: status.transferredBytes,
    status,
    events,
  };
}
