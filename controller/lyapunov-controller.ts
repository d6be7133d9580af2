import { CertificateLedger, type SlotCertificate } from './certificate.js';
import { CommandTimeline } from './command-timeline.js';
import { DrainProbe, defaultDrainProbe } from './drain-probe.js';
import { ErrorWindow } from './error-window.js';
import { CrossTrafficForecast } from './forecast.js';
import { HeadRoom } from './head-room.js';
import { certifiedGainLimit, certifiedMismatchSlots } from './loop-stability.js';
import { Neighbours, yieldingShare } from './neighbours.js';
import {
  type PolicyConfig,
  type PolicyDecision,
  type PolicyInput,
  type PolicyMode,
  type RatePolicy,
  staleAfterSeconds,
} from './policy.js';
import { unclippedRate } from './rate-law.js';
import { RealQueueWitness } from './real-queue.js';
import { SafeMode } from './safe-mode.js';
import type { BacklogEstimate } from './sample.js';
import { bytes, bytesPerSecond, seconds } from './units.js';
import { VirtualQueue } from './virtual-queue.js';

/** a standing queue is drained with this time constant; long against the loop delay, short against patience */
const standingDrainSeconds = 0.12;
/** head-room never takes more than this share of capacity */
const lowestUtilisation = 0.1;
/** a standing backlog below this is counter noise */
const standingTolerance = 6 * 1514;
/** a drain probe leaves the port at this share of capacity: clearly idle for the detector */
const drainUtilisation = 0.75;
/** with no capacity known the safe rate alternates with this multiple of it, so often */
const exploreFactor = 3;
const exploreSeconds = 0.3;
const slotsBeforeUse = 10;
/** so long without a credible reading is a stall of the switch or its host, behind which traffic has piled up */
const stallSlots = 3.5;
/** below this share of its grant the migration traffic is limited by its sender */
const unfilledShare = 0.5;

/**
 * Steady's rate law with everything around it: forecast, predictor over commands in flight, head-room that
 * grows with a standing queue, drain probe, safe rate, certificate.
 *
 * What the law regulates is Z, the virtual queue: a real FIFO that is kept at a set point would delay the video
 * by that set point, while Z at Z* leaves the real queue empty because it is served faster, by (1-rho)c. What
 * Z cannot see, a queue that stood before or that c is too small for, reaches the law through rho:
 * rho = rho0 - S/(c tau), S = the backlog that stood through the last samples. It enters each command and the
 * virtual capacity of its slot alike, so the theorems hold as they are while the queue drains within 2 tau.
 */
export class LyapunovPolicy implements RatePolicy {
  readonly name = 'steady';
  private readonly config: PolicyConfig;
  private readonly forecast: CrossTrafficForecast;
  private readonly timeline = new CommandTimeline();
  private readonly headRoom: HeadRoom;
  private readonly queue: VirtualQueue;
  private readonly ledger: CertificateLedger;
  private readonly probe: DrainProbe;
  private readonly witness = new RealQueueWitness();
  private readonly safe = new SafeMode();
  private readonly neighbours: Neighbours;
  /** |U + xhat - rho c| of the newest commands: what Z moves by per second that a delay is mistaken */
  private readonly movements = new ErrorWindow();
  /** the certified gain, and the delay that it was computed for */
  private limitOf = { delaySlots: Number.NaN, gain: 0 };
  private lastSampleAt = Number.NaN;
  private lastGoodAt = Number.NaN;
  /** what held samples counted, to be measured together with the next good one */
  private pending = { interval: 0, cross: 0, own: 0 };
  private certificate: SlotCertificate | null = null;

  constructor(config: PolicyConfig) {
    this.config = config;
    this.forecast = new CrossTrafficForecast(config.forecastSlots, config.slotSeconds);
    this.headRoom = new HeadRoom(config.targetUtilisation, config.cautiousUtilisation);
    this.queue = new VirtualQueue(config.targetUtilisation);
    this.ledger = new CertificateLedger({
      gain: config.gain,
      slotSeconds: config.slotSeconds,
      targetBytes: config.virtualTargetBytes,
      delayPromiseSeconds: config.delayPromiseSeconds,
    });
    this.probe = new DrainProbe(defaultDrainProbe(config.slotSeconds));
    this.neighbours = new Neighbours({ fairShare: config.fairShare ?? 0 });
  }

