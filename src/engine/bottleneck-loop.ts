import {
  type BacklogEstimate,
  type BytesPerSecond,
  bytes,
  bytesPerSecond,
  CrossTrafficQuantile,
  createPolicy,
  instant,
  LoopDelay,
  type PathEstimate,
  type PolicyDecision,
  type RatePolicy,
  type SlotCertificate,
  seconds,
  staleAfterSeconds,
} from '../../controller/index.js';
import type { Bottleneck } from '../network/index.js';
import type { SessionEvent } from '../session/index.js';
import type { Observation } from '../telemetry/index.js';
import { certificateView } from './certificate-view.js';
import type { EngineConfig } from './config.js';
import { policyConfigOf } from './policy-config.js';
import { type Gauged, idleSlots, type QueueGauge, type SessionOf, wirePacketBytes } from './queue-gauge.js';
import { ShadowPlant } from './shadow-plant.js';
import { ThroughputWindow } from './throughput-window.js';
import type { Turn } from './turn.js';
import type { BottleneckView, SplitView } from './view.js';

const shownRatesSeconds = 0.5;

/**
 * The control loop of one bottleneck: ask for the counters once a slot, turn the reply into an observation, the
 * observation into an estimate, the estimate into a rate. What the rate is shared among is not its business.
 */
export class BottleneckLoop {
  readonly id: string;
  readonly dpid: string;
  readonly linkName: string;
  readonly #spec: Bottleneck;
  readonly #gauge: QueueGauge;
  readonly #slotSeconds: number;
  readonly #config: EngineConfig;
  readonly #loopDelay: LoopDelay;
  readonly #policy: RatePolicy;
  readonly #delayPromise: BottleneckView['delayPromise'];
  #estimate: BacklogEstimate | null = null;
  #decision: PolicyDecision | undefined;
  #decided = false;
  /** the newest one; its counts go on being shown when the path is idle again */
  #certificate: SlotCertificate | null = null;
  /** the most that migrations can use; 0: there is none */
  #demand = 0;
  #dirtyBytesPerSecond: BytesPerSecond | undefined;
  #split: SplitView = { migrations: 0, grantedBitsPerSecond: 0, splits: 0, violations: 0 };
  #lastDecisionAt = Number.NEGATIVE_INFINITY;
  /** means over `shownRatesSeconds`, for people and for admission */
  #crossBytesPerSecond = 0;
  readonly #crossQuantile = new CrossTrafficQuantile();
  readonly #throughput = new ThroughputWindow();
  #ownBytesPerSecond = 0;
  /** undefined: the engine acts */
  readonly #shadow: ShadowPlant | undefined;
  #departedBytesPerSecond = 0;

