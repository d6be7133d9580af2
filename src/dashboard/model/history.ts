/**
 * The last minutes of one bottleneck as columns, ready to be drawn. The stream says only what is now; the past
 * on the screen is what this page itself has seen, and a hole in it stays a hole (null breaks the line).
 */
import type { BottleneckView } from './types.js';

export const columnNames = [
  'backlogMs',
  'backlogLowMs',
  'backlogHighMs',
  'boundMs',
  'bufferMs',
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

const finite = (n: number | null | undefined): Cell =>
  typeof n === 'number' && Number.isFinite(n) ? n : null;

/** bytes at the bottleneck's capacity, as the time they take to leave */
export const bytesToMs = (bytes: number, capacityBitsPerSecond: number): number =>
  capacityBitsPerSecond > 0 ? (bytes * 8000) / capacityBitsPerSecond : Number.NaN;

function rowOf(b: BottleneckView, before: BottleneckView | undefined): Row {
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
export const defaultLimits: HistoryLimits = { seconds: 130, samples: 4000, gapSeconds: 1.5 };

export class History {
  readonly times: number[] = [];
  readonly columns: Record<ColumnName, Cell[]>;
  readonly #limits: HistoryLimits;
  #last: BottleneckView | undefined;
  /** between the two newest samples, seconds */
  #step = 0;

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
    this.#append(at, rowOf(bottleneck, this.#last));
    this.#last = bottleneck;
    this.#trim(at);
  }

  clear(): void {
    this.times.length = 0;
    for (const name of columnNames) this.columns[name].length = 0;
    this.#last = undefined;
    this.#step = 0;
  }

  /** Index of the first sample at or after `from`, one earlier if there is one so that the line enters the picture. */
  startOf(from: number): number {
    let low = 0;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle]! < from) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
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