  /** elasticity tests so far */
  get pulses(): number {
    return this.neighbours.pulses;
  }

  /** drain probes so far, and those that found somebody else's queue */
  get drainProbes(): { readonly count: number; readonly strangers: number } {
    return { count: this.probe.count, strangers: this.probe.strangers };
  }

  step(input: PolicyInput): PolicyDecision {
    const estimate = input.estimate;
    if (estimate !== null && estimate.at !== this.lastSampleAt) this.measure(input, estimate);
    // before the first complete measurement any rate would be a blind burst
    if (estimate === null || Number.isNaN(this.lastGoodAt))
      return this.decide(0, input.demandBytesPerSecond > 0 ? 'safe' : 'idle');
    const { slotSeconds } = this.config;
    const channel = input.channelSeconds ?? 0;
    const blind =
      input.sampleAgeSeconds > staleAfterSeconds(slotSeconds, channel) ||
      input.now - this.lastGoodAt > 6 * slotSeconds + channel ||
      !(input.capacityBytesPerSecond > 0);
    if (blind) {
      this.safe.enter('stale');
      this.neighbours.interrupt(input.now);
    }
    if (!(input.demandBytesPerSecond > 0)) {
      this.probe.cancel();
      this.neighbours.reset();
      this.certificate = null;
      return this.command(input, estimate, 0, 'idle');
    }
    if (this.neighbours.phase !== 'alone' && this.safe.reason !== 'stale')
      return this.besideNeighbours(input, estimate);
    if (this.safe.reason !== null) return this.fallBack(input, estimate);
    return this.command(input, estimate, Number.POSITIVE_INFINITY, 'normal');
  }

  /** A new sample: forecast, virtual queue, and the verdict on slots that are over. */
  private measure(input: PolicyInput, estimate: BacklogEstimate): void {
    const covered = estimate.at - this.lastSampleAt <= 1.5 * input.intervalSeconds + 1e-9;
    const missed = estimate.restarted || !covered;
    this.lastSampleAt = estimate.at;
    if (missed) {
      this.ledger.abandon();
      this.witness.restart();
      this.pending = { interval: 0, cross: 0, own: 0 };
    }
    if (estimate.restarted || !(input.intervalSeconds > 0)) return;
    this.pending.interval += input.intervalSeconds;
    this.pending.cross += input.crossBytesPerSecond * input.intervalSeconds;
    this.pending.own += input.ownBytesPerSecond * input.intervalSeconds;
    if (estimate.held) return;
    const { interval, cross, own } = this.pending;
    if (input.demandBytesPerSecond > 0 && interval > stallSlots * this.config.slotSeconds)
      this.headRoom.trouble(input.now);
    this.pending = { interval: 0, cross: 0, own: 0 };
    this.lastGoodAt = estimate.at;
    this.forecast.push(bytes(cross), seconds(interval));
    this.headRoom.sent(own / interval, interval);
    this.advance(input, estimate, interval, cross / interval, own / interval);
  }

  private advance(
    input: PolicyInput,
    estimate: BacklogEstimate,
    interval: number,
    cross: number,
    own: number,
  ): void {
    const arrivals = cross + own;
    const capacity = input.capacityBytesPerSecond;
    const capacityError = input.capacityUncertaintyBytesPerSecond ?? 0;
    const from = estimate.at - interval;
    this.witness.proven(estimate, interval);
    // a sender with less to send than it may is no error of the forecast; its slots break the assumption
    const filled = own >= unfilledShare * this.leastGrant(input, from, estimate.at);
    for (const step of this.queue.measure(this.timeline, from, estimate.at, arrivals, capacity)) {
      const command = step.command;
      if (filled && command?.lawful) this.forecast.errors.push(arrivals - command.rate - command.forecast);
      this.witness.advance(
        step,
        this.queue.virtualCapacity(step, capacity),
        capacity,
        capacityError,
        estimate.readingErrorBytes,
      );
      const aboveVirtual = this.witness.aboveVirtual(estimate);
      const finished = this.ledger.add(step, filled, { capacity, capacityError, aboveVirtual });
      if (finished !== undefined) this.heed(finished);
    }
    const bound = this.certificate?.queueBoundBytes ?? Number.POSITIVE_INFINITY;
    this.witness.observe(estimate, bound, capacity, interval);
    // a neighbour's queue is no failure of the model, once it is known to be a neighbour's
    const alone = this.neighbours.phase === 'alone';
    this.safe.sample(estimate.at, alone && estimate.contradiction, alone && this.witness.staysOutside);
    this.meet(input, estimate, interval, cross, own);
    this.timeline.forget(from);
  }