  constructor(spec: Bottleneck, gauge: QueueGauge, config: EngineConfig) {
    const { control } = config;
    this.id = spec.id;
    this.dpid = spec.dpid;
    this.linkName = spec.linkName;
    this.#spec = spec;
    this.#gauge = gauge;
    this.#config = config;
    this.#slotSeconds = control.slotMs / 1000;
    this.#loopDelay = new LoopDelay(seconds(this.#slotSeconds), control.loopDelaySlots);
    this.#delayPromise = tightestPromise(config.classes);
    const delayPromiseMs = Math.min(this.#delayPromise?.delayMs ?? 1000, 1000);
    if (config.shadow && !spec.opaque) {
      this.#shadow = new ShadowPlant({
        bufferBytes: spec.bufferPackets * wirePacketBytes,
        delayPromiseSeconds: delayPromiseMs / 1000,
        staticShare: control.staticShare,
      });
      this.#demand = Number.POSITIVE_INFINITY;
    }
    this.#policy = createPolicy(control.policy, policyConfigOf(control, delayPromiseMs, spec.opaque));
  }

  /** switches whose counters this loop reads */
  get dpids(): readonly string[] {
    return this.#gauge.dpids;
  }

  /** 0: not known (yet) */
  get capacityBytesPerSecond(): number {
    return this.#gauge.capacityBytesPerSecond;
  }

  get rateBytesPerSecond(): number {
    return this.#decision?.rateBytesPerSecond ?? 0;
  }

  /** Of what is granted, the share that gets through: 1 but beside an elastic neighbour, where the rate is a ceiling that TCP does not reach. */
  get attainedShare(): number {
    const shared = this.#decision?.sharedBytesPerSecond;
    if (shared === undefined || this.rateBytesPerSecond === 0) return 1;
    return Math.min(1, shared / this.rateBytesPerSecond);
  }

  get #demanded(): boolean {
    return this.#demand > 0;
  }

  /**
   * @param most bytes/s that the migrations that send may use together; Infinity: as much as they get
   * @param dirtyBytesPerSecond of the machines that are past their first round; undefined: none is
   */
  setDemand(most: number, dirtyBytesPerSecond?: BytesPerSecond): void {
    if (this.#shadow !== undefined) return;
    this.#demand = most;
    this.#dirtyBytesPerSecond = dirtyBytesPerSecond;
    if (most === 0 && this.#split.migrations > 0)
      this.#split = { ...this.#split, migrations: 0, grantedBitsPerSecond: 0 };
  }

  /** What was handed out of the rate: the parts must not be more than the whole. */
  divided(now: number, migrations: number, bytesPerSecond: number): void {
    this.#throughput.granted(now, bytesPerSecond);
    const { splits, violations } = this.#split;
    const kept = bytesPerSecond <= this.rateBytesPerSecond * (1 + 1e-9);
    this.#split = {
      migrations,
      grantedBitsPerSecond: bytesPerSecond * 8,
      splits: splits + (migrations > 0 ? 1 : 0),
      violations: violations + (kept ? 0 : 1),
    };
  }

  /** True once after each new decision. */
  takeDecided(): boolean {
    const decided = this.#decided;
    this.#decided = false;
    return decided;
  }

  /** What stands in the queue now, as time, in the worse of its two readings: whoever stops a machine needs it short. */
  get queueSeconds(): number {
    return Math.max(this.#backlogSeconds, this.#gauge.path?.queueDelaySeconds ?? 0);
  }

  get #backlogSeconds(): number {
    const capacity = this.capacityBytesPerSecond;
    return capacity > 0 ? (this.#estimate?.backlogBytes ?? 0) / capacity : 0;
  }

  /** Our own traffic that arrives, over what was granted of late. */
  get throughputShare(): number {
    return this.#throughput.share;
  }

  /** What migrations could get now: the target less the mean of everybody else. */
  residualBytesPerSecond(): number {
    const target = this.#config.control.targetUtilisation * this.capacityBytesPerSecond;
    return Math.max(0, target - this.#crossBytesPerSecond);
  }

  /** The path's side of an admission for a migration that takes about `horizonSeconds`. */
  forAdmission(horizonSeconds: number): {
    capacityBytesPerSecond: BytesPerSecond;
    targetUtilisation: number;
    crossBytesPerSecond: BytesPerSecond;
  } {
    return {
      capacityBytesPerSecond: bytesPerSecond(this.capacityBytesPerSecond),
      targetUtilisation: this.#config.control.targetUtilisation,
      crossBytesPerSecond:
        this.#crossQuantile.upper95(seconds(horizonSeconds)) ?? bytesPerSecond(this.#crossBytesPerSecond),
    };
  }

  run(turn: Turn, sessionOf: SessionOf): void {
    this.#gauge.run(turn, sessionOf, this.#demanded);
    // A slot without a sample still needs a decision: the policy predicts, and falls back when it must.
    if (turn.now >= this.#decideAt()) this.#decide(turn, undefined);
  }

  #decideAt(): number {
    return this.#demanded ? this.#lastDecisionAt + 1.5 * this.#slotSeconds : Number.POSITIVE_INFINITY;
  }

  nextDeadline(): number {
    return Math.min(this.#gauge.nextDeadline(this.#demanded), this.#decideAt());
  }

  /** True if the event answered this loop's request. */
  onEvent(turn: Turn, dpid: string, event: SessionEvent): boolean {
    const { ours, gauged } = this.#gauge.onEvent(turn, dpid, event);
    if (gauged !== undefined) this.#decide(turn, gauged);
    return ours;
  }

  switchLost(dpid: string): void {
    this.#gauge.switchLost(dpid);
    this.#estimate = null;
  }

  #decide(turn: Turn, measured: Gauged | undefined): void {
    const gauged =
      measured &&
      (this.#shadow?.step(measured, this.rateBytesPerSecond, this.capacityBytesPerSecond) ?? measured);
    const observation = gauged?.observation;
    if (gauged !== undefined) {
      const { at, intervalSeconds, ownBytes, gap, late } = gauged.observation;
      if (this.#demanded && !gap && !late) this.#loopDelay.observed(at, intervalSeconds, ownBytes);
      this.#estimate = gauged.estimate;
      this.#smooth((measured ?? gauged).observation);
    }
    const age = this.#ageSeconds(turn.now);
    this.#lastDecisionAt = turn.now;
    this.#decision = this.#policy.step({
      now: instant(turn.now),
      intervalSeconds: observation?.intervalSeconds ?? seconds(this.#slotSeconds),
      capacityBytesPerSecond: bytesPerSecond(this.capacityBytesPerSecond),
      capacityUncertaintyBytesPerSecond: bytesPerSecond(this.#gauge.capacityUncertaintyBytesPerSecond),
      estimate: this.#estimate,
      crossBytesPerSecond: bytesPerSecond(
        observation === undefined
          ? 0
          : (observation.arrivedBytes - observation.ownBytes) / observation.intervalSeconds,
      ),
      ownBytesPerSecond: bytesPerSecond(
        observation === undefined ? 0 : observation.ownBytes / observation.intervalSeconds,
      ),
      demandBytesPerSecond: bytesPerSecond(this.#demand),
      sampleAgeSeconds: seconds(age),
      channelSeconds: seconds(this.#gauge.channelSeconds),
      loopDelaySlots: this.#loopDelay.slots,
      loopDelayUncertaintySlots: this.#loopDelay.uncertaintySlots,
      dirtyBytesPerSecond: this.#dirtyBytesPerSecond,
      departedBytesPerSecond:
        observation && bytesPerSecond(observation.departedBytes / observation.intervalSeconds),
    });
    this.#decided = true;
    this.#certificate = this.#decision.certificate ?? this.#certificate;
    if (this.#demanded) this.#loopDelay.commanded(instant(turn.now), this.#decision.rateBytesPerSecond);
  }

  #ageSeconds(now: number): number {
    if (this.#estimate === null) return Number.POSITIVE_INFINITY;
    return Math.max(now - this.#estimate.at, this.#gauge.overdueSeconds(now));
  }

  #smooth(observation: Observation): void {
    if (observation.gap) return;
    this.#throughput.arrived(observation.ownBytes, observation.intervalSeconds);
    this.#crossQuantile.push(
      bytes(observation.arrivedBytes - observation.ownBytes),
      seconds(observation.intervalSeconds),
    );
    const weight = Math.min(1, observation.intervalSeconds / shownRatesSeconds);
    const blend = (old: number, amount: number): number =>
      old * (1 - weight) + (amount / observation.intervalSeconds) * weight;
    this.#crossBytesPerSecond = blend(
      this.#crossBytesPerSecond,
      observation.arrivedBytes - observation.ownBytes,
    );
    this.#ownBytesPerSecond = blend(this.#ownBytesPerSecond, observation.ownBytes);
    this.#departedBytesPerSecond = blend(this.#departedBytesPerSecond, observation.departedBytes);
  }

  get #bufferBytes(): number {
    return this.#spec.bufferPackets * wirePacketBytes;
  }

  get departedBitsPerSecond(): number {
    return this.#departedBytesPerSecond * 8;
  }

  view(
    now: number,
    pacer: { commandedBitsPerSecond: number; enforcedBitsPerSecond: number } | undefined,
  ): BottleneckView {
    const capacity = this.capacityBytesPerSecond;
    const estimate = this.#estimate;
    const decision = this.#decision;
    const path = this.#gauge.path;
    const ageSeconds = this.#ageSeconds(now);
    const backlog = estimate?.backlogBytes ?? 0;
    return {
      id: this.id,
      link: this.linkName,
      dpid: this.dpid,
      capacityBitsPerSecond: capacity * 8,
      backlogBytes: backlog,
      backlogUncertaintyBytes: estimate?.uncertaintyBytes ?? 0,
      backlogMs: (path?.queueDelaySeconds ?? this.#backlogSeconds) * 1000,
      boundMs: (decision?.certificate?.delayBoundSeconds ?? 0) * 1000,
      bufferMs: path === undefined && capacity > 0 ? (this.#bufferBytes / capacity) * 1000 : 0,
      opaque: this.#spec.opaque,
      baseDelayMs:
        path === undefined || Number.isNaN(path.baseDelaySeconds) ? null : path.baseDelaySeconds * 1000,
      packetOverhead: this.#gauge.packetOverhead,
      capacityUncertaintyBitsPerSecond: this.#gauge.capacityUncertaintyBytesPerSecond * 8,
      policedBitsPerSecond: policedOf(path),
      sampleAgeMs: Number.isFinite(ageSeconds) ? ageSeconds * 1000 : -1,
      crossBitsPerSecond: this.#crossBytesPerSecond * 8,
      forecastBitsPerSecond: (decision?.forecastBytesPerSecond ?? 0) * 8,
      commandedBitsPerSecond: this.#demanded ? this.rateBytesPerSecond * 8 : 0,
      enforcedBitsPerSecond: pacer?.enforcedBitsPerSecond ?? 0,
      measuredBitsPerSecond: this.#ownBytesPerSecond * 8,
      safeMode: decision?.mode === 'safe',
      delayPromise: this.#delayPromise,
      delayPromiseVoid: this.#demanded && decision?.mode === 'shared',
      safeReason: decision?.safeReason ?? null,
      loopDelayMs: this.#loopDelay.slots * this.#slotSeconds * 1000,
      split: this.#split,
      shadow: this.#shadow?.view() ?? null,
      certificate: certificateView({
        certificate: this.#certificate,
        decision,
        stale: this.#isStale(ageSeconds),
        demanded: this.#demanded,
      }),
    };
  }

  #isStale(ageSeconds: number): boolean {
    const slots = this.#demanded ? 1 : idleSlots;
    return ageSeconds > staleAfterSeconds(slots * this.#slotSeconds, this.#gauge.channelSeconds);
  }
}

function tightestPromise(classes: EngineConfig['classes']): BottleneckView['delayPromise'] {
  let tightest: BottleneckView['delayPromise'] = null;
  for (const { name, delayPromiseMs } of classes)
    if (tightest === null || delayPromiseMs < tightest.delayMs)
      tightest = { className: name, delayMs: delayPromiseMs };
  return tightest;
}

/** null: no policer is known */
const policedOf = (path: PathEstimate | undefined): number | null =>
  path === undefined || !Number.isFinite(path.policedBytesPerSecond) ? null : path.policedBytesPerSecond * 8;
