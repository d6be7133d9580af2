import { type Bytes, type BytesPerSecond, bytesPerSecond, type Seconds } from './units.js';

/** z of the normal distribution's 95 % quantile */
const z95 = 1.645;
/** Fewer seconds say nothing of how the traffic varies. */
const leastSeconds = 3;

/**
 * xhat_95 for admission: what the mean of the cross traffic over a coming horizon will not exceed in 95 of 100 cases. From the means of the last seconds,
 * taken as independent: their mean plus 1.645 deviations of (mean over h seconds - mean over the n seen), s sqrt(1/h + 1/n). A single
 * second's quantile would refuse deadlines that a minute of bursty traffic keeps with ease. Sums of few seconds are not normal: at h = 1
 * some 9 of 100 are above it.
 */
export class CrossTrafficQuantile {
  readonly #means: Float64Array;
  #next = 0;
  #filled = 0;
  #bytes = 0;
  #seconds = 0;

  constructor(windowSeconds = 60) {
    this.#means = new Float64Array(Math.max(leastSeconds, Math.floor(windowSeconds)));
  }

  push(arrived: Bytes, interval: Seconds): void {
    if (!(interval > 0)) return;
    this.#bytes += Math.max(0, arrived);
    this.#seconds += interval;
    if (this.#seconds < 1) return;
    this.#means[this.#next] = this.#bytes / this.#seconds;
    this.#next = (this.#next + 1) % this.#means.length;
    this.#filled = Math.min(this.#means.length, this.#filled + 1);
    this.#bytes = 0;
    this.#seconds = 0;
  }

  /** undefined: too few seconds were seen */
  upper95(horizon: Seconds): BytesPerSecond | undefined {
    if (this.#filled < leastSeconds) return undefined;
    const means = this.#means.subarray(0, this.#filled);
    const mean = means.reduce((a, b) => a + b, 0) / this.#filled;
    const square = means.reduce((sum, m) => sum + (m - mean) ** 2, 0) / (this.#filled - 1);
    return bytesPerSecond(mean + z95 * Math.sqrt(square * (1 / Math.max(1, horizon) + 1 / this.#filled)));
  }
}
