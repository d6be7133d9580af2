import type { Bytes, BytesPerSecond, Seconds } from './units.js';

export type RealQueueLight = 'inside' | 'standing' | 'outside' | 'unknown';
/** How one slot was judged. */
export type SlotVerdict = 'held' | 'violated' | 'assumption-broken' | 'unjudged';

/** Theorems 1 and 2 for the newest finished slot, with the errors frozen before it, and the counts so far. */
export interface SlotCertificate {
  readonly verdict: SlotVerdict;
  /** finished slots that were judged or found to break an assumption */
  readonly slots: number;
  /** assumptions held and the inequality failed: must stay 0 */
  readonly violations: number;
  /** slots whose rate was not what the law asked for (zero, demand or drain); judged by the clipped form */
  readonly clipped: number;
  readonly assumptionBroken: number;
  /** slots in which the bound on the delay was larger than the promise: true and useless */
  readonly vacuous: number;
  /** this slot's bound was vacuous */
  readonly isVacuous: boolean;
  readonly isClipped: boolean;
  /** L = e^2/2 at the end of the slot, bytes^2 */
  readonly lyapunov: number;
  /** what L was held against, bytes^2 */
  readonly lyapunovBound: number;
  /** L(end) - L(start), bytes^2 */
  readonly drift: number;
  /** R */
  readonly radiusBytes: Bytes;
  /** R with the 99 % quantile of the forecast errors in place of their maximum */
  readonly radius99Bytes: Bytes;
  readonly forecastErrorBytesPerSecond: BytesPerSecond;
  /** eps_m of the virtual queue */
  readonly measurementErrorBytes: Bytes;
  /** theorem 2 for the real queue */
  readonly queueBoundBytes: Bytes;
  readonly delayBoundSeconds: Seconds;
  /** Z at the end of the slot */
  readonly virtualBacklogBytes: Bytes;
  /** 1 - rho >= 2R/(cT): no standing queue can form at all */
  readonly headRoomSuffices: boolean;
  /** the second light: the estimate of the real queue against the bound */
  readonly realQueue: RealQueueLight;
  /** slots outside the ball in a row without falling L; above 3 is an alarm */
  readonly risingOutsideBall: number;
}
