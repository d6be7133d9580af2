/** A bucket that fills at a rate and holds a burst; one token an event. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface RateLimits {
  readonly read: Rate;
  readonly change: Rate;
  /** wrong or missing tokens, for each address */
  readonly refused: Rate;
}
export const defaultRateLimits: RateLimits = {
  read: { perSecond: 100, burst: 400 },
  change: { perSecond: 10, burst: 50 },
  refused: { perSecond: 1, burst: 20 },
};

const callersLimit = 4096;

interface Bucket {
  tokens: number;
  atSeconds: number;
}

/** Buckets of one kind for many callers; the one that was quiet longest is forgotten first, and had filled up most. */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Takes one. @returns 0: granted; otherwise seconds after which it would be */
  take(caller: string, nowSeconds: number): number {
    const { perSecond, burst } = this.#rate;
    const before = this.#buckets.get(caller) ?? { tokens: burst, atSeconds: nowSeconds };
    const elapsed = Math.max(0, nowSeconds - before.atSeconds);
    const tokens = Math.min(burst, before.tokens + elapsed * perSecond);
    const granted = tokens >= 1;
    this.#buckets.delete(caller);
    this.#buckets.set(caller, { tokens: granted ? tokens - 1 : tokens, atSeconds: nowSeconds });
    for (const quietest of this.#buckets.keys()) {
      if (this.#buckets.size <= callersLimit) break;
      this.#buckets.delete(quietest);
    }
    return granted ? 0 : (1 - tokens) / perSecond;
  }

  /** Is there one to take? */
  has(caller: string, nowSeconds: number): boolean {
    const bucket = this.#buckets.get(caller);
    if (bucket === undefined) return true;
    return bucket.tokens + (nowSeconds - bucket.atSeconds) * this.#rate.perSecond >= 1;
  }
}
