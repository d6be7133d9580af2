import { PacketOverhead } from '../packet-overhead.js';
import { ByteCurve } from './byte-curve.js';
import type { EndReading } from './path-estimator.js';

/** The path as a queue between two counters, over the time since the far reading before that could be compared. */
export interface Passage {
  /** the time of the near curve that the far reading is held against */
  readonly at: number;
  readonly intervalSeconds: number;
  /** all that the near end had sent by then, bytes */
  readonly sent: number;
  readonly arrivedBytes: number;
  /** what came out, as long as the near end counted it */
  readonly servedBytes: number;
  /** a header that was not known till now has made the difference of the two too large by so much, since `seenEmpty` */
  readonly phantomBytes: number;
  /** there was none before: nothing arrived or came out since */
  readonly first: boolean;
}

const nothingCarried = { interval: 0, passed: 0, packets: 0 };

/**
 * Holds what the far counter shows against what the near one had sent a base delay before, in bytes and in packets. Bytes
 * are the near counter's throughout: a tag that is added or stripped in between is fitted from the packets.
 */
export class TwoEnds {
  /** what the near end sent */
  readonly curve: ByteCurve;
  readonly overhead = new PacketOverhead();
  private readonly packetCurve: ByteCurve;
  /** of far readings since the one that was compared last */
  private carried = nothingCarried;
  private sentUpTo = Number.NaN;
  private packetsUpTo = Number.NaN;
  /** counted by the far end, in all and when the path was last seen empty */
  private farPackets = 0;
  private farPacketsWhenEmpty = 0;

  constructor(spanSeconds: number) {
    this.curve = new ByteCurve(spanSeconds);
    this.packetCurve = new ByteCurve(spanSeconds);
  }

  /** Packets are counted, and what their headers differ by is not known yet. */
  get headersUnknown(): boolean {
    return this.farPackets > 0 && this.overhead.uncertaintyBytesPerPacket === Number.POSITIVE_INFINITY;
  }

  near(reading: EndReading): void {
    this.curve.push(reading.at, reading.gap ? 0 : reading.passedBytes);
    this.packetCurve.push(reading.at, reading.gap ? 0 : (reading.passedPackets ?? Number.NaN));
  }

  /** Undefined: the near curve does not reach back, or not up to that time; what came out waits for the next reading. */
  far(reading: EndReading, delaySeconds: number): Passage | undefined {
    const { interval, passed, packets } = this.carried;
    this.carried = {
      interval: interval + reading.intervalSeconds,
      passed: passed + reading.passedBytes,
      packets: packets + (reading.passedPackets ?? Number.NaN),
    };
    const at = reading.at - delaySeconds;
    const sent = this.curve.totalAt(at);
    if (Number.isNaN(sent)) return undefined;
    const first = Number.isNaN(this.sentUpTo);
    const arrivedBytes = first ? 0 : Math.max(0, sent - this.sentUpTo);
    this.sentUpTo = sent;
    const intervalSeconds = this.carried.interval;
    return { at, intervalSeconds, sent, arrivedBytes, first, ...this.served(at, arrivedBytes) };
  }

  private served(at: number, arrivedBytes: number): { servedBytes: number; phantomBytes: number } {
    const { passed, packets } = this.carried;
    const sentPackets = this.packetCurve.totalAt(at);
    const arrivedPackets = sentPackets - this.packetsUpTo;
    this.packetsUpTo = sentPackets;
    this.carried = nothingCarried;
    if (Number.isNaN(packets)) return { servedBytes: passed, phantomBytes: 0 };
    this.farPackets += packets;
    const before = this.overhead.bytesPerPacket;
    if (!Number.isNaN(arrivedPackets))
      this.overhead.observe(at, {
        arrivedBytes,
        arrivedPackets,
        departedBytes: passed,
        departedPackets: packets,
      });
    const fitted = this.overhead.bytesPerPacket;
    const since = this.farPackets - this.farPacketsWhenEmpty;
    return {
      servedBytes: Math.max(0, passed - fitted * packets),
      phantomBytes: Math.max(0, before - fitted) * since,
    };
  }

  /** The path was empty at the newest far reading. */
  seenEmpty(): void {
    this.farPacketsWhenEmpty = this.farPackets;
  }

  /** The far counter started anew, or so did the path: the next reading is a first one. */
  restart(): void {
    this.carried = nothingCarried;
    this.sentUpTo = Number.NaN;
    this.packetsUpTo = Number.NaN;
    this.overhead.restart();
  }

  clear(): void {
    this.curve.clear();
    this.packetCurve.clear();
    this.restart();
  }
}
