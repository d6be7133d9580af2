import type { AckSample, CongestionControl } from './congestion-control.js';
import { WindowedExtremum } from './windowed-extremum.js';

const targetSeconds = 0.06;
const minimumWindow = 2;
/** the constant of the multiplicative decrease */
const decrease = 1;
const slowStartShare = 0.75;
const baseHistorySeconds = 600;
const delaySamples = 4;
const slowdownRounds = 2;
/** a slow-down takes 1/(1 + 9) of the time */
const slowdownSpacing = 9;

/**
 * LEDBAT++ (draft-irtf-iccrg-ledbat-plus-plus): background transport that keeps the round trip 60 ms above the
 * smallest it knows, shrinks in proportion to its window when it is later, yields to loss like everybody, and
 * slows down to two segments now and then so that all senders see the true base. Section numbers below are the draft's.
 */
export class LedbatPlusPlus implements CongestionControl {
  windowSegments = minimumWindow;
  slowStartThreshold = Infinity;
  readonly pacingRate = Infinity;
  readonly ownsRecovery = false;
  readonly needsDeliveryRate = false;
  private readonly base = new WindowedExtremum('smallest');
  private readonly recent: number[] = [];
  private initialSlowStart = true;
  private slowdownAtSeconds = Infinity;
  private slowedSinceSeconds = 0;
  private slowedUntilSeconds = 0;
  private slowed = false;
  private smoothedRttSeconds = 0;

  get inSlowStart(): boolean {
    return this.windowSegments < this.slowStartThreshold;
  }

  /** queueing delay: the smallest of the last four round trips above the smallest of ten minutes */
  get queueingSeconds(): number {
    return this.recent.length === 0 ? 0 : Math.min(...this.recent) - this.base.value!;
  }

  onAck(ack: AckSample): void {
    this.base.push(ack.nowSeconds, ack.rttSeconds, baseHistorySeconds);
    this.recent.push(ack.rttSeconds);
    if (this.recent.length > delaySamples) this.recent.shift();
    const now = ack.nowSeconds;
    if (ack.inRecovery) return;
    if (now >= this.slowdownAtSeconds) this.slowDown(now);
    this.smoothedRttSeconds = ack.smoothedRttSeconds;
    this.slowed &&= now < this.slowedUntilSeconds;
    if (this.slowed) this.windowSegments = minimumWindow;
    else if (this.inSlowStart) this.slowStart(ack);
    else this.avoid(ack);
  }

  onLoss(nowSeconds: number, flightSize: number): void {
    // what was lost just before a slow-down must not be charged to its two segments
    const window = this.slowed ? this.slowStartThreshold : Math.min(this.windowSegments, flightSize);
    this.slowStartThreshold = Math.max(minimumWindow, window / 2);
    this.endInitialSlowStart(nowSeconds);
  }

  onRecovered(): void {
    if (!this.slowed) this.windowSegments = this.slowStartThreshold;
  }

  onTimeout(first: boolean, nowSeconds: number): void {
    if (first) this.onLoss(nowSeconds, this.windowSegments);
    this.windowSegments = 1;
  }

  onIdle(): void {}

  /** section 4.2: slower than standard TCP where the base delay is short */
  private get gain(): number {
    return 1 / Math.min(16, Math.ceil((2 * targetSeconds) / this.base.value!));
  }

  /** section 4.3 */
  private slowStart(ack: AckSample): void {
    if (this.initialSlowStart && this.queueingSeconds > slowStartShare * targetSeconds) {
      this.slowStartThreshold = this.windowSegments;
      this.endInitialSlowStart(ack.nowSeconds);
      return;
    }
    if (!ack.windowLimited) return;
    this.windowSegments = Math.min(this.slowStartThreshold, this.windowSegments + this.gain * ack.delivered);
  }

  /** section 4.2 and 4.4; the change of a round trip, spread over its acknowledgements */
  private avoid(ack: AckSample): void {
    if (this.slowdownAtSeconds === Infinity)
      this.slowdownAtSeconds = ack.nowSeconds + slowdownSpacing * (ack.nowSeconds - this.slowedSinceSeconds);
    const excess = this.queueingSeconds / targetSeconds - 1;
    let change = this.gain;
    if (excess > 0)
      change = Math.max(change - decrease * this.windowSegments * excess, -this.windowSegments / 2);
    if (change > 0 && !ack.windowLimited) return;
    this.windowSegments = Math.max(
      minimumWindow,
      this.windowSegments + (change * ack.delivered) / this.windowSegments,
    );
    // a window that shrinks must not be back in slow start
    this.slowStartThreshold = Math.min(this.slowStartThreshold, this.windowSegments);
  }

  /** section 4.5: a first slow-down soon after the slow start, the others spaced by nine times their length */
  private endInitialSlowStart(nowSeconds: number): void {
    if (!this.initialSlowStart) return;
    this.initialSlowStart = false;
    this.slowdownAtSeconds = nowSeconds + slowdownRounds * this.smoothedRttSeconds;
  }

  private slowDown(nowSeconds: number): void {
    this.slowed = true;
    this.slowStartThreshold = Math.max(minimumWindow + 1, this.windowSegments);
    this.slowedSinceSeconds = nowSeconds;
    this.slowedUntilSeconds = nowSeconds + slowdownRounds * this.smoothedRttSeconds;
    this.slowdownAtSeconds = Infinity;
  }
}
