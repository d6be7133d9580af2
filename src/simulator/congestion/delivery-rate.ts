import { segmentRingSize } from '../tcp-receiver.js';

const slotMask = segmentRingSize - 1;

/**
 * Delivery rate samples (draft-cheng-iccrg-delivery-rate-estimation-02): each segment remembers how much had been
 * delivered when it left; when it arrives, what was delivered meanwhile, over the longer of the time it took to send
 * that and the time it took to acknowledge it, is a sample of the path's rate.
 */
export class DeliveryRate {
  /** segments/s of the last acknowledgement; 0: it gave no sample */
  rate = 0;
  applicationLimited = false;
  /**
   * the last acknowledgement was for a segment that left when all of the round before had arrived; unlike the
   * cumulative acknowledgement it does not stand still while a loss is repaired
   */
  newRound = false;
  private roundEndDelivered = 0;
  private delivered = 0;
  private deliveredAt = 0;
  private firstSentAt = 0;
  /** samples of segments sent before this much was delivered are limited by the application; 0: none */
  private limitedUntil = 0;
  private priorDelivered = -1;
  private priorAt = 0;
  private sendElapsed = 0;
  private priorLimited = false;
  private readonly sentAt = new Float64Array(segmentRingSize);
  private readonly sentFirstAt = new Float64Array(segmentRingSize);
  private readonly deliveredThen = new Float64Array(segmentRingSize);
  private readonly deliveredAtThen = new Float64Array(segmentRingSize);
  private readonly limitedThen = new Uint8Array(segmentRingSize);

  onSent(segment: number, nowSeconds: number, inFlight: number): void {
    if (inFlight === 0) {
      this.firstSentAt = nowSeconds;
      this.deliveredAt = nowSeconds;
    }
    const slot = segment & slotMask;
    this.sentAt[slot] = nowSeconds;
    this.sentFirstAt[slot] = this.firstSentAt;
    this.deliveredThen[slot] = this.delivered;
    this.deliveredAtThen[slot] = this.deliveredAt;
    this.limitedThen[slot] = this.limitedUntil > 0 ? 1 : 0;
  }

  onSegmentDelivered(segment: number, nowSeconds: number): void {
    const slot = segment & slotMask;
    this.delivered++;
    this.deliveredAt = nowSeconds;
    if (this.deliveredThen[slot]! < this.priorDelivered) return;
    this.priorDelivered = this.deliveredThen[slot]!;
    this.priorAt = this.deliveredAtThen[slot]!;
    this.priorLimited = this.limitedThen[slot] === 1;
    this.sendElapsed = this.sentAt[slot]! - this.sentFirstAt[slot]!;
    this.firstSentAt = this.sentAt[slot]!;
  }

  /** All segments of one acknowledgement have been told; `leastRttSeconds`: shorter intervals are no sample. */
  finish(leastRttSeconds: number): void {
    this.rate = 0;
    this.newRound = this.priorDelivered >= this.roundEndDelivered;
    if (this.newRound) this.roundEndDelivered = this.delivered;
    if (this.limitedUntil > 0 && this.delivered > this.limitedUntil) this.limitedUntil = 0;
    if (this.priorDelivered >= 0) {
      const interval = Math.max(this.sendElapsed, this.deliveredAt - this.priorAt);
      if (interval > 0 && interval >= leastRttSeconds)
        this.rate = (this.delivered - this.priorDelivered) / interval;
      this.applicationLimited = this.priorLimited;
    }
    this.priorDelivered = -1;
  }

  /** The application has nothing to send although the window would allow it. */
  limitedByApplication(inFlight: number): void {
    this.limitedUntil = Math.max(1, this.delivered + inFlight);
  }
}
