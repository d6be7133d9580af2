import { describe, expect, it } from 'vitest';
import type { WorldResult } from '../../src/simulator/chaos/world.js';
import { scale } from '../simulator/fixtures.js';
import { mutations } from './mutations.js';
import { commandFor, runWorld, shrinkWorld } from './run-world.js';
import { shrink } from './shrink.js';

const seed = 1;
/** simulated migrations with faults; CI sets it higher */
const wanted = Number(process.env.STEADY_CHAOS_MIGRATIONS ?? 20 * scale);
const limitMs = 600_000;

function expectSound(world: number, result: WorldResult): void {
  const [first] = result.violations;
  if (first === undefined) return;
  const keep = shrinkWorld({ seed, world }, result);
  expect.fail(
    `${first.invariant} at ${first.atSeconds} s: ${first.what}\n  again: ${commandFor(seed, world, keep)}`,
  );
}

describe('simulated worlds', () => {
  it('without a fault all migrations complete or are cancelled, and every invariant holds', () => {
    for (const world of [0, 5]) {
      const result = runWorld({ seed, world, migrations: 5, keep: [] });
      expect(result.violations, `world ${world}`).toEqual([]);
      expect(result.migrations).toBe(5);
      expect((result.ends.completed ?? 0) + (result.ends.cancelled ?? 0)).toBe(5);
    }
  });

  it('the same numbers make the same world, output for output', () => {
    const options = { seed, world: 4, migrations: 5, digest: true };
    const once = runWorld(options);
    expect(once.happened.length).toBeGreaterThan(0);
    expect(runWorld(options)).toEqual(once);
    expect(runWorld({ ...options, world: 3 }).digest).not.toBe(once.digest);
  });

  it(
    'with faults every invariant holds',
    () => {
      let migrations = 0;
      let faults = 0;
      const ends: Record<string, number> = {};
      for (let world = 0; migrations < wanted; world++) {
        const result = runWorld({ seed, world });
        expectSound(world, result);
        migrations += result.migrations;
        faults += result.happened.length;
        for (const [end, count] of Object.entries(result.ends)) ends[end] = (ends[end] ?? 0) + count;
      }
      // Faults happen, and most migrations survive them.
      expect(faults).toBeGreaterThan(migrations / 10);
      expect(ends.completed).toBeGreaterThan(migrations / 3);
      expect(ends.unfinished).toBeUndefined();
    },
    limitMs,
  );
});

describe('a safety rule that is broken on purpose', () => {
  const mostWorlds = 40;
  const mutated = 12;
  for (const { name, breaks, expects, plant, kinds, createEngine, from = 0 } of mutations)
    it(
      `${name} is seen by ${expects.join(' or ')}: ${breaks}`,
      () => {
        const options = { seed, migrations: mutated, ...(kinds && { kinds }) };
        const mend = plant();
        const seen: string[] = [];
        let world = from;
        try {
          for (; world < from + mostWorlds && !expects.some((i) => seen.includes(i)); world++)
            for (const { invariant } of runWorld({ ...options, world, ...(createEngine && { createEngine }) })
              .violations)
              seen.push(invariant);
        } finally {
          mend();
        }
        expect(
          expects.some((i) => seen.includes(i)),
          `${world - from} worlds showed ${seen.join() || 'nothing'}`,
        ).toBe(true);
        // It is the broken rule that is seen, not the world; not worth its time in every run.
        if (scale < 2) return;
        expect(runWorld({ ...options, world: world - 1 }).violations).toEqual([]);
      },
      limitMs,
    );
});

describe('shrinking', () => {
  it('finds the two of forty that are needed together, and knows when none is', () => {
    const all = Array.from({ length: 40 }, (_, i) => i);
    let runs = 0;
    const needs = (part: readonly number[]): boolean => {
      runs += 1;
      return part.includes(7) && part.includes(31);
    };
    expect(shrink(all, needs)).toEqual([7, 31]);
    expect(runs).toBeLessThan(100);
    expect(shrink(all, () => true)).toEqual([]);
    expect(shrink(all, (part) => part.length === 40)).toEqual(all);
  });
});
