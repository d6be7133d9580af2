import { type Happening, type Step, stepLimitSeconds } from '../migration/index.js';

export const noProgressLimitSeconds = 60;
export const forwardLimitSeconds = 60;

/** How long a migration has been in a step. */
export interface StepAge {
  readonly step: Step;
  readonly seconds: number;
  /** its packets go to its new place and it was not told to stop: it runs and hears nothing */
  readonly isTurning: boolean;
  /** it runs at its new place and fetches what is left at the old one, and that goes on */
  readonly stillFetches: boolean;
  /** no byte was moved for so long */
  readonly idleSeconds: number;
}

/**
 * What happens to a migration that is in its step for too long; undefined: it may stay.
 * @param waitsFor says what it has not got
 * @param unconfirmed switches that were not read back
 */
export function overdue(
  { step, seconds, isTurning, stillFetches, idleSeconds }: StepAge,
  waitsFor: () => string,
  unconfirmed: () => readonly string[],
): { readonly on: Happening; readonly note: string } | undefined {
  if (step === 'cancelling' || step === 'failing') return undefined;
  const limit = stepLimitSeconds[isTurning ? 'redirecting' : step];
  if (seconds > limit)
    return { on: 'gaveUp', note: `step ${step} took longer than ${limit} s: ${waitsFor()}` };
  // Behind the commit point the only way is forward: a switch that is away is made true when it is back.
  if ((step === 'flipping' || step === 'cleaning') && seconds > forwardLimitSeconds && !stillFetches) {
    const note = `not reached: ${unconfirmed().join(', ')}; made true when back`;
    return { on: step === 'flipping' ? 'flipped' : 'cleaned', note };
  }
  if (step === 'running' && idleSeconds > noProgressLimitSeconds)
    return { on: 'gaveUp', note: `no byte was moved for ${noProgressLimitSeconds} s` };
  return undefined;
}
