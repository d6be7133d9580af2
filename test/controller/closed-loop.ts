import {
  BacklogEstimator,
  type BottleneckSample,
  bytes,
  bytesPerSecond,
  createPolicy,
  defaultPolicyConfig,
  instant,
  LoopDelay,
  type LyapunovPolicy,
  type PolicyConfig,
  type PolicyDecision,
  type PolicyName,
  type SlotCertificate,
  seconds,
} from '../../controller/index.js';
import { type Counters, Plant, type PlantOptions, quantile, randomSource } from './plant.js';

/** What can go wrong between the counters and the controller. */
export interface Disturbances {
  /** reply within this of the request, s */
  readonly roundTrip: number;
  /** probability of a stall of 20-80 ms in a slot: reply late, read at an unknown time in between */
  readonly stalls: number;
  /** probability that counters of one reply are read up to 30 ms apart, in a reply that took as long */
  readonly skews: number;
  /** same, up to 10 ms, in a reply that looks prompt: the clock cannot tell */
  readonly hiddenSkews: number;
}
export const calm: Disturbances = { roundTrip: 0.0005, stalls: 0, skews: 0, hiddenSkews: 0 };
export const rough: Disturbances = { roundTrip: 0.002, stalls: 0.005, skews: 0.01, hiddenSkews: 0.001 };
export const harsh: Disturbances = { roundTrip: 0.002, stalls: 0.02, skews: 0.02, hiddenSkews: 0.005 };

export interface LoopOptions {
  readonly plant: Partial<PlantOptions>;
  readonly policy: PolicyName;
  readonly config: Partial<PolicyConfig>;
  readonly disturbances: Disturbances;
  readonly migrationBytes: number;
  readonly migrationStart: number;
  /** s; the run ends earlier when the migration is done */
  readonly limit: number;
  /** the estimator is told that the queue holds this much when it holds `initialQueue`: a planted lie */
  readonly plantedBelief?: number;
  readonly believedCapacityShare?: number;
  /** bytes that no counter sees enter the queue at this time */
  readonly hidden?: { readonly at: number; readonly bytes: number };
  /** the policy is told this delay whatever the traffic says: a planted lie */
  readonly plantedDelaySlots?: number;
  /** a command works this much later than the 10-25 ms that it takes anyway, s */
  readonly slowPacer?: number;
}

export interface LoopResult {
  readonly finished: boolean;
  readonly migrationSeconds: number;
  /** bytes / (capacity - mean cross traffic of the same time) */
  readonly boundSeconds: number;
  readonly videoP50: number;
  readonly videoP99: number;
  readonly aloneP50: number;
  readonly aloneP99: number;
  /** longest time in which the real queue never fell below 5 ms, s */
  readonly longestStanding: number;
  readonly trace: {
    readonly at: number;
    readonly queue: number;
    readonly estimate: number;
    readonly rate: number;
    readonly mode: string;
    /** the light on the proof and the one on the real queue; null: there was nothing to judge */
    readonly verdict: string | null;
    readonly realQueue: string;
    /** the proof says something, and the real queue does not contradict it */
    readonly green: boolean;
    /** what is proved, bytes */
    readonly bound: number;
  }[];
  readonly estimateErrors: number[];
  readonly certificate: SlotCertificate | null;
  readonly probes: { readonly count: number; readonly strangers: number };
  readonly contradictions: number;
  readonly loopDelaySlots: number;
  readonly modes: Readonly<Record<string, number>>;
  /** slots that held while the true queue, at the reading, was above the bound that was proved */
  readonly aboveBound: number;
}

const slot = 0.02;

