import { type PrecopyInput, predictPrecopy } from './precopy.js';
import { type Bytes, type BytesPerSecond, bytes, bytesPerSecond, type Seconds, seconds } from './units.js';

/** A copy slower than this multiple of the dirty rate is not started (theta of the model's floor r >= theta d). */
export const convergenceMargin = 1.25;

/** What is copied while it changes: memory by pages, a disk by a block bitmap. */
export interface CopyQueue {
  /** M: to be sent, known to be dirty included */
  readonly remainingBytes: Bytes;
  /** d: dirty rate of a memory, write rate of a disk */
  readonly dirtyBytesPerSecond: BytesPerSecond;
  /** W: the most that can be dirty at once; Infinity: not known */
  readonly workingSetBytes: Bytes;
}
/** A machine on the move, without its rate. */
export interface VmCopy {
  readonly memory: CopyQueue;
  /** null: the disk stays, or is replicated already */
  readonly disk: CopyQueue | null;
  readonly downtimeLimitSeconds: Seconds;
  readonly fixedDowntimeSeconds: Seconds;
}

/**
 * Rounds of pre-copy before the last one, in closed form: n = ceil(ln(M / V_th) / ln(1 / lambda)), V_th = r (D_max - D_0), lambda = d / r.
 * Infinity for lambda >= 1: round n leaves M lambda^n, which never becomes small.
 */
export function precopyRounds(remaining: Bytes, threshold: Bytes, dirtyRatio: number): number {
  if (remaining <= threshold) return 0;
  if (!(dirtyRatio < 1) || !(threshold > 0)) return Number.POSITIVE_INFINITY;
  return dirtyRatio > 0 ? Math.ceil(Math.log(remaining / threshold) / Math.log(1 / dirtyRatio)) : 1;
}

/** Memory and disk as one queue: they share one rate, and both must be small when the machine stops. */
export function precopyOf(copy: VmCopy, rate: BytesPerSecond): PrecopyInput {
  const { memory, disk } = copy;
  return {
    remainingBytes: bytes(memory.remainingBytes + (disk?.remainingBytes ?? 0)),
    dirtyBytesPerSecond: bytesPerSecond(memory.dirtyBytesPerSecond + (disk?.dirtyBytesPerSecond ?? 0)),
    workingSetBytes: bytes(memory.workingSetBytes + (disk?.workingSetBytes ?? 0)),
    rateBytesPerSecond: rate,
    downtimeLimitSeconds: copy.downtimeLimitSeconds,
    fixedDowntimeSeconds: copy.fixedDowntimeSeconds,
  };
}

/**
 * Seconds until the machine runs at its new place; Infinity if the copy does not converge with the margin: r < 1.25 d, unless the
 * whole working set fits into the downtime.
 */
export function durationAt(copy: VmCopy, rate: BytesPerSecond): Seconds {
  const input = precopyOf(copy, rate);
  const fits = input.workingSetBytes <= rate * (copy.downtimeLimitSeconds - copy.fixedDowntimeSeconds);
  if (!fits && rate < convergenceMargin * input.dirtyBytesPerSecond) return seconds(Number.POSITIVE_INFINITY);
  const prediction = predictPrecopy(input);
  return seconds(
    prediction.converges ? prediction.secondsLeft + copy.fixedDowntimeSeconds : Number.POSITIVE_INFINITY,
  );
}

/**
 * The least constant rate with which the copy ends within `usable` (Infinity: ends at all); Infinity if not even `most` does it.
 * By bisection, because the duration does not grow with the rate: 60 halvings exhaust a double.
 */
export function neededRate(copy: VmCopy, usable: Seconds, most: BytesPerSecond): BytesPerSecond {
  const ends = (rate: number): boolean => {
    const duration = durationAt(copy, bytesPerSecond(rate));
    return Number.isFinite(duration) && duration <= usable;
  };
  if (!ends(most)) return bytesPerSecond(Number.POSITIVE_INFINITY);
  let low = 0;
  let high: number = most;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (ends(middle)) high = middle;
    else low = middle;
  }
  return bytesPerSecond(high);
}

/**
 * How a migration's one rate is divided between its two queues. The disk's bulk goes first: it gets dirty more slowly, and memory that is copied
 * early is copied twice. Then the memory, with the disk's bitmap held small by theta times its write rate; once the memory's
 * copy has begun it keeps theta times its own. The parts sum up to the rate.
 */
export function divideRate(
  rate: BytesPerSecond,
  memory: CopyQueue & { readonly started: boolean },
  disk: CopyQueue | null,
): { readonly memory: BytesPerSecond; readonly disk: BytesPerSecond } {
  if (disk === null || (disk.remainingBytes <= 0 && disk.dirtyBytesPerSecond <= 0))
    return { memory: rate, disk: bytesPerSecond(0) };
  const floor = (queue: CopyQueue): number => convergenceMargin * queue.dirtyBytesPerSecond;
  const bulk = disk.remainingBytes > Math.min(disk.workingSetBytes, floor(disk) * bitmapSeconds);
  const forMemory = memory.started ? Math.min(rate, floor(memory)) : 0;
  const forDisk = bulk ? rate - forMemory : Math.min(rate, floor(disk));
  return { memory: bytesPerSecond(rate - forDisk), disk: bytesPerSecond(forDisk) };
}
/** A disk whose rest is what it writes in this time has no bulk any more. */
const bitmapSeconds = 2;

