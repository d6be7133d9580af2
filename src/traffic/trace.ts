/**
 * Load as a list of packets, computed before anything is sent. A trace is a function of the specification
 * and the seed alone - never of timing - so one seed is one load, whatever it is played against and however
 * late the player runs; and a short trace is the beginning of a longer one.
 */
import { RandomStream } from './random.js';
import {
  type BackgroundSpec,
  checkSpec,
  minimumPacketBytes,
  type TrafficSpec,
  type VideoSpec,
} from './spec.js';

/** Packets in order of time. `atSeconds[i]` from the start of the load, `bytes[i]` of the Ethernet frame. */
export interface Trace {
  readonly atSeconds: Float64Array;
  readonly bytes: Uint16Array;
  readonly totalBytes: number;
}

/** The packets of one drawing interval: a second of video, or `changeSeconds` of background. */
export interface TraceInterval extends Trace {
  readonly startSeconds: number;
  readonly endSeconds: number;
}

/** Longest trace that is built in one piece; a longer load is played interval by interval. */
export const longestTraceSeconds = 21_600;

/** An endless load, one interval at a time. Two sources of the same specification and seed are equal. */
export class TraceSource {
  readonly #spec: TrafficSpec;
  readonly #random: RandomStream;
  #index = 0;
  #frame = 0;
  /** bytes (video) or bits (background) of load due but too little for a packet yet */
  #carry = 0;

  constructor(spec: TrafficSpec, seed: number) {
    checkSpec(spec);
    this.#spec = spec;
    this.#random = RandomStream.of(seed, spec.name);
  }

  next(): TraceInterval {
    const spec = this.#spec;
    return spec.kind === 'video' ? this.#video(spec) : this.#background(spec);
  }

  #video(spec: VideoSpec): TraceInterval {
    const startSeconds = this.#index++;
    const burst = this.#random.nextFraction() < spec.burstProbability;
    const frameBytes =
      (burst ? spec.burstBitsPerSecond : spec.baseBitsPerSecond) / (8 * spec.framesPerSecond);
    const packets = new PacketList(
      Math.ceil(spec.framesPerSecond + 1) * Math.ceil(frameBytes / spec.packetBytes + 2),
    );
    for (; this.#frame / spec.framesPerSecond < startSeconds + 1; this.#frame++) {
      const due = frameBytes + this.#carry;
      const sent = packets.addFrame(this.#frame / spec.framesPerSecond, Math.floor(due), spec.packetBytes);
      this.#carry = due - sent;
    }
    return { startSeconds, endSeconds: startSeconds + 1, ...packets.finish() };
  }

  #background(spec: BackgroundSpec): TraceInterval {
    const { fromSeconds = 0, untilSeconds = Infinity } = spec;
    const startSeconds = this.#index * spec.changeSeconds;
    const endSeconds = ++this.#index * spec.changeSeconds;
    const drawn = this.#random.nextFraction();
    const rate = spec.minBitsPerSecond + drawn * (spec.maxBitsPerSecond - spec.minBitsPerSecond);
    const packetBits = spec.packetBytes * 8;
    const packets = new PacketList(Math.ceil((rate * spec.changeSeconds) / packetBits + 2));
    const missing = packetBits - this.#carry;
    let sent = 0;
    // a packet leaves when its last bit is due: the load is the drawn rate, cut at packet boundaries
    for (;;) {
      const at = startSeconds + (missing + sent * packetBits) / rate;
      if (!(at < endSeconds)) break;
      if (at >= fromSeconds && at < untilSeconds) packets.add(at, spec.packetBytes);
      sent++;
    }
    this.#carry = Math.min(
      packetBits,
      Math.max(0, this.#carry + rate * spec.changeSeconds - sent * packetBits),
    );
    return { startSeconds, endSeconds, ...packets.finish() };
  }
}

