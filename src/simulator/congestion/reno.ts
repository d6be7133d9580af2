import type { AckSample, CongestionControl } from './congestion-control.js';

const minimumWindow = 2;

/** The standard congestion control of TCP: RFC 5681, with the recovery of the sender in place of section 3.2. */
export class Reno implements CongestionControl {
  windowSegments: number;
  slowStartThreshold = Infinity;
  readonly pacingRate = Infinity;
  readonly ownsRecovery = false;
  readonly needsDeliveryRate = false;

  constructor(initialWindow: number) {
    this.windowSegments = initialWindow;
  }

  get inSlowStart(): boolean {
    return this.windowSegments < this.slowStartThreshold;
  }

  onAck(ack: AckSample): void {
    if (!ack.windowLimited || ack.inRecovery) return;
    let left = ack.delivered;
    if (this.inSlowStart) {
      const grow = Math.min(left, this.slowStartThreshold - this.windowSegments);
      this.windowSegments += grow;
      left -= grow;
    }
    this.windowSegments += left / this.windowSegments;
  }

  onLoss(_nowSeconds: number, flightSize: number): void {
    this.slowStartThreshold = Math.max(minimumWindow, Math.min(this.windowSegments, flightSize) / 2);
  }

  onRecovered(): void {
    this.windowSegments = this.slowStartThreshold;
  }

  onTimeout(first: boolean): void {
    if (first) this.slowStartThreshold = Math.max(minimumWindow, this.windowSegments / 2);
    this.windowSegments = 1;
  }

  onIdle(): void {}
}
