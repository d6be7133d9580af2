import type { Seconds } from './units.js';

/**
 * When is the loop stable although its predictor believes in the wrong delay? With u(k) = T (U + xhat - rho c)
 * of command k, a true delay of D slots and a believed one of d,
 *
 *   z(k+1) = z(k) + u(k-D),   u(k) = -g (z(k) + u(k-1) + ... + u(k-d)),
 *
 * whose characteristic equation is  s - (1-g) + g s^-D - g s^-d = 0. With D = d only s = 1-g is left: the
 * predictor takes the delay out of the loop. Fractions of a slot divide the term between its two neighbours,
 * as integrating a piecewise constant rate does.
 */
export function mismatchPolynomial(gain: number, believedSlots: number, trueSlots: number): number[] {
  const degree = 2 + Math.floor(Math.max(believedSlots, trueSlots));
  const coefficients = new Array<number>(degree + 1).fill(0);
  const add = (lag: number, weight: number): void => {
    const whole = Math.floor(lag);
    coefficients[1 + whole]! += weight * (1 - (lag - whole));
    if (lag > whole) coefficients[2 + whole]! += weight * (lag - whole);
  };
  coefficients[0] = 1;
  coefficients[1]! -= 1 - gain;
  add(trueSlots, gain);
  add(believedSlots, -gain);
  return coefficients;
}

/**
 * Schur-Cohn (Jury): are all roots strictly inside the unit circle? Exact but for rounding: every step divides
 * by a leading coefficient that the test before has shown to be the larger one. Highest power first.
 */
export function rootsInsideUnitCircle(polynomial: readonly number[]): boolean {
  let row = [...polynomial];
  while (row.length > 1) {
    const last = row.length - 1;
    const reflection = row[last]! / row[0]!;
    if (!(Math.abs(reflection) < 1)) return false;
    row = row.slice(0, last).map((value, i) => value - reflection * row[last - i]!);
  }
  return true;
}

const gainStep = 0.005;

