import { type Bytes, type BytesPerSecond, bytesPerSecond, type Seconds } from './units.js';

/** A class of traffic with a queue of its own on our port. */
export interface TrafficClass {
  readonly name: string;
  /** w_k of its utility w_k log y_k */
  readonly weight: number;
  /** promised, whatever the others want */
  readonly floorBytesPerSecond: BytesPerSecond;
  /** a queue that takes this long is fully congested: short for traffic that must not wait */
  readonly targetDelaySeconds: Seconds;
}
export interface ClassSharesConfig {
  readonly capacityBytesPerSecond: BytesPerSecond;
  readonly classes: readonly TrafficClass[];
  /**
   * share of what a class has that it can lose in one update; default 0.05, for updates each 100 ms: a class that is briefly satisfied must not
   * lose what it needs for its next burst
   */
  readonly pace?: number;
}
/** y_k and the price that every class pays: no class would give more for a byte/s, and one that is satisfied gives nothing. */
export interface ClassSharesDecision {
  readonly sharesBytesPerSecond: readonly BytesPerSecond[];
  /** marginal utility of the share of each, 1 / (bytes/s) */
  readonly prices: readonly number[];
}

/** a queue never has less: packets that arrive must be able to show that the share is too small */
const leastShare = 0.01;

/**
 * Shares of a port's capacity among classes, slowly and by price, after DaVinci (He, Zhang-Shen, Li, Lee, Rexford, Chiang,
 * CoNEXT 2008, DOI 10.1145/1544012.1544027): each class uses its share as it likes, fast; the shares follow the prices that
 * the classes' congestion shows. A class that fills its share would pay w_k / y_k for more; what its queue is of its
 * target delay, at most 1, says how much it fills it:
 *
 *     lambda_k = m_k w_k / y_k,  m_k = min(1, backlog_k / (y_k target_k))
 *     y_k <- y_k + pace y_k (lambda_k - mean lambda) / mean lambda     (mean weighted with y)
 *
 * The sum of the shares stays the capacity. Where it rests, all classes that are not at their floors pay one price: the
 * optimum of sum w_k log y_k over those that are congested, and what arrives for those that are not.
 */
export class ClassShares {
  private readonly config: ClassSharesConfig;
  private readonly floors: readonly number[];
  private shares: number[];

  /** @throws RangeError for floors above the capacity, and for weights and targets that are not positive */
  constructor(config: ClassSharesConfig) {
    const { classes, capacityBytesPerSecond: capacity } = config;
    for (const { name, weight, targetDelaySeconds } of classes)
      if (!(weight > 0 && targetDelaySeconds > 0))
        throw new RangeError(`class ${name}: weight and target delay must be above 0`);
    this.config = config;
    this.floors = classes.map((c) => Math.max(c.floorBytesPerSecond, leastShare * capacity));
    const promised = this.floors.reduce((a, b) => a + b, 0);
    if (promised > capacity)
      throw new RangeError(`the floors add up to ${promised} bytes/s, the port has ${capacity}: lower them`);
    const weights = classes.reduce((sum, c) => sum + c.weight, 0);
    this.shares = this.withFloors(classes.map((c) => (capacity * c.weight) / weights));
  }

  /**
   * @param backlogs of each class, in their order: the smallest since the update before, for a burst that passes is no congestion
   * @throws RangeError for another number of them
   */
  update(backlogs: readonly Bytes[]): ClassSharesDecision {
    const { classes, capacityBytesPerSecond: capacity, pace = 0.05 } = this.config;
    if (backlogs.length !== classes.length)
      throw new RangeError(`${backlogs.length} backlogs for ${classes.length} classes`);
    const prices = classes.map(({ weight, targetDelaySeconds }, k) => {
      const share = this.shares[k]!;
      return (weight / share) * Math.min(1, backlogs[k]! / (share * targetDelaySeconds));
    });
    const mean = prices.reduce((sum, price, k) => sum + price * this.shares[k]!, 0) / capacity;
    if (mean > 0)
      this.shares = this.withFloors(
        this.shares.map((share, k) => share + (pace * share * (prices[k]! - mean)) / mean),
      );
    return { sharesBytesPerSecond: this.shares.map((share) => bytesPerSecond(share)), prices };
  }

  /** The nearest shares with the same sum and none below its floor: what floors take, the others give by what they have above theirs. */
  private withFloors(wanted: readonly number[]): number[] {
    const { capacityBytesPerSecond: capacity } = this.config;
    const above = wanted.map((share, k) => Math.max(0, share - this.floors[k]!));
    const free = capacity - this.floors.reduce((a, b) => a + b, 0);
    const sum = above.reduce((a, b) => a + b, 0);
    return this.floors.map((floor, k) => floor + (sum > 0 ? (free * above[k]!) / sum : free / above.length));
  }
}
