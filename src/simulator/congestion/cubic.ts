import type { AckSample, CongestionControl } from './congestion-control.js';

/**
 * The congestion window of CUBIC (RFC 9438) with the delay half of HyStart (Ha and Rhee, 2011), which is what
 * Linux senders run unless somebody changed it. Windows are in segments.
 */
export interface CubicOptions {
  /** leave slow start when the round-trip time rises, before loss */
  readonly hystart: boolean;
  readonly initialWindow: number;
}

/** multiplicative decrease, RFC 9438 section 4.6 */
const beta = 0.7;
/** aggressiveness, segments per second cubed, section 4.1 */
const scale = 0.4;
/** additive increase of the Reno-friendly estimate, section 4.3 */
const renoIncrease = (3 * (1 - beta)) / (1 + beta);
const minimumWindow = 2;
const hystartLowestWindow = 16;
const hystartSamples = 8;
const hystartLeastRiseSeconds = 0.004;
const hystartMostRiseSeconds = 0.016;

export class Cubic implements CongestionControl {
  windowSegments: number;
  slowStartThreshold = Infinity;
  readonly pacingRate = Infinity;
  readonly ownsRecovery = false;
  readonly needsDeliveryRate = false;
  private readonly hystart: boolean;
  private windowBeforeLoss = 0;
  private plateau = 0;
  private epochStartSeconds: number | undefined;
  private secondsToPlateau = 0;
  private renoWindow = 0;
  private leastRttSeconds = Infinity;
  private roundLeastRttSeconds = Infinity;
  private roundSamples = 0;

  constructor(options: CubicOptions) {
    this.hystart = options.hystart;
    this.windowSegments = options.initialWindow;
  }

  get inSlowStart(): boolean {
    return this.windowSegments < this.slowStartThreshold;
  }

  onAck(ack: AckSample): void {
    this.onRtt(ack.rttSeconds);
    if (ack.newRound) this.onRound();
    if (ack.windowLimited && !ack.inRecovery) this.grow(ack);
  }

  /** A new round-trip begins: HyStart compares rounds. */
  private onRound(): void {
    this.roundLeastRttSeconds = Infinity;
    this.roundSamples = 0;
  }

  private onRtt(rttSeconds: number): void {
    if (rttSeconds < this.leastRttSeconds) this.leastRttSeconds = rttSeconds;
    if (!this.hystart || !this.inSlowStart || this.windowSegments < hystartLowestWindow) return;
    if (this.roundSamples < hystartSamples) {
      this.roundSamples++;
      if (rttSeconds < this.roundLeastRttSeconds) this.roundLeastRttSeconds = rttSeconds;
      return;
    }
    const rise = Math.min(
      hystartMostRiseSeconds,
      Math.max(hystartLeastRiseSeconds, this.leastRttSeconds / 8),
    );
    if (this.roundLeastRttSeconds >= this.leastRttSeconds + rise)
      this.slowStartThreshold = this.windowSegments;
  }

  /** Segments were acknowledged outside recovery while the window was what limited the sender. */
  private grow({ delivered, smoothedRttSeconds, nowSeconds }: AckSample): void {
    let left = delivered;
    if (this.inSlowStart) {
      const grow = Math.min(left, this.slowStartThreshold - this.windowSegments);
      this.windowSegments += grow;
      left -= grow;
      if (left <= 0) return;
    }
    if (this.epochStartSeconds === undefined) this.beginEpoch(nowSeconds);
    const elapsedSeconds = nowSeconds - this.epochStartSeconds! + smoothedRttSeconds;
    const offset = elapsedSeconds - this.secondsToPlateau;
    const cubicTarget = this.plateau + scale * offset * offset * offset;
    // Section 4.4: never more than half as much again within one round trip.
    const target = Math.min(Math.max(cubicTarget, this.windowSegments), 1.5 * this.windowSegments);
    const alpha = this.renoWindow < this.windowBeforeLoss ? renoIncrease : 1;
    this.renoWindow += (alpha * left) / this.windowSegments;
    this.windowSegments += ((target - this.windowSegments) / this.windowSegments) * left;
    if (this.renoWindow > this.windowSegments) this.windowSegments = this.renoWindow;
  }

  /** Loss seen by duplicate or selective acknowledgement; the caller recovers down to the new threshold. */
  onLoss(): void {
    this.rememberLoss();
    this.slowStartThreshold = Math.max(minimumWindow, this.windowSegments * beta);
  }

  onRecovered(): void {
    this.windowSegments = this.slowStartThreshold;
  }

  /** Retransmission time-out: from one segment again. `first`: not a repetition without progress between. */
  onTimeout(first: boolean): void {
    if (first) this.onLoss();
    this.windowSegments = 1;
  }

  /** The sender had nothing to send for a while: time in silence must not count as growth. */
  onIdle(idleSeconds: number): void {
    if (this.epochStartSeconds !== undefined) this.epochStartSeconds += idleSeconds;
  }

  private rememberLoss(): void {
    this.epochStartSeconds = undefined;
    // Fast convergence, section 4.7: a flow that did not reach its old maximum leaves room to others.
    this.windowBeforeLoss =
      this.windowSegments < this.windowBeforeLoss
        ? (this.windowSegments * (1 + beta)) / 2
        : this.windowSegments;
  }

  private beginEpoch(nowSeconds: number): void {
    this.epochStartSeconds = nowSeconds;
    this.renoWindow = this.windowSegments;
    if (this.windowSegments < this.windowBeforeLoss) {
      this.secondsToPlateau = Math.cbrt((this.windowBeforeLoss - this.windowSegments) / scale);
      this.plateau = this.windowBeforeLoss;
    } else {
      this.secondsToPlateau = 0;
      this.plateau = this.windowSegments;
    }
  }
}