  private meet(
    input: PolicyInput,
    estimate: BacklogEstimate,
    interval: number,
    cross: number,
    own: number,
  ): void {
    const capacity = input.capacityBytesPerSecond;
    const rate = this.timeline.newest?.rate ?? Number.POSITIVE_INFINITY;
    const fellBack = this.safe.reason !== null && this.safe.reason !== 'stale';
    const before = this.neighbours.phase;
    this.neighbours.observe({
      at: input.now,
      intervalSeconds: interval,
      capacity,
      own,
      cross,
      departed: input.departedBytesPerSecond ?? cross + own,
      backlogBytes: estimate.backlogBytes,
      loopSeconds: input.loopDelaySlots * this.config.slotSeconds + input.now - estimate.backlogAt,
      learnt: isLearnt(estimate),
      yielding: input.demandBytesPerSecond > 0 && (fellBack || rate <= yieldingShare * capacity),
    });
    const over = before !== 'alone' && this.neighbours.phase === 'alone';
    if (!over || estimate.backlogBytes > goneSeconds * capacity) return;
    // The queue has drained; what Z ran up to while nobody obeyed the law is nothing to wait for.
    this.queue.reset();
    this.ledger.abandon();
    this.witness.restart();
  }

  /** A pulse, or the migration's own TCP in the place of the law. A capacity that is only learnt is no ceiling: it is what we got so far. */
  private besideNeighbours(input: PolicyInput, estimate: BacklogEstimate): PolicyDecision {
    this.probe.cancel();
    const capacity = input.capacityBytesPerSecond;
    const rate = this.neighbours.rate(capacity, isLearnt(estimate) ? 2 * capacity : capacity);
    const mode = this.neighbours.competes ? 'shared' : 'pulse';
    return this.command(input, estimate, Math.min(rate, input.demandBytesPerSecond), mode);
  }

  /** The lowest rate that can have been in force in [from, to], whichever delay of its interval is the true one. */
  private leastGrant(input: PolicyInput, from: number, to: number): number {
    const slack = Math.max(1, mistakenSlots(input)) * this.config.slotSeconds;
    const stretches = this.timeline.stretches(from - slack, to + slack);
    return Math.min(...stretches.map(({ command }) => command?.rate ?? 0));
  }

  private heed(finished: SlotCertificate): void {
    this.certificate = finished;
    if (finished.verdict === 'violated' || finished.risingOutsideBall > 3) this.safe.enter('certificate');
  }

  private fallBack(input: PolicyInput, estimate: BacklogEstimate): PolicyDecision {
    this.probe.cancel();
    // A path of which nothing is known yet is learnt from traffic that changes.
    const learning = !(input.capacityBytesPerSecond > 0) && Math.floor(input.now / exploreSeconds) % 2 === 1;
    const wanted = this.config.safeBytesPerSecond * (learning ? exploreFactor : 1);
    const safe = Math.min(wanted, input.demandBytesPerSecond);
    return this.command(input, estimate, safe, input.demandBytesPerSecond > 0 ? 'safe' : 'idle');
  }

