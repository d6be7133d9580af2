/**
 * Layer 1, the whole of it: U* = rho c - xhat - g (y - Z*)/T. It is the exact minimiser of
 * 1/2 (Z+ - Z*)^2 + (1-g)/(2g) (Z+ - y)^2 over U with Z+ = y + T (U + xhat - rho c): the drift of L = e^2/2
 * plus a price on moving. Rates in bytes/s, backlogs in bytes, T in seconds.
 */
export function unclippedRate(law: {
  readonly utilisation: number;
  readonly capacity: number;
  readonly forecast: number;
  readonly gain: number;
  readonly predicted: number;
  readonly target: number;
  readonly slot: number;
}): number {
  return law.utilisation * law.capacity - law.forecast - (law.gain * (law.predicted - law.target)) / law.slot;
}

/**
 * R = eps_m + T eps_x (d + 1/g), with d T given as the horizon in seconds: what eps_W can be at most when all
 * that is known of the forecast is |x - xhat| <= eps_x.
 */
export const ballRadius = (
  measurementError: number,
  forecastError: number,
  horizon: number,
  slot: number,
  gain: number,
): number => measurementError + forecastError * (horizon + slot / gain);

/**
 * Theorem 2 in the ball: Q(t) <= max over s of [Z(t) - Z(s) + integral from s to t of (eps_c - (1-rho) c)]^+. Z lies
 * between max(0, Z* - R) and Z* + R, so the swing is 2R, or R + Z* where the floor at 0 cuts the ball.
 * `growth` is the largest such integral since the queue was last proven empty: -(1-rho) c T while head-room
 * outweighs the uncertainty of the capacity. The live certificate uses the measured Z(s) instead.
 */
export const queueBound = (radius: number, target: number, growth: number): number =>
  Math.max(0, Math.min(2 * radius, radius + target) + growth);
