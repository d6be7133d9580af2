import {
  type BacklogEstimate,
  BacklogEstimator,
  type BytesPerSecond,
  bytes,
  bytesPerSecond,
  CrossTrafficQuantile,
  createPolicy,
  instant,
  LoopDelay,
  type PolicyDecision,
  type RatePolicy,
  type SlotCertificate,
  seconds,
} from '../../controller/index.js';
import type { Bottleneck } from '../network/index.js';
import type { Session, SessionEvent } from '../session/index.js';
import { BottleneckSampler, type Observation, PollSchedule, QueueDrops } from '../telemetry/index.js';
import type { EngineConfig } from './config.js';
import { ThroughputWindow } from './throughput-window.js';
import type { Turn } from './turn.js';
import type { BottleneckView, CertificateLight, CertificateView, SplitView } from './view.js';

const staleSlots = 3;
/** Nobody waits for the counters of a path without migrations; they are read this many times less often. */
const idleSlots = 5;
const shownRatesSeconds = 0.5;
/** OFPP_ANY and OFPQ_ALL (OpenFlow 1.3.5, 7.2.1 and 7.3.5.8) */
const allPorts = 0xffffffff;
const allQueues = 0xffffffff;
/** a full-sized Ethernet frame as the counters count it */
const wirePacketBytes = 1514;

/**
 * The control loop of one bottleneck: ask for the counters once a slot, turn the reply into an observation, the
 * observation into an estimate, the estimate into a rate. What the rate is shared among is not its business.
 */
export class BottleneckLoop {
  readonly id: string;
  readonly dpid: string;
  readonly linkName: string;
  readonly #spec: Bottleneck;
  readonly capacityBytesPerSecond: number;
  readonly #slotSeconds: number;
  readonly #config: EngineConfig;
  readonly #schedule: PollSchedule;
  readonly #loopDelay: LoopDelay;
  #sampler: BottleneckSampler;
  #estimator: BacklogEstimator;
  readonly #policy: RatePolicy;
  #request: { readonly ports: number; readonly queues: number; readonly sentAt: number } | undefined;
  #drops: QueueDrops;
  /** its switch is connected and ready */
  #attached = false;
  #estimate: BacklogEstimate | null = null;
  #decision: PolicyDecision | undefined;
  #decided = false;
  /** the newest one; its counts go on being shown when the path is idle again */
  #certificate: SlotCertificate | null = null;
  /** the most that migrations can use; 0: there is none */
  #demand = 0;
  #split: SplitView = { migrations: 0, grantedBitsPerSecond: 0, splits: 0, violations: 0 };
  #lastDecisionAt = Number.NEGATIVE_INFINITY;
  #lastPollAt = Number.NEGATIVE_INFINITY;
  /** means over `shownRatesSeconds`, for people and for admission */
  #crossBytesPerSecond = 0;
  readonly #crossQuantile = new CrossTrafficQuantile();
  readonly #throughput = new ThroughputWindow();
  #ownBytesPerSecond = 0;
  #departedBytesPerSecond = 0;

