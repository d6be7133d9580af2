/** The newest `size` absolute errors: their maximum and quantiles. The memory of every measured epsilon. */
export class ErrorWindow {
  private readonly values: Float64Array;
  private next = 0;
  private filled = 0;

  constructor(size = 300) {
    this.values = new Float64Array(Math.max(1, Math.floor(size)));
  }

  get count(): number {
    return this.filled;
  }

  push(error: number): void {
    this.values[this.next] = Math.abs(error);
    this.next = (this.next + 1) % this.values.length;
    if (this.filled < this.values.length) this.filled += 1;
  }

  /** 0 while empty */
  max(): number {
    let largest = 0;
    for (let i = 0; i < this.filled; i++) largest = Math.max(largest, this.values[i]!);
    return largest;
  }

  /** nearest-rank quantile, 0 < q <= 1; 0 while empty */
  quantile(q: number): number {
    if (this.filled === 0) return 0;
    const sorted = this.values.slice(0, this.filled).sort();
    return sorted[Math.min(this.filled - 1, Math.max(0, Math.ceil(q * this.filled) - 1))]!;
  }
}
