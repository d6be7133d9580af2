import type { ByteCurve } from './byte-curve.js';

export interface BaseDelayConfig {
  /** longest base delay that is looked for */
  readonly longestSeconds: number;
  /** most negative one: the clocks of the two readings may be this far apart */
  readonly earliestSeconds: number;
}
const defaults: BaseDelayConfig = { longestSeconds: 0.4, earliestSeconds: -0.05 };

/** a fit needs this many readings of a path that is not full */
const fewestReadings = 40;
const mostReadings = 300;
/** grid of the first search, and the finest step of the following ones */
const coarseStepSeconds = 0.004;
const fineStepSeconds = 0.0005;
const refitSeconds = 0.5;
/** a change by more than this in one fit is a reroute, not noise */
const rerouteSeconds = 0.004;
/** a value next to the present one must fit better by this share, one far away by that, and so often running */
const nearbyShare = 0.9;
const elsewhereShare = 0.5;
const elsewhereTimes = 2;
/** differences closer than this are alike: packets between two counters */
const noiseBytes = 2 * 1514;

interface FarPoint {
  readonly at: number;
  readonly total: number;
}

/**
 * B, the delay of an empty path from counter to counter, clock offset included: how long after leaving our gateway
 * does a byte show in the far gateway's counter when nothing queues in between?
 *
 * With the true B, S(t - B) - R(t) is one constant in every reading in which the queue was empty, whatever the
 * traffic did (S sent, R received, both cumulative). With a B that is wrong by b, it moves with the traffic: by b
 * times its rate. So B is the value that makes the lower half of these differences narrowest. The queue only ever
 * widens the upper half. No minimum over a window of time is taken, so a queue that stands for long is never
 * learnt as part of the path: readings count only while the path carries clearly less than its capacity.
 */
export class BaseDelay {
  private readonly config: BaseDelayConfig;
  private readonly points: FarPoint[] = [];
  private value = Number.NaN;
  private spread = Number.POSITIVE_INFINITY;
  private nextFitAt = Number.NEGATIVE_INFINITY;
  private rerouteCount = 0;
  private elsewhere = { delay: Number.NaN, times: 0 };

  constructor(config: Partial<BaseDelayConfig> = {}) {
    this.config = { ...defaults, ...config };
  }

  /** NaN until it is known */
  get seconds(): number {
    return this.value;
  }
  get known(): boolean {
    return !Number.isNaN(this.value);
  }
  /** bytes by which the differences of empty readings vary at this B; Infinity until it is known */
  get spreadBytes(): number {
    return this.spread;
  }
  /** steps that were too large to be noise */
  get reroutes(): number {
    return this.rerouteCount;
  }

  /** A reading of the far counter while the path was not full. True: B has changed. */
  observe(at: number, total: number, near: ByteCurve): boolean {
    this.points.push({ at, total });
    if (this.points.length > mostReadings) this.points.splice(0, this.points.length - mostReadings);
    if (this.points.length < fewestReadings || at < this.nextFitAt) return false;
    this.nextFitAt = at + refitSeconds;
    return this.fit(near);
  }

  /** After a gap: totals before and after it do not compare. What was learnt stays. */
  restart(): void {
    this.points.length = 0;
  }

  private fit(near: ByteCurve): boolean {
    const before = this.value;
    let best = this.known ? this.search(near, [before]) : this.coarse(near);
    if (this.known) best = this.stepOf(near, best);
    for (let step = coarseStepSeconds / 2; step >= fineStepSeconds; step /= 2) {
      const refined = this.search(near, [best.delay - step, best.delay + step]);
      if (refined.spread < nearbyShare * best.spread) best = refined;
    }
    if (!Number.isFinite(best.spread)) return false;
    this.spread = best.spread;
    if (best.delay === before) return false;
    this.value = best.delay;
    if (!Number.isNaN(before) && Math.abs(best.delay - before) > rerouteSeconds) this.rerouteCount += 1;
    return true;
  }

  /**
   * A step of the path is found however far it went. But periodic traffic looks the same one period later, so another
   * place must fit far better, twice running, before it is believed.
   */
  private stepOf(near: ByteCurve, present: { delay: number; spread: number }): typeof present {
    const found = this.coarse(near);
    if (!(found.spread + noiseBytes < elsewhereShare * (present.spread + noiseBytes))) {
      this.elsewhere = { delay: Number.NaN, times: 0 };
      return present;
    }
    const again = Math.abs(found.delay - this.elsewhere.delay) <= coarseStepSeconds;
    this.elsewhere = { delay: found.delay, times: again ? this.elsewhere.times + 1 : 1 };
    return this.elsewhere.times >= elsewhereTimes ? found : present;
  }

  private coarse(near: ByteCurve): { delay: number; spread: number } {
    const { earliestSeconds, longestSeconds } = this.config;
    const count = Math.floor((longestSeconds - earliestSeconds) / coarseStepSeconds) + 1;
    return this.search(
      near,
      Array.from({ length: count }, (_, i) => earliestSeconds + i * coarseStepSeconds),
    );
  }

  private search(near: ByteCurve, delays: readonly number[]): { delay: number; spread: number } {
    let best = { delay: delays[0]!, spread: Number.POSITIVE_INFINITY };
    for (const delay of delays) {
      const spread = this.spreadAt(near, delay);
      // From the shortest on: what periodic traffic makes look alike is taken for the shorter delay.
      if (spread + noiseBytes < nearbyShare * (best.spread + noiseBytes)) best = { delay, spread };
    }
    return best;
  }

  /** From the twentieth to the middle of the ordered differences; Infinity where too few readings can be compared. */
  private spreadAt(near: ByteCurve, delay: number): number {
    const differences: number[] = [];
    for (const { at, total } of this.points) {
      const sent = near.totalAt(at - delay);
      if (!Number.isNaN(sent)) differences.push(sent - total);
    }
    if (differences.length < fewestReadings) return Number.POSITIVE_INFINITY;
    differences.sort((a, b) => a - b);
    return differences[differences.length >> 1]! - differences[Math.floor(differences.length / 20)]!;
  }
}
