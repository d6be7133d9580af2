/** What a receiver's record of a stream means: delay percentiles and loss, with their definitions. */

export interface DelaySummary {
  /** null when nothing arrived */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  readonly lossPercent: number;
  /** different packets that arrived; a duplicate counts once */
  readonly received: number;
  readonly sent: number;
}

/**
 * Nearest-rank percentile: the smallest value such that at least `percent` of all values are no larger
 * (ISO 3534-1's definition without interpolation, so every result is a value that was measured).
 * `sorted` ascends; undefined for no values.
 */
export function percentile(sorted: ArrayLike<number>, percent: number): number | undefined {
  if (!(percent >= 0 && percent <= 100))
    throw new RangeError(`percent ${percent}: must be between 0 and 100`);
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.max(0, rank - 1)];
}

/**
 * Delays of the packets that arrived out of `sent`. A packet that never arrived has no delay: it shows in
 * `lossPercent`, not in the percentiles - read them together.
 */
export function summarizeDelays(delaysMs: ArrayLike<number>, sent: number): DelaySummary {
  const sorted = Float64Array.from(delaysMs).sort();
  return {
    p50Ms: percentile(sorted, 50) ?? null,
    p99Ms: percentile(sorted, 99) ?? null,
    maxMs: sorted.at(-1) ?? null,
    lossPercent: sent > 0 ? (100 * (sent - Math.min(sent, sorted.length))) / sent : 0,
    received: sorted.length,
    sent,
  };
}

export interface SequenceSummary {
  /** different sequence numbers in the range */
  readonly received: number;
  /** numbers of the range that never arrived */
  readonly lost: number;
  /** arrivals of a number that had arrived before */
  readonly duplicates: number;
  /** arrivals whose number is below one that arrived earlier (RFC 4737, section 3, for singletons) */
  readonly reordered: number;
}

/** Reads the arrivals, in order of arrival, of numbers in [first, end); others are ignored. */
export function readSequence(arrivals: ArrayLike<number>, first: number, end: number): SequenceSummary {
  const span = Math.max(0, end - first);
  const seen = new Uint8Array(span);
  let received = 0;
  let duplicates = 0;
  let reordered = 0;
  let highest = -1;
  for (let i = 0; i < arrivals.length; i++) {
    const number = arrivals[i]!;
    if (number < first || number >= end) continue;
    if (seen[number - first] === 1) {
      duplicates++;
      continue;
    }
    seen[number - first] = 1;
    received++;
    if (number < highest) reordered++;
    else highest = number;
  }
  return { received, lost: span - received, duplicates, reordered };
}
