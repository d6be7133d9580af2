import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Json } from '../../../src/openflow/index.js';

/** A list of differences between two programs that are understood: a line each, `what they differ in | why`. */
export class ExpectedDifferences {
  private readonly reasons = new Map<string, string>();
  private readonly used = new Set<string>();
  /** Differences that no line names, with an example of each. */
  readonly unexpected = new Map<string, string>();

  constructor(file: string) {
    const text = readFileSync(fileURLToPath(new URL(file, import.meta.url)), 'utf8');
    for (const line of text.split('\n')) {
      if (line.trim() === '' || line.startsWith('#')) continue;
      const [what, reason] = line.split(' | ');
      if (reason === undefined || reason.trim() === '') throw new Error(`${file}: no reason in "${line}"`);
      if (this.reasons.has(what.trim())) throw new Error(`${file}: "${what.trim()}" twice`);
      this.reasons.set(what.trim(), reason.trim());
    }
  }

  /** True if the difference is on the list. */
  saw(what: string, example: string): boolean {
    if (this.reasons.has(what)) {
      this.used.add(what);
      return true;
    }
    if (!this.unexpected.has(what)) this.unexpected.set(what, example);
    return false;
  }

  /** Lines that nothing differed in any more. */
  unused(): string[] {
    return [...this.reasons.keys()].filter((what) => !this.used.has(what));
  }
}

/** The places at which two values differ, without the numbers of list items; `path` begins them. */
export function differences(ours: Json | undefined, theirs: Json | undefined, path: string): Set<string> {
  const found = new Set<string>();
  const walk = (a: Json | undefined, b: Json | undefined, at: string): void => {
    if (JSON.stringify(a) === JSON.stringify(b)) return;
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) found.add(at);
    else if (Array.isArray(a) && Array.isArray(b)) {
      if (a.length !== b.length) found.add(`${at}.length`);
      for (let i = 0; i < Math.min(a.length, b.length); i += 1) walk(a[i], b[i], `${at}[]`);
    } else {
      const left = a as { readonly [key: string]: Json };
      const right = b as { readonly [key: string]: Json };
      for (const key of new Set([...Object.keys(left), ...Object.keys(right)]))
        walk(left[key], right[key], `${at}.${key}`);
    }
  };
  walk(ours, theirs, path);
  return found;
}

/** The value without the properties of these names, at any depth. */
export function without(value: Json, names: readonly string[]): Json {
  if (Array.isArray(value)) return value.map((item) => without(item, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !names.includes(key))
      .map(([key, part]) => [key, without(part, names)]),
  );
}
