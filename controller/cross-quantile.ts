import { type Bytes, type BytesPerSecond, bytesPerSecond, type Seconds } from './units.js';

/** z of the normal distribution's 95 % quantile */
const z95 = 1.645;
/** Fewer seconds say nothing of how the traffic varies. */
const leastSeconds = 3;

/**
 * xhat_95 for admission: what the mean of the cross traffic over a coming horizon will not exceed in 95 of 100 cases. From the means of the last seconds,
 * taken as independent: their mean plus 1.645 deviations, and a mean over h seconds deviates sqrt(h) times less. A single second's
 * quantile would refuse deadlines that a minute of bursty traffic keeps with ease.
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
    return bytesPerSecond(mean + z95 * Math.sqrt(square / Math.max(1, horizon)));
  }
}
