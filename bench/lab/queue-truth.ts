/** Bytes in a queue at a time, seconds of any one clock. */
export interface QueueReading {
  readonly at: number;
  readonly bytes: number;
}
export interface TruthFigures {
  readonly compared: number;
  /** of the truth, where it was compared */
  readonly peakBytes: number;
  /** |estimate - truth| over the capacity, ms */
  readonly medianMs: number;
  readonly meanMs: number;
  readonly p99Ms: number;
  /** mean of estimate - truth, ms */
  readonly biasMs: number;
}

/** Two readings of the truth that are further apart say nothing of what was in between. */
const longestGapSeconds = 0.05;

/** Holds estimates against what the kernel counted, straight between its readings on either side of each. */
export function heldAgainst(
  truth: readonly QueueReading[],
  estimates: readonly QueueReading[],
  bytesPerSecond: number,
): TruthFigures {
  const errors: number[] = [];
  let peak = 0;
  let i = 1;
  for (const { at, bytes } of estimates) {
    while (i < truth.length && truth[i]!.at < at) i += 1;
    const before = truth[i - 1];
    const after = truth[i];
    if (before === undefined || after === undefined || before.at > at) continue;
    const width = after.at - before.at;
    if (width > longestGapSeconds) continue;
    const share = width > 0 ? (at - before.at) / width : 0;
    const real = before.bytes + share * (after.bytes - before.bytes);
    peak = Math.max(peak, real);
    errors.push((1000 * (bytes - real)) / bytesPerSecond);
  }
  const sizes = errors.map(Math.abs).sort((a, b) => a - b);
  const mean = (values: readonly number[]): number =>
    values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
  return {
    compared: errors.length,
    peakBytes: peak,
    medianMs: quantile(sizes, 0.5),
    meanMs: mean(sizes),
    p99Ms: quantile(sizes, 0.99),
    biasMs: mean(errors),
  };
}

export interface DrainFigures {
  /** what was in the queue at most after it was planted, bytes */
  readonly plantedBytes: number;
  /** until the estimate or a light spoke of it, and until the queue was empty; null: not within the time that was watched */
  readonly seenSeconds: number | null;
  readonly drainedSeconds: number | null;
}
/** what was seen by a controller of the same queue */
export interface SeenReading extends QueueReading {
  /** no light is green, or a drain probe is under way */
  readonly alarmed: boolean;
}

/** 5 ms of 50 Mbit/s, which the second light calls standing when it does not go */
const emptyBytes = 31_250;
/** the estimate has seen what was planted when it says half of it */
const seenShare = 0.5;

/**
 * How soon a queue of `plantedBytes` that was planted at `plantedAt` was seen and was gone. What else piled up at that time, in
 * a stall of the host, is no part of it.
 */
export function drainOf(
  truth: readonly QueueReading[],
  seen: readonly SeenReading[],
  plantedAt: number,
  untilAt: number,
  plantedBytes: number,
): DrainFigures {
  const within = <R extends QueueReading>(readings: readonly R[]): R[] =>
    readings.filter((r) => r.at >= plantedAt && r.at < untilAt);
  const after = within(truth);
  const top = after.reduce((most, r) => (r.bytes > most.bytes ? r : most), { at: plantedAt, bytes: 0 });
  const noticed = within(seen).find(
    (s) => s.alarmed || s.bytes > seenShare * Math.min(top.bytes, plantedBytes),
  );
  const gone = after.find((r) => r.at > top.at && r.bytes < emptyBytes);
  return {
    plantedBytes: top.bytes,
    seenSeconds: noticed === undefined ? null : noticed.at - plantedAt,
    drainedSeconds: gone === undefined ? null : gone.at - plantedAt,
  };
}

const quantile = (ascending: readonly number[], q: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(q * ascending.length))] ?? Number.NaN;
