/** One slot's problem in units of the capacity: rates in c, amounts in c T. */
export interface HorizonState {
  /** queue at the beginning of the horizon */
  readonly queue: number;
  readonly target: number;
  /** what the queue gains in a slot without us; negative: it empties */
  readonly drift: number;
  /** the rate before the horizon */
  readonly before: number;
  readonly most: number;
}

/**
 * The quadratic programme of a controller with a horizon of n slots: rates v_0 .. v_(n-1) in [0, most] that minimise
 *
 *     sum (q_k - target)^2 + w sum (v_k - v_(k-1))^2,   q_(k+1) = q_k + v_k + drift
 *
 * by the accelerated projected gradient method (A. Beck, M. Teboulle, "A Fast Iterative Shrinkage-Thresholding
 * Algorithm", SIAM J. Imaging Sciences 2(1), 2009). The number of steps is fixed, so a slot costs the same
 * whatever it is asked; each starts from the solution of the slot before, moved on by one.
 */
export class HorizonProblem {
  private readonly length: number;
  private readonly moveWeight: number;
  private readonly stepSize: number;
  private readonly rates: Float64Array;
  private readonly trial: Float64Array;
  private readonly gradient: Float64Array;

  constructor(length: number, moveWeight: number) {
    this.length = length;
    this.moveWeight = moveWeight;
    // largest eigenvalue of the sums matrix L'L, and 4 as a bound for the differences matrix D'D
    const sums = 1 / (4 * Math.sin(Math.PI / (2 * (2 * length + 1))) ** 2);
    this.stepSize = 1 / (2 * sums + 2 * moveWeight * 4);
    this.rates = new Float64Array(length);
    this.trial = new Float64Array(length);
    this.gradient = new Float64Array(length);
  }

  reset(): void {
    this.rates.fill(0);
  }

  /** The rates; valid until the next call. */
  solve(state: HorizonState, steps: number): Float64Array {
    const { rates, trial, length } = this;
    rates.copyWithin(0, 1);
    trial.set(rates);
    let momentum = 1;
    for (let n = 0; n < steps; n++) {
      this.differentiate(state);
      const next = (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;
      const carry = (momentum - 1) / next;
      momentum = next;
      for (let k = 0; k < length; k++) {
        const moved = trial[k]! - this.stepSize * this.gradient[k]!;
        const rate = Math.min(state.most, Math.max(0, moved));
        trial[k] = rate + carry * (rate - rates[k]!);
        rates[k] = rate;
      }
    }
    return rates;
  }

  /** Gradient of the cost at `trial`: the queue forwards, its price backwards. */
  private differentiate(state: HorizonState): void {
    const { trial, gradient, length, moveWeight } = this;
    let queue = state.queue;
    for (let k = 0; k < length; k++) {
      queue += trial[k]! + state.drift;
      gradient[k] = 2 * (queue - state.target);
    }
    let price = 0;
    for (let k = length - 1; k >= 0; k--) {
      price += gradient[k]!;
      const move = trial[k]! - (k === 0 ? state.before : trial[k - 1]!);
      const nextMove = k + 1 < length ? trial[k + 1]! - trial[k]! : 0;
      gradient[k] = price + 2 * moveWeight * (move - nextMove);
    }
  }
}
