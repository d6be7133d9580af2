import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';

/** NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((v) => !Number.isNaN(v)).toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const spread = (values: readonly number[], text: (value: number) => string): string =>
  `${text(Math.min(...values))}-${text(Math.max(...values))}`;

export function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

/** Three significant digits. */
export const round = (value: number): number => Number(value.toPrecision(3));

/** Writes what was measured with the date and the machine, after each step, so that a run cut short keeps what it has. */
export function writeResult(directory: string | undefined, file: string, result: object): void {
  if (directory === undefined) return;
  mkdirSync(directory, { recursive: true });
  const machine = {
    cores: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    kernel: release(),
    node: process.version,
    load: loadavg(),
  };
  const text = JSON.stringify({ date: new Date().toISOString(), machine, ...result }, rounded, 1);
  writeFileSync(join(directory, file), `${text}\n`);
}

const rounded = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
