import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { JobRecord } from './job.js';
import type { Series } from './measures.js';

export const rawFileOf = (directory: string, scenario: string, network: string): string =>
  join(directory, `${scenario}-${network}.jsonl`);
export const seriesFileOf = (directory: string, scenario: string, network: string): string =>
  join(directory, 'series', `${scenario}-${network}.jsonl`);

/** Whole lines only: a line that a killed run left unfinished is no result, and the next append begins a new line. */
export function readLines<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      if (line.trim() === '') return [];
      try {
        return [JSON.parse(line) as T];
      } catch {
        return [];
      }
    });
}

export function appendLine(file: string, value: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  const isTorn = existsSync(file) && !/(^|\n)$/.test(readFileSync(file, 'utf8').slice(-1));
  appendFileSync(file, `${isTorn ? '\n' : ''}${JSON.stringify(value)}\n`);
}

/** All results of a directory; of a key that was run more than once (after a failure) the newest. */
export function readRecords(directory: string): JobRecord[] {
  if (!existsSync(directory)) return [];
  const byKey = new Map<string, JobRecord>();
  for (const name of readdirSync(directory).sort())
    if (/^[a-z0-9-]+-(sim|ovs)\.jsonl$/.test(name))
      for (const record of readLines<JobRecord>(join(directory, name))) byKey.set(record.key, record);
  return [...byKey.values()];
}

export interface SeriesRecord {
  readonly key: string;
  readonly series: Series;
}
export function readSeries(directory: string): Map<string, Series> {
  const folder = join(directory, 'series');
  if (!existsSync(folder)) return new Map();
  const files = readdirSync(folder).filter((n) => n.endsWith('.jsonl'));
  const records = files.flatMap((n) => readLines<SeriesRecord>(join(folder, n)));
  return new Map(records.map((r) => [r.key, r.series]));
}
