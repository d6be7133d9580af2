import { BacklogEstimator } from '../backlog-estimator.js';
import { CapacityEstimator } from '../capacity-estimator.js';
import type { BacklogEstimate } from '../sample.js';
import {
  type Bytes,
  type BytesPerSecond,
  bytes,
  bytesPerSecond,
  type Instant,
  instant,
  type Seconds,
  seconds,
} from '../units.js';
import { BaseDelay } from './base-delay.js';
import { Policer } from './policer.js';
import { TwoEnds } from './two-ends.js';

/** One counter of one end of the path, differences since the reading before. */
export interface EndReading {
  /** when the counter was read, as far as the round trip can tell */
  readonly at: Instant;
  readonly intervalSeconds: Seconds;
  /** near end: sent into the path; far end: come out of it */
  readonly passedBytes: Bytes;
  /** the packets that these bytes were; undefined: this switch does not count them */
  readonly passedPackets?: number | undefined;
  readonly timeUncertaintySeconds: Seconds;
  /** its time is not to be trusted; its bytes are */
  readonly late: boolean;
  /** bytes before it are not known */
  readonly gap: boolean;
}

export interface PathEstimatorConfig {
  readonly slotSeconds: Seconds;
  /** the capacity is never estimated above this; Infinity: nothing is known of it */
  readonly capacityLimitBytesPerSecond?: BytesPerSecond;
}

/** The path at the time of the newest near reading. */
export interface PathEstimate extends BacklogEstimate {
  /** how long the byte that came out last had waited; the horizontal distance of the two curves less the base delay */
  readonly queueDelaySeconds: Seconds;
  /** B; NaN while it is being learnt */
  readonly baseDelaySeconds: Seconds;
  /** c as learnt; 0 while nothing is known */
  readonly capacityBytesPerSecond: BytesPerSecond;
  readonly capacityUncertaintyBytesPerSecond: BytesPerSecond;
  /** by how much a packet is longer at the far counter; corrected, so all bytes here are the near counter's. 0: not known, or nothing */
  readonly packetOverheadBytes: number;
  /** Infinity: not known */
  readonly packetOverheadUncertaintyBytes: number;
  /** what a policer on the path lets pass, less a margin, and then also the capacity; Infinity: none is known */
  readonly policedBytesPerSecond: BytesPerSecond;
}

/** the memory of the near curve: longest base delay, longest queue, and late far readings */
const curveSeconds = 4;
/** far readings that wait for the near curve to reach their time */
const mostPending = 64;
/** a path used less than this, for so many slots, is clearly not full, and may teach its base delay */
const notFullShare = 0.8;
const notFullSlotsNeeded = 2;

/**
 * Counters of two ends can only ever make the base look too low (bytes that were lost never arrive), and that shows as a
 * backlog. So a reading at the base is an empty path, and no drain probe is needed while there are such readings.
 */
const drainAfterSeconds = 3;

/** bytes under way between two counters of an empty path */
const emptyBytes = 4 * 1514;

/** probes that are compared with the counters, and a wait that is more than their noise */
const probesRemembered = 12;
const waitSeconds = 0.003;
/** so many probes in a row that waited: the path is not empty, whatever our counters say (hidden traffic takes the line, too) */
const probesOfEmptiness = 3;
const contradictionSeconds = 0.01;
/** what was there through so many slots stands */
const standingSlots = 5;
/** No longer than the slowest of so many probes in a row takes what stands in the path, whatever was lost. */
const probesOfQueue = 8;
/** bytes that seem to wait longer than that by so much, and by this share of it, in so many readings in a row are lost */
const lostReadings = 15;
const lostAboveSeconds = 0.015;
const lostAboveShare = 0.25;

interface NearSlot {
  readonly at: number;
  readonly interval: number;
  readonly sent: number;
}

