const steps = 64;
const buckets = steps * 28;

/** Durations in microseconds, in buckets of at most 1.6 % relative width; adding one costs no memory. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(buckets);
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(microseconds: number): void {
    this.#counts[indexOf(microseconds)]! += 1;
    this.#total += 1;
  }

  merge(other: LatencyHistogram): void {
    for (let i = 0; i < this.#counts.length; i += 1) this.#counts[i]! += other.#counts[i]!;
    this.#total += other.#total;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** The upper edge of the bucket in which the share `q` of all durations is reached; NaN without any. */
  quantile(q: number): number {
    let left = Math.max(1, Math.ceil(q * this.#total));
    for (let i = 0; i < this.#counts.length; i += 1) {
      left -= this.#counts[i]!;
      if (this.#total > 0 && left <= 0) return upperEdgeOf(i);
    }
    return Number.NaN;
  }
}

/** Linear below 128 us, then 64 buckets for each doubling. */
function indexOf(microseconds: number): number {
  const whole = Math.min(Math.max(0, Math.floor(microseconds)), 2 ** 31);
  if (whole < 2 * steps) return whole;
  const octave = 31 - Math.clz32(whole) - 6;
  return octave * steps + (whole >>> octave);
}

function upperEdgeOf(index: number): number {
  if (index < 2 * steps) return index + 1;
  const octave = Math.floor(index / steps) - 1;
  return (index - octave * steps + 1) * 2 ** octave;
}