export function runLoop(options: LoopOptions): LoopResult {
  const plant = new Plant(options.plant);
  const random = randomSource((options.plant.seed ?? 1) * 104_729 + 17);
  const capacity = plant.options.capacity * (options.believedCapacityShare ?? 1);
  const config: PolicyConfig = { ...defaultPolicyConfig, ...options.config };
  const estimator = new BacklogEstimator({
    capacityBytesPerSecond: bytesPerSecond(capacity),
    slotSeconds: seconds(slot),
    bufferBytes: bytes(plant.options.bufferBytes),
  });
  const policy = createPolicy(options.policy, config);
  const delay = new LoopDelay(seconds(slot), 1);
  const queues: number[] = [];
  const trace: LoopResult['trace'] = [];
  const estimateErrors: number[] = [];
  const modes: Record<string, number> = {};
  let contradictions = 0;
  let aboveBound = 0;
  let queueBefore = 0;
  let certificate: SlotCertificate | null = null;
  let before: { at: number; counters: Counters } | undefined;
  let started = Number.NaN;
  let next = 0;
  let demand = 0;
  const follow = (to: number): void => {
    while (to - plant.now > 0.000_13) {
      plant.advance(Math.min(to, plant.now + 0.001));
      if (demand > 0) queues.push(plant.queue);
    }
  };
  let injected = false;
  let videoFrom = 0;
  let crossFrom = 0;
  while (plant.now < options.limit) {
    if (demand === 0 && plant.now >= options.migrationStart) {
      demand = Number.POSITIVE_INFINITY;
      plant.ownRemaining = options.migrationBytes;
      started = plant.now;
      videoFrom = plant.videoDelays.length;
      crossFrom = plant.counters.arrived - plant.counters.own;
    }
    if (demand > 0 && plant.ownRemaining <= 0) break;
    if (options.hidden !== undefined && !injected && plant.now >= options.hidden.at) {
      injected = true;
      plant.inject(options.hidden.bytes);
    }
    const reading = read(plant, options.disturbances, random, follow);
    let sample: BottleneckSample | undefined;
    if (before !== undefined) sample = sampleOf(before, reading);
    before = reading;
    if (options.plantedBelief !== undefined && sample !== undefined && trace.length === 0)
      estimator.assume(bytes(options.plantedBelief));
    if (sample !== undefined) {
      const estimate = estimator.update(sample);
      if (estimate.contradiction) contradictions += 1;
      const own = reading.counters.own - reading.ownBefore;
      if (demand > 0 && !sample.late) delay.observed(sample.at, sample.intervalSeconds, bytes(own));
      const decision = policy.step({
        now: instant(plant.now),
        intervalSeconds: sample.intervalSeconds,
        capacityBytesPerSecond: bytesPerSecond(capacity),
        estimate,
        crossBytesPerSecond: bytesPerSecond((sample.arrivedBytes - own) / sample.intervalSeconds),
        ownBytesPerSecond: bytesPerSecond(own / sample.intervalSeconds),
        demandBytesPerSecond: bytesPerSecond(demand),
        sampleAgeSeconds: seconds(plant.now - sample.at),
        loopDelaySlots: options.plantedDelaySlots ?? delay.slots,
        loopDelayUncertaintySlots: delay.uncertaintyAround(options.plantedDelaySlots ?? delay.slots),
      });
      if (decision.certificate !== null && decision.certificate.slots !== certificate?.slots) {
        const { verdict, queueBoundBytes } = decision.certificate;
        // the slot that is over now was in force at the reading before this one
        if (verdict === 'held' && queueBefore > queueBoundBytes + 3 * 1514) aboveBound += 1;
      }
      queueBefore = reading.queue;
      certificate = decision.certificate ?? certificate;
      modes[decision.mode] = (modes[decision.mode] ?? 0) + 1;
      delay.commanded(instant(plant.now), decision.rateBytesPerSecond);
      const late = 0.01 + 0.015 * random() + (options.slowPacer ?? 0);
      plant.pace(plant.now + late, Math.min(decision.rateBytesPerSecond, 125_000_000));
      if (!sample.late) estimateErrors.push(estimate.backlogBytes - reading.queue);
      trace.push({
        at: plant.now,
        queue: plant.queue,
        estimate: estimate.backlogBytes,
        rate: decision.rateBytesPerSecond,
        mode: decision.mode,
        ...lightsOf(decision),
      });
    }
    next = Math.max(next + slot, plant.now);
    follow(next);
  }
  const end = plant.now;
  const duration = end - started;
  const cross = plant.counters.arrived - plant.counters.own - crossFrom;
  const alone = new Plant(options.plant);
  alone.advance(started);
  const aloneFrom = alone.videoDelays.length;
  alone.advance(end);
  const delays = plant.videoDelays.slice(videoFrom);
  const aloneDelays = alone.videoDelays.slice(aloneFrom);
  const probes =
    'drainProbes' in policy ? (policy as LyapunovPolicy).drainProbes : { count: 0, strangers: 0 };
  return {
    finished: plant.ownRemaining <= 0,
    migrationSeconds: duration,
    boundSeconds:
      (options.migrationBytes - Math.max(0, plant.ownRemaining)) /
      (plant.options.capacity * plant.options.trueCapacityShare - cross / duration),
    videoP50: quantile(delays, 0.5),
    videoP99: quantile(delays, 0.99),
    aloneP50: quantile(aloneDelays, 0.5),
    aloneP99: quantile(aloneDelays, 0.99),
    longestStanding: longestAbove(queues, 0.005 * capacity) * 0.001,
    trace,
    estimateErrors,
    certificate,
    probes,
    contradictions,
    loopDelaySlots: delay.slots,
    modes,
    aboveBound,
  };
}