  /** The law, or `fixed` bytes/s in its place, recorded as the command in flight. */
  private command(
    input: PolicyInput,
    estimate: BacklogEstimate,
    fixed: number,
    mode: PolicyMode,
  ): PolicyDecision {
    const { slotSeconds, gain, virtualTargetBytes } = this.config;
    const capacity = input.capacityBytesPerSecond;
    const forecast = this.forecast.mean();
    const observationDelay = input.now - estimate.backlogAt;
    const utilisation = this.utilisation(input.now, estimate, capacity, observationDelay);
    const loopDelay = Math.max(0, input.loopDelaySlots) * slotSeconds;
    const effectiveAt = Math.max(input.now + loopDelay, this.timeline.newest?.effectiveAt ?? input.now);
    const predicted = this.queue.predict(this.timeline, this.lastGoodAt, effectiveAt, forecast, capacity);
    const wanted = unclippedRate({
      utilisation,
      capacity,
      forecast,
      gain,
      predicted,
      target: virtualTargetBytes,
      slot: slotSeconds,
    });
    const depth =
      mode === 'normal'
        ? this.probe.update(input.now, estimate, loopDelay + observationDelay, capacity)
        : 'none';
    const ceiling = Math.min(input.demandBytesPerSecond, capacity, this.drainCeiling(depth, capacity));
    const rate = Number.isFinite(fixed) ? fixed : Math.max(0, Math.min(wanted, ceiling));
    this.timeline.push({
      effectiveAt,
      rate,
      wanted,
      forecast,
      utilisation,
      capacity,
      predicted,
      forecastError: this.forecast.errors.max(),
      disturbance: this.ledger.largestDisturbance,
      measurementError: estimate.readingErrorBytes,
      delayError: this.delayError(input),
      horizon: effectiveAt - this.lastGoodAt,
      lawful: mode === 'normal',
      judged: mode === 'normal' && this.ledger.learntSlots >= slotsBeforeUse,
      certifiedDelay: this.certifies(input),
    });
    if (mode === 'normal') this.movements.push(rate + forecast - utilisation * capacity);
    return this.decide(rate, depth === 'none' ? mode : 'drain', estimate);
  }

  /** Is the gain certified for the interval in which the delay lies? */
  private certifies(input: PolicyInput): boolean {
    if (input.loopDelaySlots !== this.limitOf.delaySlots)
      this.limitOf = { delaySlots: input.loopDelaySlots, gain: certifiedGainLimit(input.loopDelaySlots) };
    return this.config.gain < this.limitOf.gain && mistakenSlots(input) <= certifiedMismatchSlots;
  }

  /** eps_delay = m T max |U + xhat - rho c|: the volume that a delay mistaken by m slots takes for another slot's */
  private delayError(input: PolicyInput): number {
    return mistakenSlots(input) * this.config.slotSeconds * this.movements.max();
  }

  /** rho: lower by what drains the standing queue in its time constant */
  private utilisation(
    now: number,
    estimate: BacklogEstimate,
    capacity: number,
    observationDelay: number,
  ): number {
    const target = this.headRoom.utilisation(now, capacity);
    const standing = Math.max(0, estimate.standingBytes - standingTolerance);
    if (standing === 0) return target;
    const drainSeconds = Math.max(standingDrainSeconds, 1.5 * observationDelay);
    const lowered = target - standing / (capacity * drainSeconds);
    return Math.max(Math.min(target, lowestUtilisation), lowered);
  }

  private drainCeiling(depth: 'none' | 'shallow' | 'full', capacity: number): number {
    if (depth === 'none') return Number.POSITIVE_INFINITY;
    return depth === 'full' ? 0 : Math.max(0, drainUtilisation * capacity - this.forecast.mean());
  }

  private decide(rate: number, mode: PolicyMode, estimate?: BacklogEstimate): PolicyDecision {
    const { reason } = this.safe;
    const shared = mode === 'shared';
    return {
      rateBytesPerSecond: bytesPerSecond(rate),
      mode,
      certificate: shared ? null : this.certificate,
      ...(shared ? { sharedBytesPerSecond: bytesPerSecond(this.neighbours.ownBytesPerSecond) } : {}),
      realQueue: estimate === undefined ? 'unknown' : this.witness.light(estimate),
      ...(mode === 'safe' && reason !== null ? { safeReason: reason } : {}),
      forecastBytesPerSecond: this.forecast.mean(),
    };
  }
}

/** a queue below this has drained */
const goneSeconds = 0.005;

/** the far end of a path tells of its queue: then its capacity is learnt, too */
const isLearnt = (estimate: BacklogEstimate): boolean => estimate.backlogAt < estimate.at;

const mistakenSlots = (input: PolicyInput): number =>
  input.loopDelayUncertaintySlots ?? certifiedMismatchSlots;

/** Tuned on the plant of test/controller (see README for the figures): 50 Mbit/s, T = 20 ms, video of 25 frames a second. */
export const defaultPolicyConfig: PolicyConfig = {
  slotSeconds: seconds(0.02),
  targetUtilisation: 0.98,
  cautiousUtilisation: 0.95,
  gain: 0.4,
  virtualTargetBytes: 30_000,
  forecastSlots: 4,
  safeBytesPerSecond: bytesPerSecond(250_000),
  staticShare: 0.25,
  delayPromiseSeconds: seconds(0.06),
};
