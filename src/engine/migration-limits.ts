import type { Step } from '../migration/index.js';

/** How often a migration asks its agents, and how long it waits; seconds. Limits of the steps themselves are in the table of their life. */

const queryPeriodSeconds = 0.5;
/** A machine that is about to be stopped: what is left of it changes from round to round. */
const stagingQueryPeriodSeconds = 0.1;
export const queryPeriodOf = (step: Step): number =>
  step === 'staging' || step === 'redirecting' ? stagingQueryPeriodSeconds : queryPeriodSeconds;

export const noProgressLimitSeconds = 60;
export const forwardLimitSeconds = 60;
/** So long a redirection is taken back level by level; a switch that does not answer must not keep the others. */
export const retreatLimitSeconds = 2;

const waitsForReadBack: readonly Step[] = ['flipping', 'cleaning', 'cancelling', 'failing'];
/** The step waits for what switches hold, read back. */
export const endsWithReadBack = (step: Step): boolean => waitsForReadBack.includes(step);
