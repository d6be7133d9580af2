/**
 * The newest `size` absolute errors: their maximum and quantiles. The memory of every measured epsilon. They are kept in order of age and
 * in order of size, so that a quantile asked for in every slot costs a look and not a sort.
 */
export class ErrorWindow {
  private readonly values: Float64Array;
  private readonly sorted: Float64Array;
  private next = 0;
  private filled = 0;

  constructor(size = 300) {
    this.values = new Float64Array(Math.max(1, Math.floor(size)));
    this.sorted = new Float64Array(this.values.length);
  }

  get count(): number {
    return this.filled;
  }

  push(error: number): void {
    const value = Math.abs(error);
    const { values, sorted } = this;
    if (this.filled < values.length) this.filled += 1;
    else {
      const leaving = this.place(values[this.next]!, this.filled);
      sorted.copyWithin(leaving, leaving + 1, this.filled);
    }
    values[this.next] = value;
    this.next = (this.next + 1) % values.length;
    const entering = this.place(value, this.filled - 1);
    sorted.copyWithin(entering + 1, entering, this.filled - 1);
    sorted[entering] = value;
  }

  /** Of the first `length` in order of size, the index of the first that is not below `value`. */
  private place(value: number, length: number): number {
    let low = 0;
    let high = length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.sorted[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** 0 while empty */
  max(): number {
    return this.filled === 0 ? 0 : this.sorted[this.filled - 1]!;
  }

  /** nearest-rank quantile, 0 < q <= 1; 0 while empty */
  quantile(q: number): number {
    if (this.filled === 0) return 0;
    return this.sorted[Math.min(this.filled - 1, Math.max(0, Math.ceil(q * this.filled) - 1))]!;
  }
}
