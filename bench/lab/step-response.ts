import type { StepFigures } from './measures.js';

const beforeSeconds = 2;
const peakSeconds = 2;
const patienceSeconds = 10;
const calmSeconds = 0.5;

/** The backlog around a step: ms every `stepSeconds`, beginning two seconds before the step. */
export interface StepRecord {
  readonly backlogMs: ArrayLike<number>;
  readonly stepSeconds: number;
  /** half a slot, the reply and the command's effect: nobody can know and act sooner; null: no controller */
  readonly informationDelaySeconds: number | null;
  readonly byBitsPerSecond: number;
  readonly headroomBitsPerSecond: number;
  readonly capacityBitsPerSecond: number;
}
export const stepWindow = { beforeSeconds, afterSeconds: patienceSeconds + calmSeconds } as const;

/** Peak against the information lower bound Q >= (dx - (1 - rho) c) tau, and the time until the queue is as before. */
export function stepResponse(record: StepRecord): StepFigures {
  const { backlogMs, stepSeconds, informationDelaySeconds } = record;
  const at = Math.round(beforeSeconds / stepSeconds);
  const before = highest(backlogMs, 0, at);
  const peak = highest(backlogMs, at, at + Math.round(peakSeconds / stepSeconds));
  const excess = Math.max(0, record.byBitsPerSecond - record.headroomBitsPerSecond);
  return {
    beforeMs: before,
    peakMs: Math.max(0, peak - before),
    boundMs:
      informationDelaySeconds === null
        ? null
        : (1000 * excess * informationDelaySeconds) / record.capacityBitsPerSecond,
    settlingSeconds: settling(backlogMs, at, Math.round(calmSeconds / stepSeconds), before, stepSeconds),
  };
}

/** From the step to the end of the last excursion above `level` before the first calm spell. */
function settling(
  values: ArrayLike<number>,
  at: number,
  calm: number,
  level: number,
  stepSeconds: number,
): number | null {
  let lastAbove = at - 1;
  for (let i = at; i < values.length; i++) {
    if (values[i]! > level + toleranceMs) lastAbove = i;
    else if (i - lastAbove >= calm) return (lastAbove + 1 - at) * stepSeconds;
  }
  return null;
}
/** a few packets more or less are no excursion */
const toleranceMs = 1;

function highest(values: ArrayLike<number>, from: number, to: number): number {
  let most = 0;
  for (let i = from; i < Math.min(to, values.length); i++) most = Math.max(most, values[i]!);
  return most;
}
