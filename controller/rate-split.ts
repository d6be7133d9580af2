import { findPrice, rateAt } from './split-price.js';
import { type BytesPerSecond, bytesPerSecond } from './units.js';

/** What one migration asks of the split. */
export interface RateClaim {
  /** w_j > 0: how much its rate counts beside the others' when nobody is late */
  readonly weight: number;
  /** H_j >= 0, bytes behind its plan */
  readonly debtBytes: number;
  /** R_j: the most that it can use; Infinity: as much as it gets */
  readonly capBytesPerSecond: number;
  /** theta d_j while it copies what gets dirty meanwhile; 0: none */
  readonly floorBytesPerSecond: number;
  /** the bottlenecks that it passes, as indices into the budgets; each once, at least one */
  readonly path: readonly number[];
}

export interface SplitResult {
  /** r_j, in the order of the claims */
  readonly ratesBytesPerSecond: Float64Array;
  /** lambda_l, bytes: what one byte/s more at bottleneck l would be worth; 0: it has enough for all */
  readonly pricesBytes: Float64Array;
  /** rounds over the bottlenecks, at most `maximumSweeps` */
  readonly sweeps: number;
  /** times a claim was looked at: the cost of this slot, without a clock */
  readonly evaluations: number;
  /** every price fits its bottleneck within the tolerance; false: the next slot goes on from here */
  readonly converged: boolean;
}

const maximumSweeps = 12;
/** A load this close to its budget is at it. */
const tolerance = 1e-7;
/** bytes/s below which a rate is none: prices would leave the range of a double */
const nothing = 1;
/** A price that moves by less than this share of itself stands still. */
const standstill = 1e-9;

/**
 * Layer 2: the rates of many migrations over many bottlenecks,
 *
 *     max sum_j [ V w_j log r_j + H_j r_j ],   sum over the users of l of r_j <= U_l,   f_j <= r_j <= R_j
 *
 * hence r_j = min(R_j, V w_j / (sum of its path's lambda - H_j)), not below its floor f_j. With V near 0 the latest go
 * first; with a large V the rates are weighted-fair.
 *
 * One bottleneck for each migration: one price, found by bracketing, exact. Several on a path: one price for each
 * bottleneck, by coordinate descent on the dual, one bottleneck after the other with the others' prices
 * held. The dual is convex and, as the objective is strictly concave (V > 0), differentiable, so the sweeps converge to the
 * optimum, linearly (Luo and Tseng, JOTA 72, 1992; the prices are those of Low and Lapsley, IEEE/ACM ToN 7, 1999). Their number is
 * bounded; the prices are kept for the next slot, which goes on from them. Whatever the prices, the rates are feasible:
 * what is above the floors is scaled down to fit every bottleneck, then what is left over is handed out.
 *
 * A floor is kept when it can be afforded, in the order of the claims: the first in the list loses its floor last. r_min comes
 * before all floors; where not even r_min is there for all, its users share alike.
 */
export class RateSplit {
  readonly #leastBytesPerSecond: number;
  #prices = new Float64Array(0);

  /** r_min > 0: without it theorem 4's bound on the debts is infinite */
  constructor(leastBytesPerSecond: BytesPerSecond = bytesPerSecond(1000)) {
    if (!(leastBytesPerSecond > 0) || !Number.isFinite(leastBytesPerSecond))
      throw new RangeError(`the least rate must be positive, not ${leastBytesPerSecond}`);
    this.#leastBytesPerSecond = leastBytesPerSecond;
  }

