/** How much the sender may hand to the network now, and how fast the far end really takes it. */

/** Tokens that may pile up while the clock or the network holds the sender up. */
const bucketSeconds = 0.03;
/** A slow rate saves up to this before it sends: frames of a few bytes would be all header. */
const smallestChunk = 512;

/** Token bucket for a sender that looks at it every 10 ms. Times in seconds. */
export class TransferPacer {
  #bytesPerSecond: number | null;
  #tokens = 0;
  #filledAt: number;

  /** @param bytesPerSecond null: no limit */
  constructor(bytesPerSecond: number | null, nowSeconds: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#filledAt = nowSeconds;
  }

  get bytesPerSecond(): number | null {
    return this.#bytesPerSecond;
  }

  setRate(bytesPerSecond: number | null, nowSeconds: number): void {
    this.#fill(nowSeconds);
    this.#bytesPerSecond = bytesPerSecond;
    this.#fill(nowSeconds);
  }

  /** Bytes that may be sent now; Infinity without a limit. `wanted`: the most that could be used. */
  allowance(nowSeconds: number, wanted: number): number {
    if (this.#bytesPerSecond === null) return Number.POSITIVE_INFINITY;
    this.#fill(nowSeconds);
    return this.#tokens >= Math.min(smallestChunk, wanted) ? Math.floor(this.#tokens) : 0;
  }

  spend(bytes: number): void {
    if (this.#bytesPerSecond !== null) this.#tokens -= bytes;
  }

  #fill(nowSeconds: number): void {
    const rate = this.#bytesPerSecond;
    if (rate !== null) {
      const depth = Math.max(2 * smallestChunk, rate * bucketSeconds);
      this.#tokens = Math.min(depth, this.#tokens + rate * Math.max(0, nowSeconds - this.#filledAt));
    } else this.#tokens = 0;
    this.#filledAt = nowSeconds;
  }
}

/** Mean rate of a growing total over the last half second or so. */
export class RateMeter {
  readonly #spanSeconds: number;
  readonly #samples: { readonly at: number; readonly total: number }[] = [];

  constructor(spanSeconds = 0.5) {
    this.#spanSeconds = spanSeconds;
  }

  /** Call with non-decreasing times, at most every few milliseconds: each call keeps one sample. */
  note(nowSeconds: number, total: number): void {
    this.#samples.push({ at: nowSeconds, total });
    while (this.#samples.length > 2 && this.#samples[1]!.at <= nowSeconds - this.#spanSeconds)
      this.#samples.shift();
  }

  /** Bytes a second; 0 before there is anything to compare. */
  get bytesPerSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at <= first.at) return 0;
    return (last.total - first.total) / (last.at - first.at);
  }
}
