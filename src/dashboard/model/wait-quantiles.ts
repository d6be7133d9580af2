/**
 * How long the readings of a queue say that packets waited, as quantiles over time. Pure. A reading counts once,
 * however many packets passed: these are quantiles of moments, not of packets.
 */
import type { Cell } from './history.js';

export interface WaitQuantiles {
  /** readings that were there */
  readonly count: number;
  /** ms; null: too few readings for the quantile to be more than the largest of them */
  readonly p50Ms: Cell;
  readonly p95Ms: Cell;
  readonly p99Ms: Cell;
  /** ms; null: no reading */
  readonly largestMs: Cell;
}

/** By nearest rank over `cells[start..end)`; null cells are no readings. */
export function waitQuantiles(cells: readonly Cell[], start = 0, end = cells.length): WaitQuantiles {
  const waits: number[] = [];
  for (let i = start; i < end; i++) {
    const cell = cells[i];
    if (cell !== null && cell !== undefined) waits.push(cell);
  }
  waits.sort((a, b) => a - b);
  const count = waits.length;
  /** A share of 1 in `oneIn` lies above: fewer readings than that have none to lie there. */
  const quantile = (oneIn: number): Cell =>
    count < oneIn ? null : (waits[count - Math.floor(count / oneIn) - 1] ?? null);
  return {
    count,
    p50Ms: quantile(2),
    p95Ms: quantile(20),
    p99Ms: quantile(100),
    largestMs: waits.at(-1) ?? null,
  };
}

/** How many readings of `cells[start..end)` were above what was promised then; without a promise none can be. */
export function readingsAbove(
  cells: readonly Cell[],
  promises: readonly Cell[],
  start = 0,
  end = cells.length,
): number {
  let above = 0;
  for (let i = start; i < end; i++) {
    const [wait, promise] = [cells[i], promises[i]];
    if (wait != null && promise != null && wait > promise) above++;
  }
  return above;
}
