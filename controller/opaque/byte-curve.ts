/**
 * What has passed one point as a function of time: cumulative bytes, known at the readings of a counter, straight
 * in between. Times in seconds, amounts in bytes. Both directions can be asked: how much had passed at a time, and
 * when had an amount passed. Readings older than `spanSeconds` are forgotten.
 */
export class ByteCurve {
  private readonly spanSeconds: number;
  private readonly times: number[] = [];
  private readonly totals: number[] = [];

  constructor(spanSeconds: number) {
    this.spanSeconds = spanSeconds;
  }

  get newestAt(): number {
    return this.times.at(-1) ?? Number.NEGATIVE_INFINITY;
  }
  get oldestAt(): number {
    return this.times[0] ?? Number.POSITIVE_INFINITY;
  }
  get total(): number {
    return this.totals.at(-1) ?? 0;
  }

  /** `amount` passed between the reading before and `at`. A reading that does not go forward in time is added to the last. */
  push(at: number, amount: number): void {
    const total = this.total + Math.max(0, amount);
    if (at <= this.newestAt) {
      this.totals[this.totals.length - 1] = total;
      return;
    }
    this.times.push(at);
    this.totals.push(total);
    // In batches: shifting one entry at each reading costs as much as all of them.
    if (this.times.length > 64 && at - this.times[32]! > this.spanSeconds) {
      this.times.splice(0, 32);
      this.totals.splice(0, 32);
    }
  }

  /** NaN outside the readings that are known */
  totalAt(time: number): number {
    if (!(time >= this.oldestAt && time <= this.newestAt)) return Number.NaN;
    return interpolate(this.times, this.totals, time);
  }

  /** The earliest time at which `total` had passed; NaN if that was before the oldest reading or is not yet. */
  timeOf(total: number): number {
    if (this.totals.length === 0 || total < this.totals[0]! || total > this.total) return Number.NaN;
    return interpolate(this.totals, this.times, total);
  }

  clear(): void {
    this.times.length = 0;
    this.totals.length = 0;
  }
}

/** The first of the ascending values that is not below x; the last one if all are. */
function indexOf(xs: readonly number[], x: number): number {
  let low = 0;
  let high = xs.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** y at x on the polyline through (xs, ys); xs never falls, and where it stands still the first y counts. */
function interpolate(xs: readonly number[], ys: readonly number[], x: number): number {
  const low = indexOf(xs, x);
  if (low === 0) return ys[0]!;
  const width = xs[low]! - xs[low - 1]!;
  return width > 0 ? ys[low - 1]! + ((x - xs[low - 1]!) / width) * (ys[low]! - ys[low - 1]!) : ys[low]!;
}
