import { IdleDetector } from './idle-detector.js';
import type { BacklogEstimate, BottleneckSample } from './sample.js';
import { type Bytes, type BytesPerSecond, bytes, type Seconds, seconds } from './units.js';

export interface BacklogEstimatorConfig {
  readonly capacityBytesPerSecond: BytesPerSecond;
  readonly slotSeconds: Seconds;
  /** the most the queue can hold, and so the uncertainty of a queue never seen empty; 250 ms of capacity unless told */
  readonly bufferBytes?: Bytes;
  /** an idle verdict counts for the base this long; long enough to outlast an outlier, short enough to follow drift */
  readonly anchorWindowSeconds?: Seconds;
  /** ask for a drain probe when neither an idle verdict nor room on the line spoke against a queue for this long */
  readonly drainAfterSeconds?: Seconds;
  /** a bad base shows as a port that runs at capacity this long while the estimate is near zero */
  readonly contradictionSeconds?: Seconds;
  /** more than this cannot leave, so a reading that says so was not read when it says; the capacity unless told */
  readonly lineBytesPerSecond?: BytesPerSecond;
  /**
   * The capacity is nothing but an estimate: a slot is quiet only if little arrived in it, too. Else a capacity that
   * has just fallen would make every full slot look idle.
   */
  readonly capacityIsLearnt?: boolean;
}

/** packets between two counters are not a queue */
const packetNoise = 3 * 1514;
/** share of capacity from which a port counts as full: above every target utilisation, below counter noise */
const fullFraction = 0.99;
/** below this share of capacity a queue was empty at some time in the slot; of a capacity that may be estimated too high, below that */
const idleFraction = 0.9;
const learntIdleFraction = 0.6;
const standingSamples = 5;
/** a capacity that is told may be too high by this share, and room on the line still be room */
const roomMargin = 0.03;
/** room shows that nothing stood, not where the base is: an idle verdict is needed in the end */
const longestWithoutVerdict = 1.5;
const unexplainedThreshold = 20 * 1514;

interface Reading {
  readonly at: number;
  readonly difference: number;
  readonly backlog: number;
  readonly lindley: number;
  readonly departed: number;
  readonly interval: number;
}

/**
 * Backlog of one bottleneck from counters. Two estimators that fail differently:
 *
 * - difference: Q = D - base, D = arrivals - departures - drops. Exact, but only as good as its base.
 * - Lindley: Q = [Q + A - c dt]^+. Needs no base, but believes c and the clock.
 *
 * The base moves by three rules. *Anchor*: a verdict of the idle detector; the base is the smallest verdict of
 * the anchor window. *Floor*: D clearly below the base is impossible for a queue, so the base was wrong and
 * falls at once (median of three). *Nothing else*: a busy port never moves it up, however long it is busy. A
 * base that is wrong all the same shows as a contradiction, and asks to be drained.
 */
export class BacklogEstimator {
  private capacity: number;
  private readonly line: number | undefined;
  private readonly learnt: boolean;
  private readonly slot: number;
  private readonly buffer: number;
  private readonly anchorWindow: number;
  private readonly drainAfter: number;
  private readonly contradictionAfter: number;
  private readonly idle: IdleDetector;
  private readings: Reading[] = [];
  private verdicts: { at: number; difference: number }[] = [];
  private difference = 0;
  private base = Number.POSITIVE_INFINITY;
  private lindley = 0;
  private anchoredAt = Number.NEGATIVE_INFINITY;
  /** time that the line did not use since it was last known to have room, less the margin */
  private unusedSeconds = 0;
  private roomAt = Number.NEGATIVE_INFINITY;
  private firstAt = Number.NaN;
  private saturated = false;
  private unexplained = false;
  private contradictionSince = Number.NaN;
  private previousUncertainty = 0;
  /** amounts of bad readings, handed to the next good one */
  private pending = { interval: 0, arrived: 0, departed: 0 };
  private held = 0;

  constructor(config: BacklogEstimatorConfig) {
    this.capacity = config.capacityBytesPerSecond;
    this.slot = config.slotSeconds;
    this.buffer = config.bufferBytes ?? 0.25 * config.capacityBytesPerSecond;
    this.anchorWindow = config.anchorWindowSeconds ?? 2;
    this.drainAfter = config.drainAfterSeconds ?? 2;
    this.contradictionAfter = config.contradictionSeconds ?? 0.5;
    this.line = config.lineBytesPerSecond;
    this.learnt = config.capacityIsLearnt ?? false;
    this.idle = new IdleDetector({
      idleFraction: this.learnt ? learntIdleFraction : idleFraction,
      votes: 3,
      span: 6,
    });
  }

