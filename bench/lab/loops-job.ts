import {
  BacklogEstimator,
  bytes,
  bytesPerSecond,
  createPolicy,
  instant,
  LoopDelay,
  type PolicyDecision,
  type RatePolicy,
  seconds,
} from '../../controller/index.js';
import { type ControlConfig, defaultControl } from '../../src/engine/config.js';
import { policyConfigOf } from '../../src/engine/policy-config.js';
import type { Topology } from '../../src/network/topology.js';
import { bytesBetween, percentile, trace } from '../../src/traffic/index.js';
import type { JobOutcome } from './job.js';
import type { FairnessFigures, VideoFigures } from './measures.js';
import { oscillationOf } from './meter.js';
import type { Row } from './rows.js';
import { type Scenario, type Setting, topologyOf } from './scenario.js';
import { jainIndex, mean } from './statistics.js';

const stepSeconds = 0.001;
/** the reply and the queue's new rate, as the packet-level network has them */
const actuationSeconds = 0.007;
const frameBytes = 1514;
const seriesSteps = 100;
/** the second controller begins this much later, and both are compared over the last third of the run */
const secondAfterSeconds = 10;
const judgedShare = 1 / 3;

/** One controller at the fluid queue: its own estimator, policy and clock, with its own phase in the slot. */
class Loop {
  rate = 0;
  ownBytes = 0;
  readonly startsAt: number;
  private readonly control: ControlConfig;
  private readonly estimator: BacklogEstimator;
  private readonly policy: RatePolicy;
  private readonly delay: LoopDelay;
  private readonly commands: { readonly at: number; readonly rate: number }[] = [];
  private before: { at: number; arrived: number; departed: number; dropped: number; own: number } | undefined;
  private nextPollAt: number;
  private readonly capacity: number;

  constructor(
    startsAt: number,
    phaseSeconds: number,
    control: ControlConfig,
    capacity: number,
    buffer: number,
  ) {
    this.startsAt = startsAt;
    this.control = control;
    this.capacity = capacity;
    this.nextPollAt = phaseSeconds;
    const slotSeconds = seconds(control.slotMs / 1000);
    this.delay = new LoopDelay(slotSeconds, control.loopDelaySlots);
    this.estimator = new BacklogEstimator({
      capacityBytesPerSecond: bytesPerSecond(capacity),
      slotSeconds,
      bufferBytes: bytes(buffer),
    });
    this.policy = createPolicy(control.policy, policyConfigOf(control, 60, false));
  }

  /** Bytes that its migration sends in this step. */
  send(now: number): number {
    while (this.commands.length > 0 && this.commands[0]!.at <= now) this.rate = this.commands.shift()!.rate;
    return now < this.startsAt ? 0 : this.rate * stepSeconds;
  }

  poll(now: number, queue: FluidQueue): void {
    if (now + stepSeconds / 2 < this.nextPollAt) return;
    const slotSeconds = this.control.slotMs / 1000;
    this.nextPollAt += slotSeconds;
    const { arrived, departed, dropped } = queue;
    const last = this.before;
    this.before = { at: now, arrived, departed, dropped, own: this.ownBytes };
    if (last === undefined) return;
    const interval = seconds(now - last.at);
    const own = this.ownBytes - last.own;
    const isDemanded = now >= this.startsAt;
    if (isDemanded) this.delay.observed(instant(now), interval, bytes(own));
    const estimate = this.estimator.update({
      at: instant(now),
      intervalSeconds: interval,
      arrivedBytes: bytes(arrived - last.arrived),
      departedBytes: bytes(departed - last.departed),
      droppedBytes: bytes(dropped - last.dropped),
      timeUncertaintySeconds: seconds(0.0005),
      late: false,
      gap: false,
    });
    const decision: PolicyDecision = this.policy.step({
      now: instant(now),
      intervalSeconds: interval,
      capacityBytesPerSecond: bytesPerSecond(this.capacity),
      estimate,
      crossBytesPerSecond: bytesPerSecond(Math.max(0, arrived - last.arrived - own) / interval),
      ownBytesPerSecond: bytesPerSecond(own / interval),
      demandBytesPerSecond: bytesPerSecond(isDemanded ? Number.POSITIVE_INFINITY : 0),
      sampleAgeSeconds: seconds(0),
      loopDelaySlots: this.delay.slots,
    });
    if (!isDemanded) return;
    this.delay.commanded(instant(now), decision.rateBytesPerSecond);
    this.commands.push({
      at: now + actuationSeconds,
      rate: Math.min(decision.rateBytesPerSecond, 20 * this.capacity),
    });
  }
}

/** A FIFO of fluid. Counters in bytes since the beginning. */
class FluidQueue {
  backlog = 0;
  arrived = 0;
  departed = 0;
  dropped = 0;
  private readonly capacity: number;
  private readonly buffer: number;

  constructor(capacity: number, buffer: number) {
    this.capacity = capacity;
    this.buffer = buffer;
  }

  advance(amount: number): void {
    const accepted = Math.min(amount, this.buffer - this.backlog);
    this.arrived += amount;
    this.dropped += amount - accepted;
    this.backlog += accepted;
    const sent = Math.min(this.backlog, this.capacity * stepSeconds);
    this.backlog -= sent;
    this.departed += sent;
  }
}

export interface LoopsJob {
  readonly scenario: Scenario;
  readonly setting: Setting;
  readonly row: Row;
  readonly seed: number;
}

