/**
 * The last minutes of one bottleneck as columns, ready to be drawn. The stream says only what is now; the past
 * on the screen is what this page itself has seen, and a hole in it stays a hole (null breaks the line).
 */
import type { BottleneckView } from './types.js';
import { waitQuantiles } from './wait-quantiles.js';

export const columnNames = [
  'backlogMs',
  'backlogLowMs',
  'backlogHighMs',
  'boundMs',
  'bufferMs',
  'waitMs',
  'waitP50Ms',
  'waitP95Ms',
  'waitP99Ms',
  'promiseMs',
  'commandedMbps',
  'enforcedMbps',
  'measuredMbps',
  'crossMbps',
  'capacityMbps',
  'lyapunov',
  'lyapunovBound',
  'drift',
  'forecastErrorMbps',
  'measurementErrorMs',
  'newViolations',
  'newBroken',
  'safeMode',
] as const;
export type ColumnName = (typeof columnNames)[number];
export type Cell = number | null;
type Row = Record<ColumnName, Cell>;
type Trailing = Pick<Row, 'waitP50Ms' | 'waitP95Ms' | 'waitP99Ms'>;
const noTrailing: Trailing = { waitP50Ms: null, waitP95Ms: null, waitP99Ms: null };
/** The quantiles of an instant are those of so many seconds before it: 200 readings at the pace of the stream. */
export const trailingSeconds = 20;

const finite = (n: number | null | undefined): Cell =>
  typeof n === 'number' && Number.isFinite(n) ? n : null;

/** bytes at the bottleneck's capacity, as the time they take to leave */
export const bytesToMs = (bytes: number, capacityBitsPerSecond: number): number =>
  capacityBitsPerSecond > 0 ? (bytes * 8000) / capacityBitsPerSecond : Number.NaN;

/** Without counters, or with old ones, the backlog is no reading. */
const isRead = (b: BottleneckView): boolean => b.sampleAgeMs >= 0 && b.safeReason !== 'stale';

function rowOf(b: BottleneckView, before: BottleneckView | undefined): Omit<Row, keyof Trailing> {
  const uncertainMs = bytesToMs(b.backlogUncertaintyBytes, b.capacityBitsPerSecond);
  const c = b.certificate;
  const more = (now: number, then: number | undefined): number =>
    then === undefined || now <= then ? 0 : now - then;
  // Before the first slot was checked there is no bound and no error: 0 would be a claim.
  const certified = (n: number): Cell => (c.slots === 0 ? null : finite(n));
  return {
    backlogMs: finite(b.backlogMs),
    backlogLowMs: finite(Math.max(0, b.backlogMs - uncertainMs)),
    backlogHighMs: finite(b.backlogMs + uncertainMs),
    boundMs: certified(b.boundMs),
    // a carrier's buffer is nobody's knowledge
    bufferMs: b.opaque ? null : finite(b.bufferMs),
    waitMs: isRead(b) ? finite(b.backlogMs) : null,
    promiseMs: finite(b.delayPromise?.delayMs),
    commandedMbps: finite(b.commandedBitsPerSecond / 1e6),
    enforcedMbps: finite(b.enforcedBitsPerSecond / 1e6),
    measuredMbps: finite(b.measuredBitsPerSecond / 1e6),
    // an estimate: the difference of two counters that were read at nearly the same time
    crossMbps: finite(Math.max(0, b.crossBitsPerSecond / 1e6)),
    capacityMbps: finite(b.capacityBitsPerSecond / 1e6),
    lyapunov: certified(c.lyapunov),
    lyapunovBound: certified(c.lyapunovBound),
    drift: certified(c.drift),
    forecastErrorMbps: certified((c.forecastErrorBytesPerSecond * 8) / 1e6),
    measurementErrorMs: certified(bytesToMs(c.measurementErrorBytes, b.capacityBitsPerSecond)),
    newViolations: more(c.violations, before?.certificate.violations),
    newBroken: more(c.assumptionBrokenSlots, before?.certificate.assumptionBrokenSlots),
    safeMode: b.safeMode ? 1 : 0,
  };
}

