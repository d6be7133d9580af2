import { type ControlConfig, defaultControl } from '../../src/engine/config.js';
import { Engine } from '../../src/engine/engine.js';
import type { MigrationView, SystemView } from '../../src/engine/view.js';
import type { Topology } from '../../src/network/topology.js';
import {
  defaultActuationSeconds,
  type NetworkSimulation,
  runBaseline,
  runVirtual,
  type SimulationOptions,
  type StreamSummary,
} from '../../src/simulator/index.js';
import { percentile } from '../../src/traffic/index.js';
import { certificateOf } from './certificate-of.js';
import type { JobOutcome } from './job.js';
import type { StepFigures, VideoFigures } from './measures.js';
import { Meter, oscillationOf } from './meter.js';
import { oracleFigures } from './oracle.js';
import { stallSeconds } from './playout.js';
import type { Row } from './rows.js';
import {
  type DeploymentLetter,
  deployed,
  jitterOf,
  machineName,
  type Scenario,
  type Setting,
  topologyOf,
} from './scenario.js';
import { stepResponse, stepWindow } from './step-response.js';

export interface SimulatedJob {
  readonly scenario: Scenario;
  readonly setting: Setting;
  readonly row: Row;
  readonly deployment: DeploymentLetter;
  readonly seed: number;
}

const channelDelaySeconds = 0.0005;

/** What either way of running gives, before it is measured. */
interface Run {
  readonly meter: Meter;
  readonly simulation: NetworkSimulation;
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly streams: readonly StreamSummary[];
  readonly utilisation: number;
  readonly completed: boolean;
  readonly refused: number;
  /** by number of the machine */
  readonly isAdmitted: (index: number) => boolean;
  readonly deadlineMisses: number | null;
  readonly downtimeMs: number | null;
  readonly movedBytes: number;
  readonly view: SystemView | undefined;
}

/** One run in virtual time, and the same load without a migration over the same window. */
export async function runSimulated(base: Topology, job: SimulatedJob): Promise<JobOutcome> {
  const { scenario, setting, seed } = job;
  const laterSeconds = jitterOf(scenario, seed);
  const topology = topologyOf(base, setting, laterSeconds);
  const world = new World(topology, job, laterSeconds);
  const run = job.row.control === null ? withoutController(world) : withEngine(world);
  const windowSeconds = run.toSeconds - run.fromSeconds;
  const alone = aloneFigures(world, run.fromSeconds, windowSeconds);
  const capacity = topology.links.find((l) => l.kind === 'packet')!.capacityBitsPerSecond!;
  const memoryBytes = topology.vms.reduce((sum, vm, i) => sum + (run.isAdmitted(i) ? vm.memoryBytes : 0), 0);
  const loads = run.streams.filter((s) => topology.traffic.some((t) => t.name === s.name));
  const crossBitsPerSecond = (8 * loads.reduce((sum, s) => sum + s.sentBytes, 0)) / windowSeconds;
  const backlog = run.meter.backlogMs(run.fromSeconds, run.toSeconds).sort();
  const series = run.meter.series(0, run.toSeconds);
  const first = Math.round(run.fromSeconds / series.stepSeconds);
  return {
    measures: {
      completed: run.completed,
      refused: run.refused,
      deadlineMisses: run.deadlineMisses,
      seconds: windowSeconds,
      boundSeconds:
        (8 * memoryBytes) /
        (capacity * world.meanCapacityShare(run.fromSeconds, run.toSeconds) - crossBitsPerSecond),
      downtimeMs: run.downtimeMs,
      memoryBytes,
      movedBytes: run.movedBytes,
      crossBitsPerSecond,
      utilisation: run.utilisation,
      oscillation: oscillationOf(series.ownMbps.slice(first)),
      video: videoFigures(topology, run),
      alone,
      queue: {
        meanMs: backlog.reduce((a, b) => a + b, 0) / Math.max(1, backlog.length),
        p99Ms: percentile(backlog, 99) ?? 0,
        maxMs: backlog.at(-1) ?? 0,
      },
      step: stepFigures(world, run, capacity),
      oracle: await oracleFigures({
        topology,
        setting,
        seed,
        fromSeconds: run.fromSeconds,
        horizonSeconds: scenario.limitSeconds,
        targetUtilisation: world.control.targetUtilisation,
        isAdmitted: run.isAdmitted,
        capacityShareAt: (at) => world.capacityShareAt(at),
      }),
      fairness: null,
      certificate: certificateOf(run.view),
      host: null,
    },
    series,
  };
}

