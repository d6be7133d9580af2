import { ErrorWindow } from './error-window.js';
import type { BacklogEstimate } from './sample.js';
import type { QueueStep } from './virtual-queue.js';

/**
 * The light on the queue that packets wait in.
 * - `inside`: below its bound, and it empties
 * - `standing`: below its bound, but it does not empty: a capacity that is lower than believed, or a stranger
 * - `outside`: above its bound by more than the estimate may be wrong
 * - `contradicted`: the port runs at capacity while the estimate says that there is no queue
 * - `unknown`: never proven empty, or packets were dropped since
 */
export type RealQueueLight = 'inside' | 'standing' | 'outside' | 'contradicted' | 'unknown';

/** a queue of this much is seen to stand after half a second: longer than any step of the cross traffic takes to work off */
const tallSeconds = 0.005;
const tallForSeconds = 0.5;
/** a queue of this much, in the mean over some seconds, is what head-room should have drained */
const lowSeconds = 0.0015;
const lowForSeconds = 4;
/** packets that are being served or between two counters are not a queue */
const standingNoise = 6 * 1514;
/** good samples in a row above the bound that make an alarm */
const persistence = 5;

/**
 * What is known of the real queue beside Z. Two sums run with the counters:
 *
 * - N = max over s of [ -Z(s) + integral from s to now of (rho c' - c + eps_c) ], s since the queue was last proven
 *   empty, c' the capacity that the command believed: theorem 2 is Q <= [Z + N]^+. The integral falls while the head-room is larger than the uncertainty of the
 *   capacity; else it grows until the queue is proven empty again.
 * - Lindley's recursion B+ = [B + A - (c - eps_c) dt]^+ over the samples. Arrivals that come evenly within a sample
 *   cannot make a larger queue; a burst late in a sample can, by what the line had not to send before it (c dt at
 *   most), and then stands above B until the queue empties. The largest excess of late is a term of the bound.
 */
export class RealQueueWitness {
  /** N; nothing is proven before the first time that the queue is seen empty */
  private sinceEmpty = Number.NEGATIVE_INFINITY;
  private lindley = 0;
  /** backlog above B, newest samples */
  private readonly bursts = new ErrorWindow();
  private outside = 0;
  private tallSince = Number.NaN;
  /** mean of what stands, bytes */
  private stood = 0;
  private lastAt = Number.NaN;
  private capacity = Number.POSITIVE_INFINITY;

  /** The real queue is at most Z plus this: N, a burst, and what an unseen queue may hold. */
  aboveVirtual(estimate: BacklogEstimate): number {
    const known = this.sinceEmpty + this.bursts.max();
    return estimate.anchored ? known : Math.max(0, known) + estimate.uncertaintyBytes;
  }

  /** Call before the steps of a new sample. */
  proven(estimate: BacklogEstimate, interval: number): void {
    if (estimate.anchored && estimate.anchorAgeSeconds < interval / 2)
      this.sinceEmpty = Number.NEGATIVE_INFINITY;
  }

  /** A stretch of measured time: Z was served with `virtualCapacity`; `capacity` is the one believed now, which may be `capacityError` too high. */
  advance(
    step: QueueStep,
    virtualCapacity: number,
    capacity: number,
    capacityError: number,
    readingError: number,
  ): void {
    const length = step.to - step.from;
    const from = Math.max(this.sinceEmpty, -Math.max(0, step.before - readingError));
    this.sinceEmpty = from + (virtualCapacity - capacity + capacityError) * length;
    this.lindley = Math.max(0, this.lindley + (step.arrivalRate - capacity + capacityError) * length);
  }

  /** After the steps of a good sample; `capacity` in bytes/s, `interval` is the time that the sample covers. */
  observe(estimate: BacklogEstimate, bound: number, capacity: number, interval: number): void {
    this.capacity = capacity;
    const excess = estimate.backlogBytes - estimate.readingErrorBytes - this.lindley;
    if (estimate.anchored) this.bursts.push(Math.max(0, Math.min(excess, capacity * interval)));
    this.outside = estimate.backlogBytes - estimate.uncertaintyBytes > bound ? this.outside + 1 : 0;
    if (!(estimate.standingBytes > tallSeconds * capacity)) this.tallSince = Number.NaN;
    else if (Number.isNaN(this.tallSince)) this.tallSince = estimate.at;
    // a tall queue counts as twice the limit at most, so that its memory is gone as soon as it was made
    const stands = Math.max(0, estimate.standingBytes - standingNoise);
    const weight = Math.min(1, (estimate.at - this.lastAt) / lowForSeconds);
    if (weight > 0) this.stood += weight * (Math.min(stands, 2 * lowSeconds * capacity) - this.stood);
    this.lastAt = estimate.at;
  }

  /** What was measured before and after a gap has nothing to do with each other. */
  restart(): void {
    this.sinceEmpty = Number.NEGATIVE_INFINITY;
    this.lindley = 0;
    this.outside = 0;
    this.tallSince = Number.NaN;
    this.stood = 0;
  }

  light(estimate: BacklogEstimate): RealQueueLight {
    if (estimate.contradiction) return 'contradicted';
    if (!estimate.anchored || estimate.saturated) return 'unknown';
    if (this.outside > 0) return 'outside';
    const tall = estimate.at - this.tallSince > tallForSeconds;
    return tall || this.stood > lowSeconds * this.capacity ? 'standing' : 'inside';
  }

  /** above its bound for several samples in a row: no burst */
  get staysOutside(): boolean {
    return this.outside >= persistence;
  }
}