  update(sample: BottleneckSample): BacklogEstimate {
    if (Number.isNaN(this.firstAt)) this.firstAt = sample.at;
    if (sample.gap) return this.restart(sample);
    this.difference += sample.arrivedBytes - sample.departedBytes - sample.droppedBytes;
    if (sample.droppedBytes > 0) this.saturated = true;
    this.pending.interval += sample.intervalSeconds;
    this.pending.arrived += sample.arrivedBytes - sample.droppedBytes;
    this.pending.departed += sample.departedBytes;
    const slack = sample.timeUncertaintySeconds + this.previousUncertainty;
    this.previousUncertainty = sample.timeUncertaintySeconds;
    const bad = sample.late || this.implausible(slack);
    if (bad) {
      this.idle.observe(
        { at: sample.at, interval: 0, departed: 0, difference: 0, slack, bad },
        this.capacity,
      );
      return this.hold(sample);
    }
    return this.accept(sample, slack);
  }

  setCapacity(capacity: BytesPerSecond): void {
    this.capacity = capacity;
  }

  /** So many bytes of the difference are in no queue: somebody who sees the queue otherwise says that they were lost. */
  lost(amount: Bytes): void {
    this.base += amount;
    this.verdicts = this.verdicts.map((v) => ({ ...v, difference: v.difference + amount }));
    this.readings = this.readings.map((r) => ({ ...r, backlog: Math.max(0, r.backlog - amount) }));
    this.unexplained = true;
  }

  /** For tests and for a caller that knows the queue: declares the present difference to be `backlog`. */
  assume(backlog: Bytes): void {
    this.base = this.difference - backlog;
    this.lindley = backlog;
  }

  /**
   * More left than the line can carry: the counters were not read when the time stamp says. Believed once in a
   * row only: a reading that counted too little makes all later ones look too large, and waiting does not help.
   */
  private implausible(slack: number): boolean {
    const most = (this.line ?? this.capacity) * 1.03 * (this.pending.interval + slack) + packetNoise;
    return this.held === 0 && this.pending.departed > most;
  }

  private accept(sample: BottleneckSample, slack: number): BacklogEstimate {
    const { interval, arrived, departed } = this.pending;
    this.pending = { interval: 0, arrived: 0, departed: 0 };
    this.lindley = Math.max(0, this.lindley + arrived - this.capacity * interval);
    const most = this.learnt ? Math.max(departed, arrived) : departed;
    const passed = sample.packetsWait === true ? Number.POSITIVE_INFINITY : most;
    const verdict = this.idle.observe(
      { at: sample.at, interval, departed: passed, difference: this.difference, slack, bad: false },
      this.capacity,
    );
    if (verdict !== undefined) this.anchor(sample.at, verdict);
    this.lookForRoom(sample.at, interval, departed, slack);
    this.floor();
    const backlog = Math.min(this.buffer, Math.max(0, this.difference - this.base));
    if (verdict !== undefined) this.lindley = Math.min(this.lindley, backlog);
    this.readings.push({
      at: sample.at,
      difference: this.difference,
      backlog,
      lindley: this.lindley,
      departed,
      interval,
    });
    this.forget(sample.at);
    this.held = 0;
    this.contradict(sample.at);
    return this.estimate(sample, backlog);
  }

  /**
   * A queue that stands keeps the line busy all the time. Over many slots a line with a little room shows that by
   * what it did not send, where no single slot is quiet; the errors of the stamps between cancel.
   */
  private lookForRoom(at: number, interval: number, departed: number, slack: number): void {
    if (this.learnt) return;
    const unused = interval * (1 - roomMargin) - departed / this.capacity;
    this.unusedSeconds = Math.max(0, this.unusedSeconds + unused);
    if (this.unusedSeconds <= slack + packetNoise / this.capacity) return;
    this.unusedSeconds = 0;
    this.roomAt = at;
  }

  private anchor(at: number, difference: number): void {
    this.verdicts.push({ at, difference });
    this.verdicts = this.verdicts.filter((v) => at - v.at <= this.anchorWindow);
    const lowest = Math.min(...this.verdicts.map((v) => v.difference));
    // idle, and yet above a base that an earlier idle verdict proved: bytes were lost that nobody counted
    this.unexplained = Number.isFinite(this.base) && difference - this.base > unexplainedThreshold;
    this.base = lowest;
    this.anchoredAt = at;
    this.saturated = false;
    this.contradictionSince = Number.NaN;
  }

  private floor(): void {
    if (this.base === Number.POSITIVE_INFINITY) {
      this.base = this.difference;
      return;
    }
    const a = this.readings.at(-1)?.difference;
    const b = this.readings.at(-2)?.difference;
    if (a === undefined || b === undefined) return;
    const middle = Math.max(Math.min(a, b), Math.min(Math.max(a, b), this.difference));
    if (middle < this.base) this.base = middle;
  }

  private forget(now: number): void {
    const horizon = Math.max(this.contradictionAfter, standingSamples * this.slot) + 2 * this.slot;
    while (this.readings.length > 3 && now - this.readings[0]!.at > horizon) this.readings.shift();
  }