/** The loop is stable for every gain below this (1 at most) with `trueSlots` of delay and a predictor that believes in `believedSlots`. */
export function mismatchGainLimit(believedSlots: number, trueSlots: number): number {
  const stable = (gain: number): boolean =>
    rootsInsideUnitCircle(mismatchPolynomial(gain, believedSlots, trueSlots));
  let low = 0;
  let high = gainStep;
  while (high <= 1 && stable(high)) {
    low = high;
    high += gainStep;
  }
  if (high > 1) return 1;
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (stable(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** z(k+1) = z(k) - g z(k-d) is stable iff g is below this: the law without its predictor. */
export const stableGainLimit = (delaySlots: number): number =>
  2 * Math.cos((delaySlots * Math.PI) / (2 * delaySlots + 1));

/** ... and does not overshoot iff g is at most this. */
export const monotoneGainLimit = (delaySlots: number): number =>
  delaySlots === 0 ? 1 : delaySlots ** delaySlots / (delaySlots + 1) ** (delaySlots + 1);

/** the true delay may lie this many slots to either side of the measured one */
export const certifiedMismatchSlots = 2;
/** the interval is searched in steps of the delay estimator's own resolution */
const mismatchStep = 0.25;

/**
 * The gain that is certified for a measured delay of d slots: below it the loop is stable for every constant
 * delay within two slots of d. It is 1/2 or more for every d: with a mismatch of two slots, on |s| = 1,
 * |s - (1-g)|^2 - |g s^-D - g s^-d|^2 is positive for g < 1/2 and (cos arg s - 1/2)^2 at g = 1/2 (Rouche).
 */
export function certifiedGainLimit(delaySlots: number): number {
  const steps = Math.round(certifiedMismatchSlots / mismatchStep);
  let limit = 1;
  for (let i = -steps; i <= steps; i++) {
    const trueSlots = delaySlots + i * mismatchStep;
    if (trueSlots >= 0) limit = Math.min(limit, mismatchGainLimit(delaySlots, trueSlots));
  }
  return limit;
}

export interface LoopSettings {
  /** g */
  readonly gain: number;
  /** T */
  readonly slotSeconds: Seconds;
  /** the whole loop: age of a sample plus command to effect */
  readonly loopDelaySeconds: Seconds;
  /** rho */
  readonly targetUtilisation: number;
  /** eps_c/c: by which share the true capacity may be lower than the one that is believed; 0 unless told */
  readonly capacityUncertaintyShare?: number;
}
export interface LoopCheck {
  readonly certified: boolean;
  /** no overshoot either, even without the predictor */
  readonly monotone: boolean;
  readonly gainLimit: number;
  /** rho must be below this: head-room that the uncertainty of the capacity does not eat */
  readonly utilisationLimit: number;
  /** empty when certified; otherwise says which g, T and rho would be */
  readonly message: string;
}

/** Start-up check: is this loop certified for its delay, and does its head-room let a standing queue drain? */
export function checkLoop(settings: LoopSettings): LoopCheck {
  const { gain, slotSeconds, loopDelaySeconds, targetUtilisation } = settings;
  const utilisationLimit = 1 - (settings.capacityUncertaintyShare ?? 0);
  const refuse = (gainLimit: number, monotone: boolean, message: string): LoopCheck => ({
    certified: false,
    monotone,
    gainLimit,
    utilisationLimit,
    message,
  });
  if (!(gain > 0 && gain <= 1)) return refuse(1, false, `gain ${gain} is not in (0, 1]`);
  if (!(slotSeconds > 0) || !(loopDelaySeconds >= 0))
    return refuse(
      0,
      false,
      `slot ${slotSeconds} s must be positive and the loop delay ${loopDelaySeconds} s not negative`,
    );
  const delaySlots = loopDelaySeconds / slotSeconds;
  const gainLimit = certifiedGainLimit(delaySlots);
  const monotone = gain <= monotoneGainLimit(Math.ceil(delaySlots));
  const problems = [
    ...(gain < gainLimit ? [] : [gainAdvice(settings, delaySlots, gainLimit)]),
    ...(targetUtilisation > 0 && targetUtilisation < utilisationLimit
      ? []
      : [headRoomAdvice(targetUtilisation, utilisationLimit)]),
  ];
  if (problems.length > 0) return refuse(gainLimit, monotone, problems.join('; '));
  return { certified: true, monotone, gainLimit, utilisationLimit, message: '' };
}

function gainAdvice(settings: LoopSettings, delaySlots: number, limit: number): string {
  const { gain, slotSeconds, loopDelaySeconds } = settings;
  const interval = `${round(Math.max(0, delaySlots - certifiedMismatchSlots))} to ${round(delaySlots + certifiedMismatchSlots)}`;
  const slot = certifiedSlot(gain, loopDelaySeconds);
  const orSlot = slot === undefined ? '' : `, or T = ${ms(slot)} ms with this gain`;
  return `gain ${gain} cannot be certified for ${interval} slots of delay (${ms(loopDelaySeconds)} ms at T = ${ms(slotSeconds)} ms, give or take two slots): use a gain below ${floor3(limit)}${orSlot}`;
}

/** The shortest slot, in whole milliseconds, at which this gain is certified; undefined: none up to four loop delays. */
function certifiedSlot(gain: number, loopDelaySeconds: number): number | undefined {
  const first = Math.max(1, Math.ceil((1000 * loopDelaySeconds) / 8));
  const last = Math.ceil(4000 * loopDelaySeconds);
  const step = Math.max(1, Math.round((last - first) / 100));
  for (let slotMs = first; slotMs <= last; slotMs += step)
    if (gain < certifiedGainLimit((1000 * loopDelaySeconds) / slotMs)) return slotMs / 1000;
  return undefined;
}

function headRoomAdvice(utilisation: number, limit: number): string {
  if (!(utilisation > 0 && utilisation <= 1)) return `target utilisation ${utilisation} is not in (0, 1]`;
  return `target utilisation ${utilisation} leaves no head-room in which a standing queue could drain: use less than ${floor3(limit)}`;
}

const round = (slots: number): string => String(Math.round(100 * slots) / 100);
const floor3 = (x: number): string => (Math.floor(1000 * x + 1e-9) / 1000).toFixed(3);
const ms = (s: number): string => String(Math.ceil(s * 1000 - 1e-9));