/** The network of a job, and what happens to it at instants of the load. */
class World {
  /** the path between the sites with its capacity, whoever is told of it */
  readonly topology: Topology;
  /** with the bottleneck where the deployment has it */
  readonly built: Topology;
  readonly job: SimulatedJob;
  readonly laterSeconds: number;
  meter: Meter | undefined;
  simulation: NetworkSimulation | undefined;

  constructor(topology: Topology, job: SimulatedJob, laterSeconds: number) {
    this.topology = topology;
    this.built = deployed(topology, job.deployment);
    this.job = job;
    this.laterSeconds = laterSeconds;
  }

  get options(): Partial<SimulationOptions> {
    return { ...this.job.row.simulation };
  }

  /** Traffic begins at the simulation's instant 0, so its times are those of the load. */
  readonly prepare = (simulation: NetworkSimulation): void => {
    this.simulation = simulation;
    this.meter = new Meter(this.topology, simulation);
    this.disturb(simulation);
  };

  disturb(simulation: NetworkSimulation): void {
    const link = this.topology.links.find((l) => l.kind === 'packet')!;
    for (const { atSeconds, capacityShare } of this.job.setting.linkChanges ?? [])
      simulation.events.call(atSeconds + this.laterSeconds, () =>
        simulation.setLinkRate(link.name, link.capacityBitsPerSecond! * capacityShare),
      );
  }

  /** of the capacity that the controller was told, at an instant of the load */
  capacityShareAt(seconds: number): number {
    let share = 1;
    for (const { atSeconds, capacityShare } of this.job.setting.linkChanges ?? [])
      if (atSeconds + this.laterSeconds <= seconds) share = capacityShare;
    return share;
  }

  meanCapacityShare(fromSeconds: number, toSeconds: number): number {
    const changes = (this.job.setting.linkChanges ?? []).map((c) => c.atSeconds + this.laterSeconds);
    const cuts = [fromSeconds, ...changes.filter((at) => at > fromSeconds && at < toSeconds), toSeconds];
    let sum = 0;
    for (let i = 0; i + 1 < cuts.length; i++)
      sum += this.capacityShareAt(cuts[i]!) * (cuts[i + 1]! - cuts[i]!);
    return sum / (toSeconds - fromSeconds);
  }

  get control(): ControlConfig {
    return { ...defaultControl, ...this.job.setting.control, ...this.job.row.control };
  }
  /** A carrier's far end is asked over a channel as long as the path. */
  channelDelayOf(name: string): number {
    const { ends, oneWayDelayMs } = this.topology.links.find((l) => l.kind === 'packet')!;
    if (this.job.deployment === 'C' && name === ends[1]) return oneWayDelayMs / 1000;
    return name.startsWith('gw') ? this.channelDelaySeconds : channelDelaySeconds;
  }
  get channelDelaySeconds(): number {
    const { channelDelayMs } = this.job.setting;
    return channelDelayMs === undefined ? channelDelaySeconds : channelDelayMs / 1000;
  }
}

function withoutController(world: World): Run {
  const { scenario, seed } = world.job;
  const result = runBaseline({
    topology: world.built,
    seed,
    case: 'uncontrolled',
    durationSeconds: scenario.limitSeconds,
    warmupSeconds: scenario.leadSeconds,
    simulation: world.options,
    prepare: world.prepare,
  });
  return {
    ...result,
    meter: world.meter!,
    simulation: world.simulation!,
    completed: result.migration?.completed === true,
    refused: 0,
    isAdmitted: () => true,
    deadlineMisses: null,
    downtimeMs: result.migration?.downtimeMs ?? null,
    movedBytes: result.migration?.transferredBytes ?? 0,
    view: undefined,
  };
}

