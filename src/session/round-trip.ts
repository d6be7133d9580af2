/** weights of a new measurement (RFC 6298, 2.3) */
const meanWeight = 1 / 8;
const deviationWeight = 1 / 4;
const deviations = 4;
/** A switch answers an echo between other work, so it gets a multiple of what TCP would wait. */
const patience = 10;

/** The round trip of echo requests, smoothed as RFC 6298 does, and how long to wait for the next answer. */
export class RoundTrip {
  readonly #minWaitSeconds: number;
  readonly #maxWaitSeconds: number;
  #meanSeconds: number | undefined;
  #deviationSeconds = 0;

  constructor(minWaitSeconds: number, maxWaitSeconds: number) {
    this.#minWaitSeconds = minWaitSeconds;
    this.#maxWaitSeconds = maxWaitSeconds;
  }

  /** undefined: never measured */
  get meanSeconds(): number | undefined {
    return this.#meanSeconds;
  }

  /** The whole allowance until something was measured. */
  get waitSeconds(): number {
    if (this.#meanSeconds === undefined) return this.#maxWaitSeconds;
    const wait = patience * (this.#meanSeconds + deviations * this.#deviationSeconds);
    return Math.min(this.#maxWaitSeconds, Math.max(this.#minWaitSeconds, wait));
  }

  measured(seconds: number): void {
    if (this.#meanSeconds === undefined) {
      this.#meanSeconds = seconds;
      this.#deviationSeconds = seconds / 2;
      return;
    }
    this.#deviationSeconds +=
      deviationWeight * (Math.abs(seconds - this.#meanSeconds) - this.#deviationSeconds);
    this.#meanSeconds += meanWeight * (seconds - this.#meanSeconds);
  }
}