/**
 * The first `durationSeconds` of a load.
 * @throws TrafficSpecError for a bad specification, RangeError for a bad duration
 */
export function trace(spec: TrafficSpec, seed: number, durationSeconds: number): Trace {
  if (!(durationSeconds >= 0 && durationSeconds <= longestTraceSeconds))
    throw new RangeError(`durationSeconds ${durationSeconds}: must be between 0 and ${longestTraceSeconds}`);
  const source = new TraceSource(spec, seed);
  const intervals: TraceInterval[] = [];
  for (let end = 0; end < durationSeconds; ) {
    const interval = source.next();
    intervals.push(interval);
    end = interval.endSeconds;
  }
  const last = intervals.at(-1);
  const kept = last === undefined ? 0 : firstAtOrAfter(last.atSeconds, durationSeconds);
  const whole = intervals.slice(0, -1).reduce((n, interval) => n + interval.bytes.length, 0);
  const atSeconds = new Float64Array(whole + kept);
  const bytes = new Uint16Array(whole + kept);
  let n = 0;
  for (const interval of intervals) {
    const count = interval === last ? kept : interval.bytes.length;
    atSeconds.set(interval.atSeconds.subarray(0, count), n);
    bytes.set(interval.bytes.subarray(0, count), n);
    n += count;
  }
  return { atSeconds, bytes, totalBytes: sum(bytes) };
}

/** Index of the first packet at or after `seconds`; the number of packets when there is none. */
export function firstAtOrAfter(atSeconds: Float64Array, seconds: number): number {
  let low = 0;
  let high = atSeconds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (atSeconds[middle]! < seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Bytes of a trace due in [fromSeconds, toSeconds). */
export function bytesBetween(load: Trace, fromSeconds: number, toSeconds: number): number {
  const from = firstAtOrAfter(load.atSeconds, fromSeconds);
  return sum(load.bytes.subarray(from, Math.max(from, firstAtOrAfter(load.atSeconds, toSeconds))));
}

/** Mean load of traces over [fromSeconds, toSeconds), bit/s; 0 for an empty window. */
export function loadBitsPerSecond(loads: readonly Trace[], fromSeconds: number, toSeconds: number): number {
  if (!(toSeconds > fromSeconds)) return 0;
  const total = loads.reduce((n, load) => n + bytesBetween(load, fromSeconds, toSeconds), 0);
  return (total * 8) / (toSeconds - fromSeconds);
}

const sum = (values: Uint16Array): number => {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
};

/** Growable pair of typed arrays. */
class PacketList {
  #at: Float64Array;
  #bytes: Uint16Array;
  #length = 0;

  constructor(capacity: number) {
    this.#at = new Float64Array(capacity);
    this.#bytes = new Uint16Array(capacity);
  }

  add(atSeconds: number, bytes: number): void {
    if (this.#length === this.#bytes.length) this.#grow();
    this.#at[this.#length] = atSeconds;
    this.#bytes[this.#length++] = bytes;
  }

  /** One picture, back to back; returns what was sent: a rest too small for a packet waits for the next one. */
  addFrame(atSeconds: number, frameBytes: number, packetBytes: number): number {
    let rest = frameBytes;
    for (; rest >= packetBytes; rest -= packetBytes) this.add(atSeconds, packetBytes);
    if (rest >= minimumPacketBytes) {
      this.add(atSeconds, rest);
      rest = 0;
    }
    return frameBytes - rest;
  }

  finish(): Trace {
    const bytes = this.#bytes.slice(0, this.#length);
    return { atSeconds: this.#at.slice(0, this.#length), bytes, totalBytes: sum(bytes) };
  }

  #grow(): void {
    const capacity = this.#bytes.length * 2 + 16;
    const at = new Float64Array(capacity);
    const bytes = new Uint16Array(capacity);
    at.set(this.#at);
    bytes.set(this.#bytes);
    this.#at = at;
    this.#bytes = bytes;
  }
}
