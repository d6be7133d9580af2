/**
 * Burstable billing: a carrier measures a rate in every period (five minutes), throws away the highest 5 % of a month's periods
 * and bills the highest of the rest, the 95th percentile. So the first 5 % of periods cost nothing however high they are, and
 * from then on a period costs only what it adds to the percentile.
 *
 * The prices of all periods, in order, sum up to the bill: each is the bill after it less the bill before it.
 */
export class PercentileBill {
  readonly #pricePerRate: number;
  /** periods that are thrown away, plus the one that is billed */
  readonly #kept: number;
  /** the highest rates so far, falling, `#kept` of them at most */
  readonly #highest: number[] = [];
  #periods = 0;

  /**
   * @param periods how many a bill has: 8640 for 30 days of five minutes
   * @param pricePerRate cost of a bill for each byte/s of its percentile
   * @param percentile share of periods that is not thrown away, 0-1
   */
  constructor(periods: number, pricePerRate: number, percentile = 0.95) {
    if (!(periods >= 1) || !(pricePerRate >= 0) || !(percentile > 0 && percentile <= 1))
      throw new RangeError(`no bill: ${periods} periods, price ${pricePerRate}, percentile ${percentile}`);
    this.#pricePerRate = pricePerRate;
    this.#kept = Math.floor((1 - percentile) * periods + 1e-9) + 1;
  }

  /** What would be billed if the month ended now with nothing more. */
  get cost(): number {
    return this.#pricePerRate * (this.#highest[this.#kept - 1] ?? 0);
  }

  get periods(): number {
    return this.#periods;
  }

  /** Periods of any rate that still cost nothing. */
  get freePeriods(): number {
    return Math.max(0, this.#kept - 1 - this.#highest.length);
  }

  /** What a period at `rate` would add to the bill. */
  priceOf(rate: number): number {
    const billed = this.#highest[this.#kept - 1] ?? 0;
    if (rate <= billed) return 0;
    // the period takes its place among the highest and pushes one of them down to where it is billed
    const next = this.#kept === 1 ? rate : Math.min(rate, this.#highest[this.#kept - 2] ?? 0);
    return this.#pricePerRate * Math.max(0, next - billed);
  }

  /** A period has ended. Returns what it added to the bill. */
  record(rate: number): number {
    const price = this.priceOf(Math.max(0, rate));
    this.#periods += 1;
    let place = this.#highest.length;
    while (place > 0 && this.#highest[place - 1]! < rate) place -= 1;
    if (rate > 0) this.#highest.splice(place, 0, rate);
    if (this.#highest.length > this.#kept) this.#highest.pop();
    return price;
  }
}
