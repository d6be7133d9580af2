import { type Happening, type Step, stepLimitSeconds } from '../migration/index.js';

const queryPeriodSeconds = 0.5;
/** A machine that is about to be stopped: what is left of it changes from round to round. */
const stagingQueryPeriodSeconds = 0.1;
/** How often a migration asks its agents. */
export const queryPeriodOf = (step: Step, isTurning: boolean): number =>
  step === 'staging' || isTurning ? stagingQueryPeriodSeconds : queryPeriodSeconds;

const waitsForReadBack: readonly Step[] = ['stopping', 'flipping', 'cleaning', 'cancelling', 'failing'];
/** The step waits for what switches hold, read back. */
export const endsWithReadBack = (step: Step): boolean => waitsForReadBack.includes(step);

/** So long a redirection is taken back level by level; a switch that does not answer must not keep the others. */
export const retreatLimitSeconds = 2;
export const noProgressLimitSeconds = 60;
export const forwardLimitSeconds = 60;

/** How long a migration has been in a step. */
export interface StepAge {
  readonly step: Step;
  readonly seconds: number;
  /** its packets go to its new place and it was not told to stop: it runs and hears nothing */
  readonly isTurning: boolean;
  /** all is staged, and the rest is too large to be stopped with: it is copied on */
  readonly waitsAtGate: boolean;
  /** it stops with whatever is left, and that goes on */
  readonly stillStops: boolean;
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
  { step, seconds, isTurning, waitsAtGate, stillStops, stillFetches, idleSeconds }: StepAge,
  waitsFor: () => string,
  unconfirmed: () => readonly string[],
): { readonly on: Happening; readonly note: string } | undefined {
  if (step === 'cancelling' || step === 'failing') return undefined;
  const limit = stepLimitSeconds[isTurning ? 'redirecting' : step];
  // Forced, it stands still for as long as what was left takes.
  const stands = step === 'stopping' && !isTurning && stillStops;
  if (seconds > limit && !stands && !waitsAtGate)
    return { on: 'gaveUp', note: `step ${step} took longer than ${limit} s: ${waitsFor()}` };
  // Behind the commit point the only way is forward: a switch that is away is made true when it is back.
  if ((step === 'flipping' || step === 'cleaning') && seconds > forwardLimitSeconds && !stillFetches) {
    const note = `not reached: ${unconfirmed().join(', ')}; made true when back`;
    return { on: step === 'flipping' ? 'flipped' : 'cleaned', note };
  }
  if ((step === 'running' || waitsAtGate) && idleSeconds > noProgressLimitSeconds)
    return { on: 'gaveUp', note: `no byte was moved for ${noProgressLimitSeconds} s` };
  return undefined;
}
