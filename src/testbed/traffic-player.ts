/**
 * Feeds a sending program with its schedule, a few seconds ahead, and remembers which sequence number was due
 * when. The numbers follow from the trace alone, so a window of time names the same packets in every run of
 * the same seed, however late the sender was and whatever the network lost.
 */
import {
  firstAtOrAfter,
  headerBytesPerPacket,
  type TraceInterval,
  TraceSource,
  type TrafficSpec,
} from '../traffic/index.js';

/** Seconds of load that a sender holds in advance: longer than any stall of this process that matters. */
export const feedAheadSeconds = 5;
const recordBytes = 16;
/** Packets whose due time is kept for `sequenceRange`: about half an hour of 17 Mbit/s, 32 MB. */
const rememberedPackets = 4_000_000;

export interface SequenceRange {
  readonly first: number;
  readonly end: number;
}

/** Turns a load into the records of `traffic-sender.c`. Times are seconds since the start of the load. */
export class TrafficPlayer {
  readonly #source: TraceSource;
  readonly #startAtNs: bigint;
  readonly #durationSeconds: number;
  readonly #intervals: {
    readonly interval: TraceInterval;
    readonly first: number;
    readonly count: number;
  }[] = [];
  #remembered = 0;
  #sequence = 0;
  #producedSeconds = 0;

  /** @param durationSeconds Infinity: until stopped */
  constructor(spec: TrafficSpec, seed: number, startAtNs: bigint, durationSeconds: number) {
    this.#source = new TraceSource(spec, seed);
    this.#startAtNs = startAtNs;
    this.#durationSeconds = durationSeconds;
  }

  /** The schedule is complete: nothing comes after what was handed out. */
  get finished(): boolean {
    return this.#producedSeconds >= this.#durationSeconds;
  }

  get producedSeconds(): number {
    return this.#producedSeconds;
  }

  /** Records of the next drawing interval. Call only while not `finished`. */
  nextRecords(): Uint8Array {
    const interval = this.#source.next();
    const count = firstAtOrAfter(interval.atSeconds, this.#durationSeconds);
    const bytes = new Uint8Array(count * recordBytes);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i++) {
      const dueNs = this.#startAtNs + BigInt(Math.round(interval.atSeconds[i]! * 1e9));
      view.setBigInt64(i * recordBytes, dueNs, littleEndian);
      view.setUint32(i * recordBytes + 8, this.#sequence + i, littleEndian);
      view.setUint32(i * recordBytes + 12, interval.bytes[i]! - headerBytesPerPacket, littleEndian);
    }
    this.#remember(interval, count);
    this.#producedSeconds = interval.endSeconds;
    return bytes;
  }

  /**
   * Numbers of the packets due in [fromSeconds, toSeconds).
   * @throws RangeError when the window was not played yet or is older than what is remembered
   */
  sequenceRange(fromSeconds: number, toSeconds: number): SequenceRange {
    const oldest = this.#intervals[0]?.interval.startSeconds ?? 0;
    const end = Math.min(toSeconds, this.#durationSeconds);
    if (!(fromSeconds >= oldest && end >= fromSeconds && end <= this.#producedSeconds))
      throw new RangeError(
        `window ${fromSeconds}..${toSeconds} s: only ${oldest}..${this.#producedSeconds} s of the load are known`,
      );
    return { first: this.#sequenceAt(fromSeconds), end: this.#sequenceAt(end) };
  }

  #sequenceAt(seconds: number): number {
    const found = this.#intervals.find(({ interval }) => seconds < interval.endSeconds);
    if (found === undefined) return this.#sequence;
    return found.first + Math.min(found.count, firstAtOrAfter(found.interval.atSeconds, seconds));
  }

  #remember(interval: TraceInterval, count: number): void {
    this.#intervals.push({ interval, first: this.#sequence, count });
    this.#sequence += count;
    this.#remembered += count;
    while (this.#remembered > rememberedPackets && this.#intervals.length > 1)
      this.#remembered -= this.#intervals.shift()!.count;
  }
}

/** Sender, receiver and this process share one machine and its byte order. */
export const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
