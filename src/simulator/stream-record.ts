import { percentile } from '../traffic/index.js';

/** What one stream did in a window of sending times. Delays are one-way, source to destination. */
export interface StreamSummary {
  readonly name: string;
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly sentPackets: number;
  readonly receivedPackets: number;
  readonly sentBytes: number;
  readonly lossPercent: number;
  /** null when nothing arrived */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  readonly meanMs: number | null;
  /** true when the window begins before the oldest packet that is still remembered */
  readonly truncated: boolean;
}

const firstCapacity = 4096;
/** about twenty minutes of a busy 50 Mbit/s link */
const largestCapacity = 1 << 22;

/** Remembers when each packet of a stream was sent and how long it took; the oldest are forgotten at the bound. */
export class StreamRecord {
  readonly name: string;
  private sentAt = new Float64Array(firstCapacity);
  private delay = new Float32Array(firstCapacity);
  private bytes = new Uint16Array(firstCapacity);
  private readonly largest: number;
  /** packets sent so far; the number of the next packet */
  sent = 0;
  received = 0;

  constructor(name: string, largest = largestCapacity) {
    this.name = name;
    this.largest = largest;
  }

  /** The number of the packet that is sent now. */
  onSent(nowSeconds: number, frameBytes: number): number {
    if (this.sent === this.sentAt.length && this.sent < this.largest) this.grow();
    const slot = this.sent % this.sentAt.length;
    this.sentAt[slot] = nowSeconds;
    this.delay[slot] = -1;
    this.bytes[slot] = frameBytes;
    return this.sent++;
  }

  onReceived(packetNumber: number, nowSeconds: number): void {
    if (packetNumber < this.sent - this.sentAt.length || packetNumber >= this.sent) return;
    const slot = packetNumber % this.sentAt.length;
    if (this.delay[slot]! >= 0) return;
    this.delay[slot] = nowSeconds - this.sentAt[slot]!;
    this.received++;
  }

  /** Packets sent in [from, to). A packet still on its way counts as lost: end the window before the present. */
  summary(fromSeconds: number, toSeconds: number): StreamSummary {
    const oldest = Math.max(0, this.sent - this.sentAt.length);
    const delaysMs: number[] = [];
    let sentPackets = 0;
    let sentBytes = 0;
    let sum = 0;
    for (let number = this.firstSentAt(oldest, fromSeconds); number < this.sent; number++) {
      const slot = number % this.sentAt.length;
      if (this.sentAt[slot]! >= toSeconds) break;
      sentPackets++;
      sentBytes += this.bytes[slot]!;
      if (this.delay[slot]! < 0) continue;
      delaysMs.push(this.delay[slot]! * 1000);
      sum += this.delay[slot]! * 1000;
    }
    const sorted = Float64Array.from(delaysMs).sort();
    return {
      name: this.name,
      fromSeconds,
      toSeconds,
      sentPackets,
      receivedPackets: sorted.length,
      sentBytes,
      lossPercent: sentPackets === 0 ? 0 : (100 * (sentPackets - sorted.length)) / sentPackets,
      p50Ms: percentile(sorted, 50) ?? null,
      p99Ms: percentile(sorted, 99) ?? null,
      maxMs: sorted.at(-1) ?? null,
      meanMs: sorted.length === 0 ? null : sum / sorted.length,
      truncated: oldest > 0 && this.sentAt[oldest % this.sentAt.length]! > fromSeconds,
    };
  }

  /** Every packet remembered, for digests and plots: sent at (s), delay (s, -1: not arrived). */
  *packets(): Generator<{ atSeconds: number; delaySeconds: number; frameBytes: number }> {
    for (let number = Math.max(0, this.sent - this.sentAt.length); number < this.sent; number++) {
      const slot = number % this.sentAt.length;
      yield {
        atSeconds: this.sentAt[slot]!,
        delaySeconds: this.delay[slot]!,
        frameBytes: this.bytes[slot]!,
      };
    }
  }

  private firstSentAt(oldest: number, seconds: number): number {
    let low = oldest;
    let high = this.sent;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.sentAt[middle % this.sentAt.length]! < seconds) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private grow(): void {
    const capacity = Math.min(this.largest, this.sentAt.length * 2);
    const sentAt = new Float64Array(capacity);
    const delay = new Float32Array(capacity);
    const bytes = new Uint16Array(capacity);
    sentAt.set(this.sentAt);
    delay.set(this.delay);
    bytes.set(this.bytes);
    this.sentAt = sentAt;
    this.delay = delay;
    this.bytes = bytes;
  }
}
