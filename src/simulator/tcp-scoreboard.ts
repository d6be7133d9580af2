import { segmentRingSize } from './tcp-receiver.js';

const sacked = 1;
const lost = 2;
const retransmitted = 4;
const duplicateThreshold = 3;
const slotMask = segmentRingSize - 1;

/**
 * What a sender knows of the segments it has sent and that are not yet acknowledged all the way: arrived
 * (selectively acknowledged), lost, sent again (RFC 6675). Segments are numbered from 0.
 */
export class TcpScoreboard {
  /** first segment that is not acknowledged */
  oldest = 0;
  /** next segment to be sent for the first time */
  next = 0;
  sackedCount = 0;
  /** believed lost, sent again or not */
  lostCount = 0;
  retransmittedCount = 0;
  /** is told of each segment when it is first known to have arrived */
  onDelivered: ((segment: number) => void) | undefined;
  private readonly length = new Uint16Array(segmentRingSize);
  private readonly flags = new Uint8Array(segmentRingSize);
  /** value of `next` when the segment was sent again: a later segment that arrives proves it lost again */
  private readonly nextAtRetransmission = new Float64Array(segmentRingSize);
  private highestSacked = -1;
  private lossScan = 0;
  private retransmitScan = 0;

  /** segments believed to be in the network */
  get pipe(): number {
    return this.next - this.oldest - this.sackedCount - this.lostCount + this.retransmittedCount;
  }
  get outstanding(): number {
    return this.next - this.oldest;
  }

  lengthOf(segment: number): number {
    return this.length[segment & slotMask]!;
  }

  /** A new segment leaves; its number. */
  add(payloadBytes: number): number {
    const slot = this.next & slotMask;
    this.length[slot] = payloadBytes;
    this.flags[slot] = 0;
    return this.next++;
  }

  /** Everything below `ackNext` has arrived; how many segments are new in that. */
  acknowledge(ackNext: number): number {
    let delivered = 0;
    while (this.oldest < ackNext && this.oldest < this.next) {
      const slot = this.oldest & slotMask;
      const flags = this.flags[slot]!;
      if (flags & sacked) this.sackedCount--;
      else {
        delivered++;
        this.onDelivered?.(this.oldest);
      }
      if (flags & lost) this.lostCount--;
      if (flags & retransmitted) this.retransmittedCount--;
      this.flags[slot] = 0;
      this.oldest++;
    }
    return delivered;
  }

  /** Segments [from, to) have arrived; how many of them are new. */
  acknowledgeBlock(from: number, to: number): number {
    let delivered = 0;
    for (let segment = Math.max(from, this.oldest); segment < to && segment < this.next; segment++) {
      const slot = segment & slotMask;
      const flags = this.flags[slot]!;
      if (flags & sacked) continue;
      if (flags & lost) this.lostCount--;
      if (flags & retransmitted) this.retransmittedCount--;
      this.flags[slot] = sacked;
      this.sackedCount++;
      delivered++;
      this.onDelivered?.(segment);
      if (segment > this.highestSacked) this.highestSacked = segment;
    }
    return delivered;
  }

  /** Marks what is proved lost by three later segments that arrived; true when something was. */
  findLosses(): boolean {
    let found = false;
    const limit = this.highestSacked - duplicateThreshold;
    for (let segment = Math.max(this.lossScan, this.oldest); segment <= limit; segment++) {
      const slot = segment & slotMask;
      if (this.flags[slot]! & (sacked | lost)) continue;
      this.flags[slot] = this.flags[slot]! | lost;
      this.lostCount++;
      found = true;
    }
    if (limit + 1 > this.lossScan) this.lossScan = limit + 1;
    if (this.retransmittedCount > 0) this.findLostRetransmissions();
    return found;
  }

  /** A lost segment that has not been sent again yet, which it then counts as; undefined: none. */
  takeLost(): number | undefined {
    if (this.lostCount <= this.retransmittedCount) return undefined;
    for (let segment = Math.max(this.retransmitScan, this.oldest); segment < this.next; segment++) {
      const slot = segment & slotMask;
      if ((this.flags[slot]! & (lost | retransmitted)) !== lost) continue;
      this.flags[slot] = this.flags[slot]! | retransmitted;
      this.retransmittedCount++;
      this.nextAtRetransmission[slot] = this.next;
      this.retransmitScan = segment + 1;
      return segment;
    }
    return undefined;
  }

  /** A recovery begins: look for lost segments from the oldest on. */
  beginRecovery(): void {
    this.retransmitScan = this.oldest;
  }

  /** After a time-out nothing that is not known to have arrived is believed to be on its way. */
  loseAll(): void {
    this.lostCount = 0;
    this.retransmittedCount = 0;
    for (let segment = this.oldest; segment < this.next; segment++) {
      const slot = segment & slotMask;
      if (this.flags[slot]! & sacked) continue;
      this.flags[slot] = lost;
      this.lostCount++;
    }
    this.retransmitScan = this.oldest;
  }

  /** A retransmission is lost when something that was sent for the first time after it has arrived. */
  private findLostRetransmissions(): void {
    let left = this.retransmittedCount;
    for (let segment = this.oldest; left > 0 && segment < this.next; segment++) {
      const slot = segment & slotMask;
      if (!(this.flags[slot]! & retransmitted)) continue;
      left--;
      if (this.highestSacked < this.nextAtRetransmission[slot]! + duplicateThreshold) continue;
      this.flags[slot] = this.flags[slot]! & ~retransmitted;
      this.retransmittedCount--;
      if (segment < this.retransmitScan) this.retransmitScan = segment;
    }
  }
}