export interface HistoryLimits {
  readonly seconds: number;
  readonly samples: number;
  /**
   * two samples further apart than this, and than three times the two before them, are not joined by a line: in a
   * recording that is played fast all are far apart
   */
  readonly gapSeconds: number;
}
/** Ten minutes to look back into, and the longest time axis before them. */
export const defaultLimits: HistoryLimits = { seconds: 730, samples: 8000, gapSeconds: 1.5 };
/** of all bottlenecks together: some 25 MB */
const samplesInAll = 60_000;
/** With many bottlenecks each remembers less, but not less than the longest time axis at the pace of the stream. */
export const limitsFor = (bottlenecks: number): HistoryLimits => ({
  ...defaultLimits,
  samples: Math.min(
    defaultLimits.samples,
    Math.max(1500, Math.floor(samplesInAll / Math.max(1, bottlenecks))),
  ),
});

export class History {
  readonly times: number[] = [];
  readonly columns: Record<ColumnName, Cell[]>;
  readonly #limits: HistoryLimits;
  #last: BottleneckView | undefined;
  /** between the two newest samples, seconds */
  #step = 0;
  /** the quantiles up to the last full second: sorting with every message would be waste */
  #trailing: Trailing = noTrailing;
  #trailingAt: number | undefined;

  constructor(limits: HistoryLimits = defaultLimits) {
    this.#limits = limits;
    this.columns = Object.fromEntries(columnNames.map((name) => [name, [] as Cell[]])) as Record<
      ColumnName,
      Cell[]
    >;
  }

  get latest(): BottleneckView | undefined {
    return this.#last;
  }

  /** `at`: seconds. A sample of the same instant replaces the last; time that runs backwards starts anew. */
  push(at: number, bottleneck: BottleneckView): void {
    if (!Number.isFinite(at)) return;
    const lastAt = this.times.at(-1);
    if (lastAt !== undefined && at < lastAt) this.clear();
    else if (lastAt !== undefined && at === lastAt) this.#dropLast();
    else if (lastAt !== undefined) {
      const step = at - lastAt;
      if (step > Math.max(this.#limits.gapSeconds, 3 * this.#step)) this.#append(lastAt + 1e-3, null);
      this.#step = step;
    }
    const row = rowOf(bottleneck, this.#last);
    this.#follow(at);
    this.#append(at, { ...row, ...this.#trailing });
    this.#last = bottleneck;
    this.#trim(at);
  }

  clear(): void {
    this.times.length = 0;
    for (const name of columnNames) this.columns[name].length = 0;
    this.#last = undefined;
    this.#step = 0;
    this.#trailing = noTrailing;
    this.#trailingAt = undefined;
  }

  /** Index of the first sample at or after `from`, one earlier if there is one so that the line enters the picture. */
  startOf(from: number): number {
    return Math.max(0, this.#first((time) => time >= from) - 1);
  }
  /** Index behind the last sample at or before `to`. */
  endOf(to: number): number {
    return this.#first((time) => time > to);
  }

  /** Index of the first time that `isLate` is true of, or the number of times: it is true of all after that one. */
  #first(isLate: (time: number) => boolean): number {
    let low = 0;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isLate(this.times[middle]!)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #follow(at: number): void {
    const second = Math.floor(at);
    if (second === this.#trailingAt) return;
    this.#trailingAt = second;
    // It may be one sample early, which changes no quantile that anybody could see.
    const start = this.startOf(at - trailingSeconds);
    const { p50Ms, p95Ms, p99Ms } = waitQuantiles(this.columns.waitMs, start);
    this.#trailing = { waitP50Ms: p50Ms, waitP95Ms: p95Ms, waitP99Ms: p99Ms };
  }

  #append(at: number, row: Row | null): void {
    this.times.push(at);
    for (const name of columnNames) this.columns[name].push(row === null ? null : row[name]);
  }

  #dropLast(): void {
    this.times.pop();
    for (const name of columnNames) this.columns[name].pop();
  }

  #trim(now: number): void {
    const { seconds, samples } = this.#limits;
    const late = this.startOf(now - seconds);
    const surplus = Math.max(late, this.times.length - samples);
    // In strides: removing one element from the front of every column in every turn would be quadratic.
    if (surplus < 64 && this.times.length <= samples) return;
    this.times.splice(0, surplus);
    for (const name of columnNames) this.columns[name].splice(0, surplus);
  }
}
