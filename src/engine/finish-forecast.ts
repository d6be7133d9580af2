import type { ForecastView } from './view.js';

/** What was foretold at half-way, kept to be held against what happens. */
export interface HalfWay {
  /** RFC 3339; null: it did not converge at the rate of that moment */
  readonly finish: string | null;
}

/** Half of the memory has been sent: from here on a forecast should be worth something. */
export const isHalfWay = (transferredBytes: number, memoryBytes: number): boolean =>
  transferredBytes >= memoryBytes / 2;

/** How true it was; numbers are null as long as there is nothing to hold them against. */
export function forecastView(
  halfWay: HalfWay | undefined,
  expectedDowntimeMs: number | null,
  happened: {
    readonly startedAt: string | null;
    readonly endedAt: string | null;
    readonly completed: boolean;
    readonly downtimeMs: number | null;
  },
): ForecastView | undefined {
  if (halfWay === undefined) return undefined;
  const { startedAt, endedAt, completed, downtimeMs } = happened;
  const known = completed && startedAt !== null && endedAt !== null && halfWay.finish !== null;
  const took = known ? Date.parse(endedAt) - Date.parse(startedAt) : 0;
  return {
    halfWayFinish: halfWay.finish,
    finishErrorShare: known && took > 0 ? (Date.parse(halfWay.finish) - Date.parse(endedAt)) / took : null,
    expectedDowntimeMs,
    downtimeErrorMs:
      completed && downtimeMs !== null && expectedDowntimeMs !== null
        ? expectedDowntimeMs - downtimeMs
        : null,
  };
}
