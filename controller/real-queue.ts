import type { BacklogEstimate } from './sample.js';
import type { QueueStep } from './virtual-queue.js';

/**
 * The light on the queue that packets wait in.
 * - `inside`: below its bound, and seen to empty
 * - `standing`: below its bound, but not empty for half a second
 * - `outside`: above its bound by more than the estimate may be wrong
 * - `contradicted`: counters and capacity cannot both be right
 * - `unknown`: never proven empty, or packets were dropped since
 */
export type RealQueueLight = 'inside' | 'standing' | 'outside' | 'contradicted' | 'unknown';

/** a queue that no burst explains: longer than any step of the cross traffic takes to work off */
const standingSeconds = 0.5;
/** packets that are being served or between two counters are not a queue */
const standingNoise = 6 * 1514;
/** good samples in a row that make a finding, and that take it back */
const persistence = 5;

/**
 * What is known of the real queue beside Z. Two sums run with the counters:
 *
 * - N = max over s of [ -Z(s) + integral from s to now of (eps_c - (1-rho) c) ], s since the queue was last proven
 *   empty: theorem 2 is Q <= [Z + N]^+. The integral falls while the head-room is larger than the uncertainty of the
 *   capacity; else it grows until the queue is proven empty again.
 * - the bound of Lindley's recursion B+ = [B + A - (c - eps_c) dt]^+. No queue that is served with at least
 *   c - eps_c can be above it. A measured backlog that stays above it refutes the capacity (or the counters).
 */
export class RealQueueWitness {
  /** N; nothing is proven before the first time that the queue is seen empty */
  private sinceEmpty = Number.NEGATIVE_INFINITY;
  private lindley = 0;
  private above = 0;
  private below = 0;
  private refuted = false;
  private outside = 0;
  private standsSince = Number.NaN;

  /** The real queue is at most Z plus this: N, or what an unseen queue may hold. */
  aboveVirtual(estimate: BacklogEstimate): number {
    return estimate.anchored ? this.sinceEmpty : Math.max(0, this.sinceEmpty + estimate.uncertaintyBytes);
  }

  /** Call before the steps of a new sample. */
  proven(estimate: BacklogEstimate, interval: number): void {
    if (estimate.anchored && estimate.anchorAgeSeconds < interval / 2)
      this.sinceEmpty = Number.NEGATIVE_INFINITY;
  }

  /** A stretch of measured time: `capacity` is the one believed, which may be `capacityError` too high. */
  advance(
    step: QueueStep,
    idleUtilisation: number,
    capacity: number,
    capacityError: number,
    readingError: number,
  ): void {
    const length = step.to - step.from;
    const rho = step.command?.utilisation ?? idleUtilisation;
    const from = Math.max(this.sinceEmpty, -Math.max(0, step.before - readingError));
    this.sinceEmpty = from + (capacityError - (1 - rho) * capacity) * length;
    this.lindley = Math.max(0, this.lindley + (step.arrivalRate - capacity + capacityError) * length);
  }

  /** After the steps of a good sample. */
  observe(estimate: BacklogEstimate, bound: number): void {
    const surely = estimate.backlogBytes - estimate.readingErrorBytes;
    const over = surely > this.lindley + estimate.readingErrorBytes;
    this.above = over ? this.above + 1 : 0;
    this.below = over ? 0 : this.below + 1;
    if (this.above >= persistence) this.refuted = true;
    if (this.below >= persistence) this.refuted = false;
    this.outside = estimate.backlogBytes - estimate.uncertaintyBytes > bound ? this.outside + 1 : 0;
    if (surely <= standingNoise) this.standsSince = Number.NaN;
    else if (Number.isNaN(this.standsSince)) this.standsSince = estimate.at;
  }

  /** What was measured before and after a gap has nothing to do with each other. */
  restart(): void {
    this.sinceEmpty = Number.NEGATIVE_INFINITY;
    this.lindley = 0;
    this.above = 0;
    this.below = 0;
    this.refuted = false;
    this.outside = 0;
    this.standsSince = Number.NaN;
  }

  light(estimate: BacklogEstimate): RealQueueLight {
    if (estimate.contradiction || this.refuted) return 'contradicted';
    if (!estimate.anchored || estimate.saturated) return 'unknown';
    if (this.outside > 0) return 'outside';
    return estimate.at - this.standsSince > standingSeconds ? 'standing' : 'inside';
  }

  /** above its bound for several samples in a row: no burst */
  get staysOutside(): boolean {
    return this.outside >= persistence;
  }
}