/** As `engine/certificate-view.ts` and the page's header put the two together. */
function lightsOf(decision: PolicyDecision): {
  verdict: string | null;
  realQueue: string;
  green: boolean;
  bound: number;
} {
  const { certificate, realQueue = 'unknown' } = decision;
  const proved = certificate !== null && certificate.verdict === 'held' && !certificate.isVacuous;
  return {
    verdict: certificate?.verdict ?? null,
    realQueue,
    green: proved && realQueue === 'inside',
    bound: certificate?.queueBoundBytes ?? Number.POSITIVE_INFINITY,
  };
}

interface Reading {
  readonly at: number;
  readonly uncertainty: number;
  readonly late: boolean;
  readonly counters: Counters;
  readonly ownBefore: number;
  readonly queue: number;
}
const lastOwn = new WeakMap<Plant, number>();

/** One request and its reply; time passes meanwhile. */
function read(plant: Plant, d: Disturbances, random: () => number, follow: (to: number) => void): Reading {
  const requested = plant.now;
  const dice = random();
  let wait = d.roundTrip * random();
  let skew = 0;
  let after = d.roundTrip * random();
  if (dice < d.stalls) {
    const stall = 0.02 + 0.06 * random();
    if (random() < 0.5) wait += stall;
    else after += stall;
  } else if (dice < d.stalls + d.skews) skew = 0.005 + 0.025 * random();
  const hidden = random() < d.hiddenSkews;
  if (hidden) skew += 0.01 * random();
  follow(plant.now + wait);
  const first = { ...plant.counters };
  const queue = plant.queue;
  follow(plant.now + skew);
  const second = { ...plant.counters };
  const departuresFirst = random() < 0.5;
  follow(plant.now + after);
  const roundTrip = hidden ? Math.min(plant.now - requested, 2 * d.roundTrip) : plant.now - requested;
  const uncertainty = Math.max(0, roundTrip / 2);
  const counters = departuresFirst
    ? { ...second, departed: first.departed }
    : { ...first, departed: second.departed };
  const ownBefore = lastOwn.get(plant) ?? 0;
  lastOwn.set(plant, counters.own);
  return {
    at: plant.now - roundTrip / 2,
    uncertainty,
    late: uncertainty > slot / 4,
    counters,
    ownBefore,
    queue,
  };
}

function sampleOf(before: { at: number; counters: Counters }, reading: Reading): BottleneckSample {
  return {
    at: instant(reading.at),
    intervalSeconds: seconds(reading.at - before.at),
    arrivedBytes: bytes(reading.counters.arrived - before.counters.arrived),
    departedBytes: bytes(reading.counters.departed - before.counters.departed),
    droppedBytes: bytes(reading.counters.dropped - before.counters.dropped),
    timeUncertaintySeconds: seconds(reading.uncertainty),
    late: reading.late,
    gap: false,
  };
}

function longestAbove(values: readonly number[], limit: number): number {
  let longest = 0;
  let run = 0;
  for (const value of values) {
    run = value > limit ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}
