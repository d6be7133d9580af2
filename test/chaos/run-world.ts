import { Engine } from '../../src/engine/engine.js';
import { World, type WorldOptions, type WorldResult } from '../../src/simulator/chaos/world.js';
import { shrink } from './shrink.js';

type Which = Partial<WorldOptions> & Pick<WorldOptions, 'seed' | 'world'>;

/** A world with the real engine, unless another one is given. */
export const runWorld = (options: Which): WorldResult =>
  new World({ createEngine: (config) => new Engine(config), ...options }).run();

/** The least faults of a world that still violate the invariant that was violated first. */
export function shrinkWorld(options: Which, found: WorldResult): readonly number[] {
  const name = found.violations[0]?.invariant;
  return shrink(found.happened, (keep) =>
    runWorld({ ...options, keep }).violations.some((v) => v.invariant === name),
  );
}

/** How to see it again. */
export const commandFor = (seed: number, world: number, keep: readonly number[]): string =>
  `npm run simulate -- --seed ${seed} --world ${world} --keep ${keep.length === 0 ? 'none' : keep.join(',')}`;
