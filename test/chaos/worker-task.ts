import type { WorldResult } from '../../src/simulator/chaos/world.js';

/** What one thread of a run is given. */
export interface Task {
  readonly seed: number;
  /** two cells: the next world, and not 0 to stop */
  readonly shared: SharedArrayBuffer;
}
/** What it says of each world. */
export interface WorldReport {
  readonly world: number;
  readonly result: Pick<
    WorldResult,
    'violations' | 'migrations' | 'ends' | 'happened' | 'virtualSeconds' | 'turns'
  >;
  /** kinds of the faults that happened */
  readonly kinds: readonly string[];
  readonly crash?: string;
}
export const NEXT_WORLD = 0;
export const STOP = 1;
