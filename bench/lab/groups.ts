import type { JobRecord } from './job.js';
import type { Measures } from './measures.js';
import { referenceRows } from './rows.js';
import { bootstrapInterval, type Interval, median, paired, quantile } from './statistics.js';

/** All runs of one row in one variant, by seed. */
export interface Group {
  readonly scenario: string;
  readonly network: string;
  readonly deployment: string;
  readonly variant: string;
  readonly row: string;
  readonly runs: ReadonlyMap<number, Measures>;
  readonly failed: number;
}

/** In the order in which the runs were made, rows within a variant together. */
export function groupsOf(records: readonly JobRecord[]): Group[] {
  const groups = new Map<string, { head: JobRecord; runs: Map<number, Measures>; failed: number }>();
  for (const record of records) {
    const key = [record.scenario, record.network, record.deployment, record.variant, record.row].join('/');
    const group = groups.get(key) ?? { head: record, runs: new Map(), failed: 0 };
    if (record.measures === null) group.failed += 1;
    else group.runs.set(record.seed, record.measures);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ head, runs, failed }) => ({
    scenario: head.scenario,
    network: head.network,
    deployment: head.deployment,
    variant: head.variant,
    row: head.row,
    runs,
    failed,
  }));
}

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** bootstrap interval of the median, 95 % */
  readonly interval: Interval;
  readonly count: number;
}
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  return {
    median: median(values),
    low: quantile(values, 0),
    high: quantile(values, 1),
    interval: bootstrapInterval(values),
    count: values.length,
  };
}

export const addedP99 = (m: Measures): number => m.video.p99Ms - m.alone.p99Ms;

/** A quantity of every run of a group that completed. */
export const valuesOf = (group: Group, of: (m: Measures) => number | null): number[] =>
  [...group.runs.values()].flatMap((m) => {
    const value = m.completed ? of(m) : null;
    return value === null ? [] : [value];
  });

/** Time of each run over that of CUBIC with the same seed. */
export function timeRatios(group: Group, groups: readonly Group[]): number[] {
  const reference = referenceRows
    .map((row) => groups.find((g) => g.row === row && isSameCase(g, group)))
    .find((g) => g !== undefined);
  if (reference === undefined) return [];
  return paired(completed(group), completed(reference), (a, b) => a.seconds / b.seconds);
}
const completed = (group: Group): Map<number, Measures> =>
  new Map([...group.runs].filter(([, m]) => m.completed));

export const isSameCase = (a: Group, b: Group): boolean =>
  a.scenario === b.scenario &&
  a.network === b.network &&
  a.deployment === b.deployment &&
  a.variant === b.variant;
