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

/** R = eps_m + T eps_x (d + 1/g), with d T given as the horizon in seconds. */
export const ballRadius = (
  measurementError: number,
  forecastError: number,
  horizon: number,
  slot: number,
  gain: number,
): number => measurementError + forecastError * (horizon + slot / gain);

/**
 * Theorem 2 in the ball: Q <= [Z(k) - Z(k-n) - n (1-rho) c T]^+. Z lies between max(0, Z* - R) and Z* + R, so
 * the swing is 2R, or R + Z* where the floor at 0 cuts the ball.
 */
export const queueBound = (
  radius: number,
  target: number,
  utilisation: number,
  capacity: number,
  slot: number,
): number => Math.max(0, Math.min(2 * radius, radius + target) - (1 - utilisation) * capacity * slot);