/**
 * Backlog, capacity and base delay of a path of which only the two ends are seen: what left our gateway (near) and
 * what arrived at the other one (far). A far reading at t is compared with the near curve at t - B, which turns
 * the path into a queue with an arrival and a departure counter, read a moment ago; the estimator of such queues does the
 * rest (`BacklogEstimator`: its base takes up where the two counters began). From that moment the near readings
 * carry the backlog forward to the present.
 */
export class OpaquePathEstimator {
  private readonly ends = new TwoEnds(curveSeconds);
  private readonly base = new BaseDelay();
  private readonly capacity: CapacityEstimator;
  private readonly queue: BacklogEstimator;
  private readonly policer = new Policer();
  private pending: EndReading[] = [];
  private measured: BacklogEstimate | undefined;
  private backlogBefore = Number.NaN;
  private queueDelay = 0;
  /** the newest time at which the curves of both ends met */
  private emptyAt = Number.NEGATIVE_INFINITY;
  /** far slots in a row in which the path was clearly not full */
  private notFullSlots = 0;
  private slots: NearSlot[] = [];
  private restarted = false;
  /** delays of the newest probes */
  private readonly probes: number[] = [];
  /** backlogs of the newest slots, brought to the present */
  private readonly newest: number[] = [];
  /** of readings in a row, the bytes that no probe waited behind */
  private unqueued: number[] = [];

  constructor(config: PathEstimatorConfig) {
    const limit = config.capacityLimitBytesPerSecond ?? bytesPerSecond(Number.POSITIVE_INFINITY);
    this.capacity = new CapacityEstimator({
      limitBytesPerSecond: limit,
    });
    this.queue = new BacklogEstimator({
      capacityBytesPerSecond: bytesPerSecond(0),
      slotSeconds: config.slotSeconds,
      bufferBytes: bytes(Number.MAX_SAFE_INTEGER),
      lineBytesPerSecond: limit,
      capacityIsLearnt: true,
      drainAfterSeconds: seconds(drainAfterSeconds),
    });
  }

  /** steps of the base delay that were too large for noise */
  get reroutes(): number {
    return this.base.reroutes;
  }

  /** The near counter; returns what is known now. Late near readings are kept: their bytes count, their time hardly matters after the next one. */
  near(reading: EndReading): PathEstimate {
    if (reading.gap) this.forget();
    this.restarted = reading.gap;
    this.ends.near(reading);
    this.slots.push({ at: reading.at, interval: reading.intervalSeconds, sent: reading.passedBytes });
    while (this.slots.length > 1 && this.slots[0]!.at < reading.at - curveSeconds) this.slots.shift();
    this.compare();
    return this.estimate(reading);
  }

  far(reading: EndReading): void {
    if (reading.gap) {
      this.forgetFar();
      return;
    }
    this.pending.push(reading);
    if (this.pending.length > mostPending) this.pending.shift();
    this.compare();
  }

  private forget(): void {
    this.pending = [];
    this.ends.clear();
    this.slots = [];
  }

  private forgetFar(): void {
    this.pending = [];
    this.ends.restart();
  }

  /** Far readings whose time the near curve has reached. */
  private compare(): void {
    while (this.pending.length > 0) {
      const reading = this.pending[0]!;
      const delay = this.base.known ? this.base.seconds : 0;
      if (reading.at - delay > this.ends.curve.newestAt) return;
      this.pending.shift();
      if (this.base.known) this.take(reading);
    }
  }

  /**
   * A probe in the data plane came out at the far end, `delaySeconds` after it was sent, less half of the round trips of
   * both control channels.
   */
  probe(delaySeconds: Seconds): void {
    this.probes.push(delaySeconds);
    if (this.probes.length > probesRemembered) this.probes.shift();
    if (this.base.known && this.notFullSlots < notFullSlotsNeeded) return;
    const { reroutes } = this.base;
    this.base.observe(delaySeconds);
    // Another path: where its counters stand when it is empty has to be found anew.
    if (this.base.reroutes !== reroutes) this.ends.restart();
  }

