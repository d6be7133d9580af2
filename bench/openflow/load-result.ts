export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What one run of the generator found; times in microseconds. */
export interface LoadResult {
  readonly event: 'end';
  readonly seconds: number;
  /** right answers alone */
  readonly answers: number;
  readonly perSecond: number;
  /** answers of the worst switch over those of the best, for each second */
  readonly fairness: readonly number[];
  /** switches without an answer in the worst of those seconds */
  readonly starved: number;
  readonly latencyUs: Quantiles | null;
  readonly faults: Readonly<Record<string, number>>;
  readonly connectMs: number;
  /** connections that were closed */
  readonly lost: number;
}