/** Two controllers with the row's law, the second some time after the first. */
export function runLoops(base: Topology, job: LoopsJob): JobOutcome {
  const { scenario, setting, row, seed } = job;
  const topology = topologyOf(base, setting);
  const link = topology.links.find((l) => l.kind === 'packet')!;
  const capacity = link.capacityBitsPerSecond! / 8;
  const buffer = link.bufferPackets * frameBytes;
  const control = { ...defaultControl, ...setting.control, ...row.control };
  const begin = scenario.leadSeconds;
  const end = begin + scenario.limitSeconds;
  const loops = [0, secondAfterSeconds].map(
    (after, i) =>
      new Loop(begin + after, ((i + 0.37) / 2) * (control.slotMs / 1000), control, capacity, buffer),
  );
  const loads = topology.traffic.map((t) => trace(t, seed, end));
  const course = play(loops, new FluidQueue(capacity, buffer), end, (from) =>
    loads.reduce((sum, load) => sum + bytesBetween(load, from, from + stepSeconds), 0),
  );
  const alone = play([], new FluidQueue(capacity, buffer), end, (from) =>
    loads.reduce((sum, load) => sum + bytesBetween(load, from, from + stepSeconds), 0),
  );
  const judgedFrom = end - scenario.limitSeconds * judgedShare;
  const window = (values: readonly number[]): Float64Array =>
    Float64Array.from(values.slice(Math.floor(begin / stepSeconds)), (b) => (b / capacity) * 1000).sort();
  const together = window(course.backlog);
  const moved = course.own.reduce((sum, own) => sum + own.at(-1)!, 0);
  const cross = course.arrived - moved;
  const rates = ratesOf(course.own[0]!);
  return {
    measures: {
      completed: true,
      refused: 0,
      deadlineMisses: null,
      seconds: scenario.limitSeconds,
      boundSeconds: moved / (capacity - cross / end),
      downtimeMs: null,
      memoryBytes: moved,
      movedBytes: moved,
      crossBitsPerSecond: (8 * cross) / end,
      utilisation: course.departed / (capacity * end),
      oscillation: oscillationOf(rates.slice(Math.ceil(begin / 0.1))),
      video: figuresOf(together, course.lossPercent),
      alone: figuresOf(window(alone.backlog), alone.lossPercent),
      queue: {
        meanMs: together.reduce((a, b) => a + b, 0) / together.length,
        p99Ms: percentile(together, 99) ?? 0,
        maxMs: together.at(-1) ?? 0,
      },
      step: null,
      oracle: null,
      fairness: fairnessOf(course.own, judgedFrom),
      certificate: null,
      host: null,
    },
    series: {
      fromSeconds: 0,
      stepSeconds: stepSeconds * seriesSteps,
      queueMs: rates.map(
        (_, i) =>
          (Math.max(...course.backlog.slice(i * seriesSteps, (i + 1) * seriesSteps)) / capacity) * 1000,
      ),
      ownMbps: rates,
      crossMbps: ratesOf(course.own[1]!),
    },
  };
}

function fairnessOf(own: readonly (readonly number[])[], fromSeconds: number): FairnessFigures {
  const second = Math.round(1 / stepSeconds);
  const first = Math.floor(fromSeconds / stepSeconds);
  const last = own[0]!.length - 1;
  const sharesIn = (from: number, to: number): number => jainIndex(own.map((o) => o[to]! - o[from]!));
  const seconds: number[] = [];
  for (let k = first; k + second <= last; k += second) seconds.push(sharesIn(k, k + second));
  return { overall: sharesIn(first, last), inEachSecond: mean(seconds) };
}

/** Delay of a byte that arrives at any time: what a fluid queue can say about the video. */
function figuresOf(sortedMs: Float64Array, lossPercent: number): VideoFigures {
  return {
    sentPackets: null,
    p50Ms: percentile(sortedMs, 50) ?? 0,
    p99Ms: percentile(sortedMs, 99) ?? 0,
    maxMs: sortedMs.at(-1) ?? 0,
    lossPercent,
    stallSeconds: null,
  };
}

/** Mbit/s in each tenth of a second, from bytes since the beginning at each step. */
const ratesOf = (bytesSoFar: readonly number[]): number[] =>
  Array.from({ length: Math.floor((bytesSoFar.length - 1) / seriesSteps) }, (_, i) => {
    const sent = bytesSoFar[(i + 1) * seriesSteps]! - bytesSoFar[i * seriesSteps]!;
    return (sent * 8e-6) / (seriesSteps * stepSeconds);
  });

interface Course {
  /** bytes, at the end of each step */
  readonly backlog: readonly number[];
  /** of each loop, bytes since the beginning */
  readonly own: readonly (readonly number[])[];
  readonly arrived: number;
  readonly departed: number;
  readonly lossPercent: number;
}

function play(
  loops: readonly Loop[],
  queue: FluidQueue,
  endSeconds: number,
  crossOf: (fromSeconds: number) => number,
): Course {
  const backlog: number[] = [];
  const own = loops.map((): number[] => []);
  for (let k = 0; k * stepSeconds < endSeconds; k++) {
    const now = k * stepSeconds;
    let amount = crossOf(now);
    for (const [i, loop] of loops.entries()) {
      const sent = loop.send(now);
      loop.ownBytes += sent;
      amount += sent;
      own[i]!.push(loop.ownBytes);
    }
    queue.advance(amount);
    backlog.push(queue.backlog);
    for (const loop of loops) loop.poll(now + stepSeconds, queue);
  }
  const lossPercent = queue.arrived > 0 ? (100 * queue.dropped) / queue.arrived : 0;
  return { backlog, own, arrived: queue.arrived, departed: queue.departed, lossPercent };
}