  /** What each of the newest probes had to wait at least; 0 while nothing can be said. */
  private leastWaitOf(probes: number): number {
    if (!this.base.known || this.probes.length < probesRemembered) return 0;
    return Math.max(0, Math.min(...this.probes.slice(-probes)) - this.base.seconds);
  }
  private get leastWaitSeconds(): number {
    return this.leastWaitOf(probesRemembered);
  }

  /** Lost bytes never arrive and look like a queue, which a probe would have to wait in. */
  private findLost(estimate: BacklogEstimate): BacklogEstimate {
    if (this.probes.length < probesOfQueue) return estimate;
    const queued = Math.max(0, Math.max(...this.probes.slice(-probesOfQueue)) - this.base.seconds);
    const capacity = this.capacity.bytesPerSecond;
    const explained = capacity * queued;
    const excess = estimate.standingBytes - explained;
    const tolerated = lostAboveShare * explained + lostAboveSeconds * capacity;
    this.unqueued = excess > tolerated ? [...this.unqueued, excess] : [];
    if (this.unqueued.length < lostReadings) return estimate;
    const lost = Math.min(...this.unqueued);
    this.unqueued = [];
    this.queue.lost(bytes(lost));
    return {
      ...estimate,
      backlogBytes: bytes(Math.max(0, estimate.backlogBytes - lost)),
      standingBytes: bytes(Math.max(0, estimate.standingBytes - lost)),
      unaccountedLoss: true,
    };
  }

  private judgeUse(reading: EndReading, arrived: number, interval: number, served: number): void {
    const most = notFullShare * this.capacity.bytesPerSecond * interval;
    if (reading.late) return;
    this.notFullSlots = Math.max(arrived, served) < most ? this.notFullSlots + 1 : 0;
  }

  private take(reading: EndReading): void {
    const passage = this.ends.far(reading, this.base.seconds);
    if (passage === undefined) return;
    const { at, intervalSeconds: interval, first, arrivedBytes: arrived, servedBytes: served } = passage;
    if (passage.phantomBytes > 0) this.queue.lost(bytes(passage.phantomBytes));
    const updated = this.queue.update({
      at: instant(at),
      intervalSeconds: seconds(interval),
      arrivedBytes: bytes(arrived),
      departedBytes: bytes(served),
      droppedBytes: bytes(0),
      timeUncertaintySeconds: reading.timeUncertaintySeconds,
      late: reading.late,
      gap: first,
      packetsWait: this.leastWaitOf(probesOfEmptiness) > waitSeconds,
    });
    const estimate = this.findLost(updated);
    this.measured = estimate;
    this.judgeUse(reading, arrived, interval, served);
    this.lookForPolicer(at, first || reading.late, arrived, interval, served);
    if (first || reading.late) {
      this.backlogBefore = Number.NaN;
      return;
    }
    this.learnCapacity(reading, interval, served, arrived, estimate);
    if (estimate.anchored && estimate.backlogBytes <= emptyBytes) {
      this.emptyAt = at;
      this.ends.seenEmpty();
    }
    const left = this.ends.curve.timeOf(passage.sent - estimate.backlogBytes);
    this.queueDelay = Number.isNaN(left) ? 0 : Math.max(0, at - left);
  }

  private lookForPolicer(
    at: number,
    unsure: boolean,
    arrivedBytes: number,
    intervalSeconds: number,
    servedBytes: number,
  ): void {
    // A header that is stripped on the way takes bytes from every packet, and looks like a loss until it is fitted.
    if (unsure || this.probes.length < probesRemembered || this.ends.headersUnknown) {
      this.policer.interrupt();
      return;
    }
    this.policer.observe({
      at,
      intervalSeconds,
      arrivedBytes,
      servedBytes,
      leastWaitSeconds: this.leastWaitSeconds,
      mostWaitSeconds: Math.max(...this.probes) - this.base.seconds,
    });
  }