  /** Port full for the whole window while one of the estimators says that there is no queue at all. */
  private contradict(now: number): void {
    let departed = 0;
    let span = 0;
    let least = Number.POSITIVE_INFINITY;
    let leastLindley = Number.POSITIVE_INFINITY;
    for (const r of this.readings) {
      departed += r.departed;
      span += r.interval;
      least = Math.min(least, r.backlog);
      leastLindley = Math.min(leastLindley, r.lindley);
    }
    if (span < this.contradictionAfter) return;
    const nearZero = this.capacity * this.slot * 0.25;
    const full = departed >= fullFraction * this.capacity * span && least < nearZero;
    // Lindley's recursion believes the capacity: while that is being learnt, it is no second opinion.
    const blind = !this.learnt && leastLindley > 4 * nearZero && least < nearZero;
    if (full || blind) {
      if (Number.isNaN(this.contradictionSince)) this.contradictionSince = now;
    } else this.contradictionSince = Number.NaN;
  }

  private estimate(sample: BottleneckSample, backlog: number): BacklogEstimate {
    const anchored = Number.isFinite(this.anchoredAt);
    const age = sample.at - this.anchoredAt;
    const contradiction = !Number.isNaN(this.contradictionSince);
    const newest = this.readings.slice(-standingSamples);
    const standing = Math.min(
      ...newest.map((r) => (this.learnt ? r.backlog : Math.max(r.backlog, r.lindley))),
    );
    const disagreement = Math.max(...newest.map((r) => Math.abs(r.backlog - r.lindley)));
    const distrust = contradiction
      ? this.capacity * (this.contradictionAfter + sample.at - this.contradictionSince) * 0.1
      : 0;
    const skew = 2 * sample.timeUncertaintySeconds * this.capacity;
    const reading = packetNoise + skew;
    const uncertainty = anchored ? reading + disagreement + distrust : this.buffer;
    const suspicious = anchored ? this.isSuspicious(sample.at, age) : sample.at - this.firstAt > 0.2;
    return {
      backlogBytes: bytes(anchored || this.learnt ? backlog : Math.max(backlog, this.lindley)),
      uncertaintyBytes: bytes(Math.min(this.buffer, uncertainty)),
      readingErrorBytes: bytes(reading),
      at: sample.at,
      backlogAt: sample.at,
      held: false,
      restarted: false,
      lindleyBytes: bytes(this.lindley),
      standingBytes: bytes(newest.length < standingSamples ? 0 : standing),
      anchored,
      anchorAgeSeconds: seconds(age),
      saturated: this.saturated,
      unaccountedLoss: this.unexplained,
      contradiction,
      wantsDrain: contradiction || suspicious || (this.saturated && age > 0.3),
    };
  }

  private isSuspicious(at: number, age: number): boolean {
    const busy = Math.min(age, at - this.roomAt) > this.drainAfter;
    return busy || age > longestWithoutVerdict * this.drainAfter;
  }

  /** A bad reading: what was known, made older. The counters are cumulative, so nothing is lost by waiting. */
  private hold(sample: BottleneckSample): BacklogEstimate {
    this.held += 1;
    const last = this.readings.at(-1);
    const known = this.estimateOrUnknown(sample, last);
    const doubt = known.uncertaintyBytes + this.capacity * this.held * this.slot;
    return { ...known, held: true, uncertaintyBytes: bytes(Math.min(this.buffer, doubt)) };
  }

  private estimateOrUnknown(sample: BottleneckSample, last: Reading | undefined): BacklogEstimate {
    if (last !== undefined) return this.estimate(sample, last.backlog);
    return {
      backlogBytes: bytes(0),
      uncertaintyBytes: bytes(this.buffer),
      readingErrorBytes: bytes(packetNoise + 2 * sample.timeUncertaintySeconds * this.capacity),
      at: sample.at,
      backlogAt: sample.at,
      held: false,
      restarted: false,
      lindleyBytes: bytes(this.lindley),
      standingBytes: bytes(0),
      anchored: false,
      anchorAgeSeconds: seconds(Number.POSITIVE_INFINITY),
      saturated: this.saturated,
      unaccountedLoss: false,
      contradiction: false,
      wantsDrain: false,
    };
  }

  private restart(sample: BottleneckSample): BacklogEstimate {
    this.readings = [];
    this.verdicts = [];
    this.difference = 0;
    this.base = Number.POSITIVE_INFINITY;
    this.lindley = 0;
    this.anchoredAt = Number.NEGATIVE_INFINITY;
    this.unusedSeconds = 0;
    this.roomAt = Number.NEGATIVE_INFINITY;
    this.firstAt = sample.at;
    this.saturated = false;
    this.unexplained = false;
    this.contradictionSince = Number.NaN;
    this.previousUncertainty = sample.timeUncertaintySeconds;
    this.pending = { interval: 0, arrived: 0, departed: 0 };
    this.held = 0;
    this.idle.reset();
    return { ...this.estimateOrUnknown(sample, undefined), restarted: true };
  }
}