/** Post-copy: the machine stops at once and fetches its pages when it needs them. */
export interface PostcopyTerms {
  readonly cpuStateBytes: Bytes;
  readonly roundTripSeconds: Seconds;
  /** pages that are asked for before the background push has brought them; 0 with perfect pre-paging */
  readonly remoteFaults: number;
  /** how long all faults together may hold the machine up */
  readonly stallLimitSeconds: Seconds;
}
const pageBytes = 4096;

/** Downtime D_0 + state / r, every byte sent once, stall = faults x (RTT + 4 KiB / r). */
export function predictPostcopy(
  copy: VmCopy,
  rate: BytesPerSecond,
  terms: PostcopyTerms,
): { readonly downtimeSeconds: Seconds; readonly bytesLeft: Bytes; readonly stallSeconds: Seconds } {
  return {
    downtimeSeconds: seconds(copy.fixedDowntimeSeconds + terms.cpuStateBytes / rate),
    bytesLeft: bytes(copy.memory.remainingBytes + (copy.disk?.remainingBytes ?? 0)),
    stallSeconds: seconds(terms.remoteFaults * (terms.roundTripSeconds + pageBytes / rate)),
  };
}

/** The rungs, cheapest first. `none`: it converges in time as it is. */
export type LadderRung = 'none' | 'more-rate' | 'circuit' | 'throttle' | 'post-copy' | 'refuse';

export interface LadderInput {
  readonly copy: VmCopy;
  /** r_j now */
  readonly rateBytesPerSecond: BytesPerSecond;
  /** the most that the packet path could give to this migration; at least r_j */
  readonly availableBytesPerSecond: BytesPerSecond;
  /** until deadline - guard; Infinity: no deadline */
  readonly usableSeconds: Seconds;
  /** null: there is none to be had */
  readonly circuit: {
    readonly capacityBytesPerSecond: BytesPerSecond;
    readonly setupSeconds: Seconds;
  } | null;
  /** dirty rate that throttling the virtual processors can bring the machine down to; null: it cannot be throttled */
  readonly throttledDirtyBytesPerSecond: BytesPerSecond | null;
  /** null: not allowed, or the hypervisor has no post-copy */
  readonly postcopy: PostcopyTerms | null;
}
export interface LadderAdvice {
  readonly rung: LadderRung;
  /** the rate that would do on this rung; 0 on `refuse` and where none is needed */
  readonly neededBytesPerSecond: BytesPerSecond;
}

/** The first rung on which the migration converges within its downtime limit and its time. */
export function climbLadder(input: LadderInput): LadderAdvice {
  const { copy, rateBytesPerSecond, availableBytesPerSecond, usableSeconds, circuit } = input;
  const advice = (rung: LadderRung, needed: number): LadderAdvice => ({
    rung,
    neededBytesPerSecond: bytesPerSecond(needed),
  });
  if (Number.isFinite(neededRate(copy, usableSeconds, rateBytesPerSecond))) return advice('none', 0);
  const shared = neededRate(copy, usableSeconds, availableBytesPerSecond);
  if (Number.isFinite(shared)) return advice('more-rate', shared);
  const together = bytesPerSecond(availableBytesPerSecond + (circuit?.capacityBytesPerSecond ?? 0));
  const afterSetup = seconds(usableSeconds - (circuit?.setupSeconds ?? 0));
  if (circuit !== null) {
    const lit = neededRate(copy, afterSetup, together);
    if (Number.isFinite(lit)) return advice('circuit', lit);
  }
  const slow = input.throttledDirtyBytesPerSecond;
  if (slow !== null) {
    const { memory } = copy;
    const dirtyBytesPerSecond = bytesPerSecond(Math.min(slow, memory.dirtyBytesPerSecond));
    const throttled: VmCopy = { ...copy, memory: { ...memory, dirtyBytesPerSecond } };
    const packet = neededRate(throttled, usableSeconds, availableBytesPerSecond);
    const needed = Math.min(packet, circuit === null ? packet : neededRate(throttled, afterSetup, together));
    if (Number.isFinite(needed)) return advice('throttle', needed);
  }
  if (input.postcopy !== null) {
    const after = predictPostcopy(copy, availableBytesPerSecond, input.postcopy);
    if (
      after.downtimeSeconds <= copy.downtimeLimitSeconds &&
      after.stallSeconds <= input.postcopy.stallLimitSeconds &&
      after.bytesLeft / availableBytesPerSecond <= usableSeconds
    )
      return advice('post-copy', availableBytesPerSecond);
  }
  return advice('refuse', 0);
}