  private learnCapacity(
    reading: EndReading,
    interval: number,
    served: number,
    arrived: number,
    estimate: BacklogEstimate,
  ): void {
    this.capacity.observe({
      intervalSeconds: interval,
      servedBytes: served,
      backlogBefore: estimate.anchored ? this.backlogBefore : Number.NaN,
      backlogAfter: this.unqueued.length > 0 && estimate.anchored ? 0 : estimate.backlogBytes,
      slackSeconds: 2 * reading.timeUncertaintySeconds,
      arrivedBytes: arrived,
      probesWait: this.leastWaitSeconds > waitSeconds,
    });
    this.backlogBefore = estimate.backlogBytes;
    this.queue.setCapacity(bytesPerSecond(this.capacity.bytesPerSecond));
  }

  private estimate(reading: EndReading): PathEstimate {
    const { measured } = this;
    const policed = this.policer.limitBytesPerSecond;
    const capacity = Math.min(policed, this.capacity.bytesPerSecond);
    const path = {
      queueDelaySeconds: seconds(this.queueDelay),
      baseDelaySeconds: seconds(this.base.seconds),
      capacityBytesPerSecond: bytesPerSecond(capacity),
      capacityUncertaintyBytesPerSecond: bytesPerSecond(this.capacity.uncertaintyBytesPerSecond),
      packetOverheadBytes: this.ends.overhead.bytesPerPacket,
      packetOverheadUncertaintyBytes: this.ends.overhead.uncertaintyBytesPerPacket,
      policedBytesPerSecond: bytesPerSecond(policed),
    };
    if (measured === undefined) return { ...unknown(reading.at), ...path, restarted: this.restarted };
    // Counters and probes fail differently: where every probe waits much longer than the counters explain, the base is wrong.
    const explained = capacity > 0 ? Math.max(...this.newest, 0) / capacity : Number.POSITIVE_INFINITY;
    const contradiction = measured.contradiction || this.leastWaitSeconds > explained + contradictionSeconds;
    const backlog = this.forward(measured.backlogBytes, measured.at, capacity);
    this.newest.push(backlog);
    if (this.newest.length > standingSlots) this.newest.shift();
    return {
      ...measured,
      ...path,
      at: reading.at,
      backlogAt: measured.at,
      held: reading.late,
      restarted: this.restarted,
      backlogBytes: bytes(backlog),
      standingBytes: bytes(this.newest.length < standingSlots ? 0 : Math.min(...this.newest)),
      anchorAgeSeconds: seconds(reading.at - Math.max(this.emptyAt, measured.at - measured.anchorAgeSeconds)),
      contradiction,
      wantsDrain: contradiction || (measured.wantsDrain && reading.at - this.emptyAt > drainAfterSeconds),
    };
  }

  /** What a backlog of `from` has become by the newest near reading: Lindley's recursion over the slots since then. */
  private forward(backlog: number, from: number, capacity: number): number {
    let queue = backlog;
    for (const slot of this.slots) {
      if (slot.at <= from) continue;
      const share = Math.min(1, (slot.at - from) / slot.interval);
      queue = Math.max(0, queue + share * (slot.sent - capacity * slot.interval));
    }
    return queue;
  }
}

const unknown = (at: Instant): BacklogEstimate => ({
  backlogBytes: bytes(0),
  uncertaintyBytes: bytes(Number.MAX_SAFE_INTEGER),
  readingErrorBytes: bytes(0),
  at,
  backlogAt: instant(Number.NEGATIVE_INFINITY),
  held: false,
  restarted: false,
  lindleyBytes: bytes(0),
  standingBytes: bytes(0),
  anchored: false,
  anchorAgeSeconds: seconds(Number.POSITIVE_INFINITY),
  saturated: false,
  unaccountedLoss: false,
  contradiction: false,
  wantsDrain: false,
});