function withEngine(world: World): Run {
  const { scenario, setting, seed } = world.job;
  const machines = setting.machines?.map((m, i) => ({
    afterSeconds: m.askAfterSeconds,
    request: { vm: machineName(i), ...m.request },
  }));
  const result = runVirtual({
    topology: world.built,
    seed,
    createEngine: (config) => new Engine(config),
    control: world.control,
    migration: machines?.[0]?.request,
    further: machines?.slice(1),
    warmupSeconds: scenario.leadSeconds,
    durationSeconds: scenario.limitSeconds,
    simulation: world.options,
    harness: {
      channelDelaySeconds: (name) => world.channelDelayOf(name),
    },
    faults: setting.faults,
    prepare: world.prepare,
  });
  const admitted = result.migrations.filter((m) => m !== undefined);
  const downtimes = admitted.flatMap((m) => (m.downtimeMs === null ? [] : [m.downtimeMs]));
  return {
    ...result,
    meter: world.meter!,
    simulation: world.simulation!,
    completed: admitted.length > 0 && admitted.every((m) => m.state === 'completed'),
    refused: result.migrations.length - admitted.length,
    isAdmitted: (index) => result.migrations[index] !== undefined,
    deadlineMisses: missesOf(admitted),
    downtimeMs: downtimes.length === 0 ? null : Math.max(...downtimes),
    movedBytes: admitted.reduce((sum, m) => sum + Number(m.progress.memory.processedBytes), 0),
    view: result.view,
  };
}

function missesOf(migrations: readonly MigrationView[]): number | null {
  const bound = migrations.filter((m) => m.deadlineSeconds !== null);
  if (bound.length === 0) return null;
  return bound.filter((m) => {
    if (m.state !== 'completed' || m.endedAt === null) return true;
    return (Date.parse(m.endedAt) - Date.parse(m.createdAt)) / 1000 > m.deadlineSeconds!;
  }).length;
}

function aloneFigures(world: World, fromSeconds: number, windowSeconds: number): VideoFigures {
  let simulation: NetworkSimulation | undefined;
  const result = runBaseline({
    topology: world.built,
    seed: world.job.seed,
    case: 'alone',
    durationSeconds: windowSeconds,
    warmupSeconds: fromSeconds,
    simulation: world.options,
    prepare: (plant) => {
      simulation = plant;
      world.disturb(plant);
    },
  });
  return videoFigures(world.topology, { ...result, simulation: simulation! });
}

function videoFigures(
  topology: Topology,
  run: Pick<Run, 'streams' | 'simulation' | 'fromSeconds' | 'toSeconds'>,
): VideoFigures {
  const spec = topology.traffic.find((t) => t.kind === 'video')!;
  const summary = run.streams.find((s) => s.name === spec.name)!;
  if (summary.p50Ms === null || summary.p99Ms === null)
    throw new RangeError('no packet of the video arrived in the window');
  const packets = run.simulation.players.get(spec.name)!.record.packets();
  return {
    sentPackets: summary.sentPackets,
    p50Ms: summary.p50Ms,
    p99Ms: summary.p99Ms,
    maxMs: summary.maxMs,
    lossPercent: summary.lossPercent,
    stallSeconds: stallSeconds(packets, run, spec.framesPerSecond),
  };
}

function stepFigures(world: World, run: Run, capacity: number): StepFigures | null {
  const { step } = world.job.scenario;
  if (step === undefined) return null;
  const at = step.atSeconds + world.laterSeconds;
  const { control } = world;
  if (run.toSeconds < at + stepWindow.afterSeconds) return null;
  return stepResponse({
    backlogMs: run.meter.backlogMs(at - stepWindow.beforeSeconds, at + stepWindow.afterSeconds),
    stepSeconds: run.meter.backlogStepSeconds,
    informationDelaySeconds:
      world.job.row.control === null
        ? null
        : control.slotMs / 2000 + 2 * world.channelDelaySeconds + defaultActuationSeconds,
    byBitsPerSecond: step.byBitsPerSecond,
    headroomBitsPerSecond: (1 - control.targetUtilisation) * capacity,
    capacityBitsPerSecond: capacity,
  });
}
