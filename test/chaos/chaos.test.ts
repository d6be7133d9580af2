import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.js';
import { World, type WorldOptions, type WorldResult } from '../../src/simulator/chaos/world.js';

const run = (options: Partial<WorldOptions> & { world: number }): WorldResult =>
  new World({ seed: 1, createEngine: (config) => new Engine(config), ...options }).run();

describe('simulated worlds', () => {
  it('without a fault all migrations complete or are cancelled, and every invariant holds', () => {
    for (let world = 0; world < 4; world++) {
      const result = run({ world, migrations: 6, keep: [] });
      expect(result.violations, `world ${world}`).toEqual([]);
      expect(result.migrations).toBe(6);
      expect((result.ends.completed ?? 0) + (result.ends.cancelled ?? 0)).toBe(6);
    }
  });

  it('the same numbers make the same world, output for output', () => {
    const once = run({ world: 1, migrations: 5, digest: true });
    expect(once.happened.length).toBeGreaterThan(0);
    expect(run({ world: 1, migrations: 5, digest: true })).toEqual(once);
    expect(run({ world: 2, migrations: 5, digest: true }).digest).not.toBe(once.digest);
  });
});