  /**
   * @param budgets U_l for each bottleneck, bytes/s, not negative
   * @param tradeOff V > 0, bytes^2/s
   */
  step(claims: readonly RateClaim[], budgets: readonly number[], tradeOff: number): SplitResult {
    if (!(tradeOff > 0) || !Number.isFinite(tradeOff))
      throw new RangeError(`V must be positive, not ${tradeOff}`);
    if (this.#prices.length !== budgets.length) this.#prices = new Float64Array(budgets.length);
    const problem = new SplitProblem(claims, budgets, tradeOff, this.#leastBytesPerSecond);
    const { sweeps, converged } = problem.solve(this.#prices);
    problem.fit();
    return {
      ratesBytesPerSecond: problem.rates,
      pricesBytes: this.#prices.slice(),
      sweeps,
      evaluations: problem.evaluations,
      converged,
    };
  }
}

/** One slot's problem in columns: 10,000 claims are looked at some hundred thousand times. */
class SplitProblem {
  readonly rates: Float64Array;
  evaluations = 0;
  readonly #claims: readonly RateClaim[];
  readonly #budgets: readonly number[];
  readonly #weights: Float64Array;
  readonly #debts: Float64Array;
  readonly #floors: Float64Array;
  readonly #caps: Float64Array;
  /** sum of the prices on the path */
  readonly #paid: Float64Array;
  /** users of bottleneck l: #users[#first[l]] to #users[#first[l + 1] - 1] */
  readonly #first: Int32Array;
  readonly #users: Int32Array;

  constructor(claims: readonly RateClaim[], budgets: readonly number[], tradeOff: number, least: number) {
    const n = claims.length;
    this.#claims = claims;
    this.#budgets = budgets;
    this.rates = new Float64Array(n);
    this.#weights = new Float64Array(n);
    this.#debts = new Float64Array(n);
    this.#floors = new Float64Array(n);
    this.#caps = new Float64Array(n);
    this.#paid = new Float64Array(n);
    this.#first = new Int32Array(budgets.length + 1);
    for (const { path } of claims) for (const l of path) this.#first[l + 1]! += 1;
    for (let l = 0; l < budgets.length; l++) this.#first[l + 1]! += this.#first[l]!;
    this.#users = new Int32Array(this.#first[budgets.length]!);
    const next = this.#first.slice();
    claims.forEach((claim, j) => {
      let cap = claim.capBytesPerSecond;
      for (const l of claim.path) {
        this.#users[next[l]!] = j;
        next[l]! += 1;
        cap = Math.min(cap, budgets[l]!);
      }
      this.#caps[j] = cap >= nothing ? cap : 0;
      this.#weights[j] = tradeOff * claim.weight;
      this.#debts[j] = Math.max(0, claim.debtBytes);
      this.#floors[j] = Math.min(least, this.#caps[j]!);
    });
    this.#raiseFloors();
  }

  /** r_min for all, or equal parts of what there is; then the floors that can be afforded, first come first served. */
  #raiseFloors(): void {
    const left = Float64Array.from(this.#budgets, (budget, l) => budget - this.#loadOf(l, this.#floors));
    if (left.some((l) => l < 0)) {
      const share = left.map((l, i) => (l < 0 ? this.#budgets[i]! / (this.#budgets[i]! - l) : 1));
      this.#claims.forEach(({ path }, j) => {
        this.#floors[j]! *= path.reduce((least, l) => Math.min(least, share[l]!), 1);
      });
      this.#budgets.forEach((budget, l) => {
        left[l] = Math.max(0, budget - this.#loadOf(l, this.#floors));
      });
    }
    this.#claims.forEach(({ floorBytesPerSecond, path }, j) => {
      const more = Math.min(floorBytesPerSecond, this.#caps[j]!) - this.#floors[j]!;
      if (!(more > 0) || path.some((l) => left[l]! < more)) return;
      this.#floors[j]! += more;
      for (const l of path) left[l]! -= more;
    });
  }

  #loadOf(l: number, rates: Float64Array): number {
    let sum = 0;
    for (let i = this.#first[l]!; i < this.#first[l + 1]!; i++) sum += rates[this.#users[i]!]!;
    return sum;
  }

  /** Sweeps over the bottlenecks until no price has to move, or the bound is reached. Changes `prices`. */
  solve(prices: Float64Array): { readonly sweeps: number; readonly converged: boolean } {
    this.#claims.forEach(({ path }, j) => {
      for (const l of path) this.#paid[j]! += prices[l]!;
    });
    for (let sweeps = 1; sweeps <= maximumSweeps; sweeps++) {
      let moved = false;
      for (let l = 0; l < this.#budgets.length; l++) if (this.#reprice(l, prices)) moved = true;
      if (!moved) return { sweeps, converged: true };
    }
    return { sweeps: maximumSweeps, converged: false };
  }

  /** Sets the price of one bottleneck so that its users fill it. True: it had to move. */
  #reprice(l: number, prices: Float64Array): boolean {
    const from = this.#first[l]!;
    const to = this.#first[l + 1]!;
    const old = prices[l]!;
    if (from === to) {
      prices[l] = 0;
      return false;
    }
    const found = findPrice(
      {
        users: this.#users,
        from,
        to,
        weights: this.#weights,
        debts: this.#debts,
        floors: this.#floors,
        caps: this.#caps,
        paid: this.#paid,
      },
      old,
      this.#budgets[l]!,
      tolerance,
    );
    this.evaluations += found.evaluations * (to - from);
    if (Math.abs(found.price - old) <= standstill * old) return false;
    prices[l] = found.price;
    for (let i = from; i < to; i++) this.#paid[this.#users[i]!]! += found.price - old;
    return true;
  }

  /** From prices to rates that fit every bottleneck and leave nothing that somebody could use. */
  fit(): void {
    const n = this.#claims.length;
    for (let j = 0; j < n; j++)
      this.rates[j] = rateAt(
        this.#paid[j]! - this.#debts[j]!,
        this.#weights[j]!,
        this.#floors[j]!,
        this.#caps[j]!,
      );
    const left = new Float64Array(this.#budgets.length);
    const scale = new Float64Array(this.#budgets.length);
    for (let l = 0; l < left.length; l++) {
      const floors = this.#loadOf(l, this.#floors);
      const above = this.#loadOf(l, this.rates) - floors;
      const room = Math.max(0, this.#budgets[l]! - floors);
      scale[l] = above > room ? room / above : 1;
    }
    this.#claims.forEach(({ path }, j) => {
      const share = path.reduce((least, l) => Math.min(least, scale[l]!), 1);
      this.rates[j] = this.#floors[j]! + share * (this.rates[j]! - this.#floors[j]!);
    });
    for (let l = 0; l < left.length; l++) left[l] = this.#budgets[l]! - this.#loadOf(l, this.rates);
    this.#claims.forEach(({ path }, j) => {
      const room = path.reduce((least, l) => Math.min(least, left[l]!), this.#caps[j]! - this.rates[j]!);
      if (!(room > 0)) return;
      this.rates[j]! += room;
      for (const l of path) left[l]! -= room;
    });
  }
}
