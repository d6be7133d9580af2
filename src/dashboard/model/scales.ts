/** Where the axes end and what the eye is told by width and colour. Pure arithmetic. */
import type { Cell } from './history.js';

/** The smallest round number that is not below `n`: the axis grows in steps, not with every sample. */
export function niceCeiling(n: number): number {
  if (!(n > 0) || !Number.isFinite(n)) return 1;
  const decade = 10 ** Math.floor(Math.log10(n));
  const step = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((s) => s * decade >= n * (1 - 1e-9));
  return (step ?? 10) * decade;
}

export function largest(cells: readonly Cell[], start = 0): number {
  let max = 0;
  for (let i = start; i < cells.length; i++) {
    const cell = cells[i];
    if (cell !== null && cell !== undefined && cell > max) max = cell;
  }
  return max;
}

export interface BacklogScale {
  readonly topMs: number;
  readonly boundVisible: boolean;
  readonly bufferVisible: boolean;
}
/**
 * The backlog must be readable and the bound must be seen beside it; the physical buffer is usually far above
 * both and would press them to the floor. A line enters the picture if that costs less than `stretch` times
 * the height; `whole` asks for the buffer whatever it costs.
 */
export function backlogScale(
  dataMs: number,
  boundMs: number,
  bufferMs: number,
  whole: boolean,
): BacklogScale {
  const atLeast = 5;
  let top = Math.max(atLeast, dataMs * 1.1);
  const admit = (line: number, stretch: number): boolean => {
    if (!(line > 0)) return false;
    if (line * 1.08 > top * stretch) return false;
    top = Math.max(top, line * 1.08);
    return true;
  };
  const bufferVisible = admit(bufferMs, whole ? Number.POSITIVE_INFINITY : 1.3);
  const boundVisible = admit(boundMs, whole ? 1 : 8);
  return { topMs: niceCeiling(top), boundVisible, bufferVisible };
}

/** Whole decades around the positive values, at most `atMost` of them from the top. */
export function decades(columns: readonly (readonly Cell[])[], start: number, atMost = 8): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const cells of columns)
    for (let i = start; i < cells.length; i++) {
      const cell = cells[i];
      if (cell === null || cell === undefined || cell <= 0) continue;
      if (cell < low) low = cell;
      if (cell > high) high = cell;
    }
  if (high === 0) return [1e6, 1e10];
  const top = Math.ceil(Math.log10(high * 1.2));
  const bottom = Math.max(Math.floor(Math.log10(low)), top - atMost);
  return [10 ** Math.min(bottom, top - 2), 10 ** top];
}

/** A log axis has no place for zero: such values sit on its floor. */
export const onLogAxis = (cells: readonly Cell[], floor: number): Cell[] =>
  cells.map((c) => (c === null ? null : Math.max(c, floor)));

export const utilisationLevels = [
  { name: 'low', below: 0.5, label: 'below 50 %' },
  { name: 'medium', below: 0.8, label: '50-80 %' },
  { name: 'high', below: 0.95, label: '80-95 %' },
  { name: 'full', below: Number.POSITIVE_INFINITY, label: 'above 95 %' },
] as const;
export type UtilisationLevel = (typeof utilisationLevels)[number]['name'] | 'unknown';

export function utilisationOf(
  bitsPerSecond: number | null,
  capacityBitsPerSecond: number | null,
): number | null {
  if (bitsPerSecond === null || capacityBitsPerSecond === null || !(capacityBitsPerSecond > 0)) return null;
  return Math.max(0, bitsPerSecond / capacityBitsPerSecond);
}
export const levelOf = (utilisation: number | null): UtilisationLevel =>
  utilisation === null ? 'unknown' : utilisationLevels.find((l) => utilisation < l.below)!.name;

/** Stroke width in pixels: each factor of ten in capacity adds three. Unshaped links are drawn thin. */
export const linkWidth = (capacityBitsPerSecond: number | null): number =>
  capacityBitsPerSecond === null || !(capacityBitsPerSecond > 0)
    ? 2
    : Math.min(14, Math.max(2, 3 * Math.log10(capacityBitsPerSecond / 1e6)));
