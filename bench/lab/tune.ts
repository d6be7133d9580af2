import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlConfig } from '../../src/engine/config.js';
import { addedP99 } from './groups.js';
import type { Measures } from './measures.js';
import { isTuned, rowNamed } from './rows.js';
import { median } from './statistics.js';

/** Seeds of tests are 1, 2, 3...; no run of a test ever has one of these. */
export const firstTuningSeed = 1001;
/** What a viewer may notice: a setting that adds no more is judged by its time alone. */
export const acceptableMs = 6;

export interface TunedRow {
  readonly row: string;
  readonly best: Partial<ControlConfig>;
  readonly why: string;
  readonly tried: readonly {
    readonly setting: Partial<ControlConfig>;
    readonly addedP99Ms: number;
    readonly seconds: number;
    readonly completed: number;
  }[];
}
export interface Tuned {
  readonly scenario: string;
  readonly deployment: string;
  readonly seeds: readonly number[];
  readonly date: string;
  readonly rows: readonly TunedRow[];
}

/** Settings of the rows that are to run tuned. @throws RangeError for a row that was not tuned yet */
export function tunedSetting(tuned: Tuned | undefined, name: string): Partial<ControlConfig> | undefined {
  if (!isTuned(name)) return undefined;
  const { name: row } = rowNamed(name);
  const found = tuned?.rows.find((t) => t.row === row);
  if (found === undefined) throw new RangeError(`${row} was not tuned yet: npm run lab -- tune`);
  return found.best;
}

export const tunedFileOf = (directory: string): string => join(directory, 'tuned.json');
export const readTuned = (directory: string): Tuned | undefined =>
  existsSync(tunedFileOf(directory))
    ? (JSON.parse(readFileSync(tunedFileOf(directory), 'utf8')) as Tuned)
    : undefined;

/**
 * The best setting of a grid: among those that add at most `acceptableMs` to the video's p99 (median over the seeds)
 * the fastest; if there is none, the gentlest. A setting with a run that did not complete is out.
 */
export function bestOf(
  row: string,
  runs: readonly { readonly setting: Partial<ControlConfig>; readonly measures: readonly Measures[] }[],
): TunedRow {
  const tried = runs.map(({ setting, measures }) => ({
    setting,
    addedP99Ms: median(measures.map(addedP99)),
    seconds: median(measures.map((m) => m.seconds)),
    completed: measures.filter((m) => m.completed).length,
  }));
  const whole = tried.filter((t, i) => t.completed === runs[i]!.measures.length && t.completed > 0);
  const gentle = whole.filter((t) => t.addedP99Ms <= acceptableMs);
  const best =
    gentle.length > 0
      ? gentle.reduce((a, b) => (b.seconds < a.seconds ? b : a))
      : whole.reduce((a, b) => (b.addedP99Ms < a.addedP99Ms ? b : a), whole[0]!);
  if (best === undefined) throw new RangeError(`no setting of ${row} completed all its runs`);
  return {
    row,
    best: best.setting,
    why: `+${best.addedP99Ms.toFixed(1)} ms, ${best.seconds.toFixed(1)} s${gentle.length > 0 ? '' : `; none adds at most ${acceptableMs} ms`}`,
    tried,
  };
}
