import type { Outcome } from './check.js';

/** What the threads of a fuzzing run and their master tell each other. */

export const CHUNK = 25_000;

export interface WorkerTask {
  readonly runSeed: number;
  readonly from: number;
  /** The number after the last mutant; may be infinite. */
  readonly to: number;
  /** Shared cells: the next chunk, whether to stop, then for each worker the chunk and the place in it where it is. */
  readonly shared: SharedArrayBuffer;
  readonly index: number;
  readonly planted?: PlantedFault;
}

export const NEXT_CHUNK = 0;
export const STOP = 1;
export const placeOf = (worker: number): number => 2 + 2 * worker;

/** Faults to prove that a run finds them. */
export const plantedFaults = ['crash', 'hang', 'leak', 'steps', 'bytes'] as const;
export type PlantedFault = (typeof plantedFaults)[number];

export interface ChunkReport {
  readonly done: number;
  readonly outcomes: Partial<Record<Outcome, number>>;
  /** After collection. */
  readonly heapBytes: number;
}
export interface FaultReport {
  readonly fault: string;
  readonly number: number;
}