  constructor(spec: Bottleneck, capacityBitsPerSecond: number, config: EngineConfig) {
    const { control } = config;
    this.id = spec.id;
    this.dpid = spec.dpid;
    this.linkName = spec.linkName;
    this.#spec = spec;
    this.#config = config;
    this.capacityBytesPerSecond = capacityBitsPerSecond / 8;
    this.#slotSeconds = control.slotMs / 1000;
    this.#schedule = new PollSchedule(seconds(this.#slotSeconds));
    this.#loopDelay = new LoopDelay(seconds(this.#slotSeconds), control.loopDelaySlots);
    this.#sampler = this.#newSampler();
    this.#drops = new QueueDrops(this.#spec.egressPort);
    this.#estimator = this.#newEstimator();
    this.#policy = createPolicy(control.policy, {
      slotSeconds: seconds(this.#slotSeconds),
      targetUtilisation: control.targetUtilisation,
      gain: control.gain,
      virtualTargetBytes: control.virtualTargetBytes,
      forecastSlots: control.forecastSlots,
      safeBytesPerSecond: bytesPerSecond(control.safeBitsPerSecond / 8),
      staticShare: control.staticShare,
      delayPromiseSeconds: seconds(Math.min(...config.classes.map((c) => c.delayPromiseMs), 1000) / 1000),
    });
  }

  #newSampler(): BottleneckSampler {
    return new BottleneckSampler(this.#spec);
  }

  #newEstimator(): BacklogEstimator {
    return new BacklogEstimator({
      capacityBytesPerSecond: bytesPerSecond(this.capacityBytesPerSecond),
      slotSeconds: seconds(this.#slotSeconds),
      bufferBytes: bytes(this.#spec.bufferPackets * wirePacketBytes),
    });
  }

  get rateBytesPerSecond(): number {
    return this.#decision?.rateBytesPerSecond ?? 0;
  }

  get #demanded(): boolean {
    return this.#demand > 0;
  }

  /** @param bytesPerSecond what the migrations that send may use together; Infinity: as much as they get */
  setDemand(bytesPerSecond: number): void {
    this.#demand = bytesPerSecond;
    if (bytesPerSecond === 0) this.#split = { ...this.#split, migrations: 0, grantedBitsPerSecond: 0 };
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

  /** What stands in the queue now, as time. */
  get queueSeconds(): number {
    return (this.#estimate?.backlogBytes ?? 0) / this.capacityBytesPerSecond;
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

  run(turn: Turn, session: Session | undefined): void {
    this.#attached = session !== undefined;
    if (session === undefined) this.#request = undefined;
    else if (turn.now >= this.#pollAt() && this.#schedule.due(turn.now)) this.#poll(turn, session);
    // A slot without a sample still needs a decision: the policy predicts, and falls back when it must.
    if (turn.now >= this.#decideAt()) this.#decide(turn, undefined);
  }

  #pollAt(): number {
    const due = this.#schedule.nextDue();
    return this.#demanded ? due : Math.max(due, this.#lastPollAt + idleSlots * this.#slotSeconds);
  }

  #decideAt(): number {
    return this.#demanded ? this.#lastDecisionAt + 1.5 * this.#slotSeconds : Number.POSITIVE_INFINITY;
  }

  /** Queue first: when the ports' answer is complete, the drops of the same instant are there. */
  #poll(turn: Turn, session: Session): void {
    this.#schedule.sent(turn.now);
    this.#lastPollAt = turn.now;
    const deadline = Math.max(1, 10 * this.#slotSeconds);
    const port_no = this.#spec.egressPort;
    const queues = session.request(
      { type: 'multipart_request', mp_type: 'queue', flags: 0, body: { port_no, queue_id: allQueues } },
      deadline,
      turn.now,
    );
    const ports = session.request(
      { type: 'multipart_request', mp_type: 'port_stats', flags: 0, body: { port_no: allPorts } },
      deadline,
      turn.now,
    );
    this.#request = { ports, queues, sentAt: turn.now };
  }

  nextDeadline(): number {
    return Math.min(this.#attached ? this.#pollAt() : Number.POSITIVE_INFINITY, this.#decideAt());
  }

  /** True if the event answered this loop's request. */
  onEvent(turn: Turn, event: SessionEvent): boolean {
    if (this.#request === undefined || (event.kind !== 'samples' && event.kind !== 'failed')) return false;
    const { queues, ports, sentAt } = this.#request;
    if (event.xid === queues) {
      // A switch without queue statistics still has ports.
      if (event.kind === 'samples') this.#sampler.addQueueDrops(this.#drops.onQueueStats(event));
      return true;
    }
    if (event.xid !== ports) return false;
    const observation =
      event.kind === 'samples' ? this.#sampler.onPortStats(event, sentAt, turn.now) : undefined;
    if (event.kind === 'samples' && event.more) return true;
    this.#request = undefined;
    this.#schedule.answered();
    if (observation !== undefined) this.#decide(turn, observation);
    return true;
  }

  /** The switch is gone: its counters may start anew. */
  switchLost(): void {
    this.#request = undefined;
    this.#schedule.answered();
    this.#sampler = this.#newSampler();
    this.#drops = new QueueDrops(this.#spec.egressPort);
    this.#estimator = this.#newEstimator();
    this.#estimate = null;
  }

  #decide(turn: Turn, observation: Observation | undefined): void {
    if (observation !== undefined) {
      if (this.#demanded && !observation.gap && !observation.late)
        this.#loopDelay.observed(observation.at, observation.intervalSeconds, observation.ownBytes);
      this.#estimate = this.#estimator.update(observation);
      this.#smooth(observation);
    }
    const age = this.#estimate === null ? Number.POSITIVE_INFINITY : turn.now - this.#estimate.at;
    this.#lastDecisionAt = turn.now;
    this.#decision = this.#policy.step({
      now: instant(turn.now),
      intervalSeconds: observation?.intervalSeconds ?? seconds(this.#slotSeconds),
      capacityBytesPerSecond: bytesPerSecond(this.capacityBytesPerSecond),
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
      loopDelaySlots: this.#loopDelay.slots,
    });
    this.#decided = true;
    this.#certificate = this.#decision.certificate ?? this.#certificate;
    if (this.#demanded) this.#loopDelay.commanded(instant(turn.now), this.#decision.rateBytesPerSecond);
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
    const ageSeconds = estimate === null ? Number.POSITIVE_INFINITY : now - estimate.at;
    const backlog = estimate?.backlogBytes ?? 0;
    return {
      id: this.id,
      link: this.linkName,
      dpid: this.dpid,
      capacityBitsPerSecond: capacity * 8,
      backlogBytes: backlog,
      backlogUncertaintyBytes: estimate?.uncertaintyBytes ?? 0,
      backlogMs: (backlog / capacity) * 1000,
      boundMs: (decision?.certificate?.delayBoundSeconds ?? 0) * 1000,
      bufferMs: ((this.#spec.bufferPackets * wirePacketBytes) / capacity) * 1000,
      sampleAgeMs: Number.isFinite(ageSeconds) ? ageSeconds * 1000 : -1,
      crossBitsPerSecond: this.#crossBytesPerSecond * 8,
      forecastBitsPerSecond: (decision?.forecastBytesPerSecond ?? 0) * 8,
      commandedBitsPerSecond: this.#demanded ? this.rateBytesPerSecond * 8 : 0,
      enforcedBitsPerSecond: pacer?.enforcedBitsPerSecond ?? 0,
      measuredBitsPerSecond: this.#ownBytesPerSecond * 8,
      safeMode: decision?.mode === 'safe',
      loopDelayMs: this.#loopDelay.slots * this.#slotSeconds * 1000,
      split: this.#split,
      certificate: this.#certificateView(ageSeconds),
    };
  }

  #certificateView(ageSeconds: number): CertificateView {
    const certificate = this.#certificate;
    const light = this.#light(ageSeconds);
    return {
      light,
      sentence: sentences[light],
      slots: certificate?.slots ?? 0,
      violations: certificate?.violations ?? 0,
      vacuousSlots: certificate?.vacuous ?? 0,
      clippedSlots: certificate?.clipped ?? 0,
      assumptionBrokenSlots: certificate?.assumptionBroken ?? 0,
      lyapunov: certificate?.lyapunov ?? 0,
      lyapunovBound: certificate?.lyapunovBound ?? 0,
      drift: certificate?.drift ?? 0,
      radiusBytes: certificate?.radiusBytes ?? 0,
      forecastErrorBytesPerSecond: certificate?.forecastErrorBytesPerSecond ?? 0,
      measurementErrorBytes: certificate?.measurementErrorBytes ?? 0,
    };
  }

  #light(ageSeconds: number): CertificateLight {
    const slots = this.#demanded ? staleSlots : staleSlots * idleSlots;
    if (ageSeconds > slots * this.#slotSeconds) return 'stale';
    const certificate = this.#decision?.certificate;
    if (!this.#demanded || certificate === null || certificate === undefined) return 'idle';
    if (certificate.verdict === 'violated') return 'violated';
    if (certificate.verdict === 'assumption-broken') return 'assumption-broken';
    return certificate.isVacuous ? 'vacuous' : 'green';
  }
}

const sentences: Readonly<Record<CertificateLight, string>> = {
  green: 'The proof holds in this slot: the queue stays within its bound.',
  vacuous: 'The proof holds, but its bound is larger than the delay promised: true, and of no use.',
  'assumption-broken': 'The traffic changed more than the proof assumes; this slot proves nothing.',
  violated: 'The proof was contradicted while its assumptions held: the model of this path is wrong.',
  stale: 'The counters are too old: migrations run at the safe rate.',
  idle: 'No migration uses this path; there is nothing to control.',
};
