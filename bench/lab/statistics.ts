import { RandomStream } from '../../src/traffic/index.js';

/**
 * Quantile by linear interpolation of order statistics: definition 7 of Hyndman and Fan, "Sample quantiles in
 * statistical packages", The American Statistician 50(4), 1996. NaN for no values.
 */
export function quantile(values: readonly number[], q: number): number {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`a quantile is between 0 and 1, not ${q}`);
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const position = q * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);
export const mean = (values: readonly number[]): number =>
  values.length === 0 ? Number.NaN : values.reduce((sum, v) => sum + v, 0) / values.length;

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Percentile bootstrap interval (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13). What
 * is drawn again is whole runs: packets of one run depend on each other, runs of different seeds do not. With five
 * runs it is narrower than it should be; the number of runs stands beside it. NaN for no values.
 */
export function bootstrapInterval(
  values: readonly number[],
  statistic: (sample: readonly number[]) => number = median,
  options: { readonly level?: number; readonly resamples?: number; readonly seed?: number } = {},
): Interval {
  const { level = 0.95, resamples = 2000, seed = 1 } = options;
  if (values.length === 0) return { low: Number.NaN, high: Number.NaN };
  const random = RandomStream.of(seed, 'bootstrap');
  const statistics: number[] = [];
  for (let i = 0; i < resamples; i++)
    statistics.push(statistic(values.map(() => values[Math.floor(random.nextFraction() * values.length)]!)));
  return { low: quantile(statistics, (1 - level) / 2), high: quantile(statistics, (1 + level) / 2) };
}

/** What is compared is the same seed: the same load. Seeds that one side lacks are left out. */
export function paired<T>(
  a: ReadonlyMap<number, T>,
  b: ReadonlyMap<number, T>,
  compare: (a: T, b: T) => number,
): number[] {
  return [...a].flatMap(([seed, value]) => {
    const other = b.get(seed);
    return other === undefined ? [] : [compare(value, other)];
  });
}

/** Jain's index of fairness (DEC-TR-301, 1984): 1 when all shares are equal, 1/n when one has everything. */
export function jainIndex(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0);
  const squares = shares.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares);
}
