import type { PolicyConfig } from '../policy.js';
import { type Grid, type Measurement, RivalPolicy } from './rival-policy.js';

export interface LedbatConfig {
  /** queueing delay that it adds when it is alone */
  readonly targetSeconds: number;
  /** round trip without queues: its window is turned into a rate with it */
  readonly baseRttSeconds: number;
  /** factor of the multiplicative decrease */
  readonly decrease: number;
}
export const defaultLedbat: LedbatConfig = { targetSeconds: 0.06, baseRttSeconds: 0.04, decrease: 1 };
export const grid: Grid<LedbatConfig> = {
  targetSeconds: [0.015, 0.03, 0.06],
  baseRttSeconds: [0.04],
  decrease: [0.5, 1, 2],
};

const segmentBytes = 1448;
const minimumWindow = 2 * segmentBytes;
/** slow start ends at this share of the target */
const slowStartShare = 0.75;
/** the delay is the smallest of this many samples */
const delaySamples = 4;
/** a slow-down takes 1/(1 + 9) of the time */
const slowdownSpacing = 9;

/**
 * LEDBAT++ (P. Balasubramanian et al., draft-irtf-iccrg-ledbat-plus-plus) as a law that is stepped once a slot: the
 * window grows and shrinks by the share of a round trip that the slot is long, and the rate is window over round
 * trip. Its delay is the measured queue, so it has no error in its base delay. Losses are not modelled.
 */
export class LedbatLikePolicy extends RivalPolicy {
  readonly name = 'ledbat-like';
  private readonly tuning: LedbatConfig;
  private readonly delays: number[] = [];
  private window = minimumWindow;
  private threshold = Number.POSITIVE_INFINITY;
  private phase: 'growing' | 'steady' | 'slowed' = 'growing';
  private slowdownAt = Number.POSITIVE_INFINITY;
  private slowedSince = 0;

  constructor(config: PolicyConfig, tuning: LedbatConfig) {
    super(config);
    this.tuning = tuning;
  }

  protected override begin(): void {
    this.window = minimumWindow;
    this.threshold = Number.POSITIVE_INFINITY;
    this.phase = 'growing';
    this.slowdownAt = Number.POSITIVE_INFINITY;
  }

  protected override observe(m: Measurement): void {
    this.delays.push(m.delaySeconds);
    if (this.delays.length > delaySamples) this.delays.shift();
  }

  protected law(m: Measurement): number {
    const delay = Math.min(...this.delays);
    const rtt = this.tuning.baseRttSeconds + delay;
    const rounds = m.intervalSeconds / rtt;
    if (this.phase === 'steady' && m.now >= this.slowdownAt) this.slowDown(m.now);
    if (this.phase === 'slowed') this.waitSlowed(m.now, rtt);
    else if (this.phase === 'growing') this.grow(m.now, rounds, rtt, delay);
    else this.avoid(rounds, delay);
    // more than the path holds at its target is never of use
    const most = m.capacity * (this.tuning.baseRttSeconds + 2 * this.tuning.targetSeconds);
    this.window = Math.min(most, Math.max(minimumWindow, this.window));
    return this.window / rtt;
  }

  private get gain(): number {
    const { targetSeconds, baseRttSeconds } = this.tuning;
    return 1 / Math.min(16, Math.ceil((2 * targetSeconds) / baseRttSeconds));
  }

  private grow(now: number, rounds: number, rtt: number, delay: number): void {
    const first = !Number.isFinite(this.threshold);
    if (first && delay > slowStartShare * this.tuning.targetSeconds) {
      this.phase = 'steady';
      this.slowdownAt = now + 2 * rtt;
      return;
    }
    this.window *= 1 + this.gain * rounds;
    if (this.window < this.threshold) return;
    this.window = this.threshold;
    this.phase = 'steady';
    this.slowdownAt = now + slowdownSpacing * (now - this.slowedSince);
  }

  private avoid(rounds: number, delay: number): void {
    const excess = delay / this.tuning.targetSeconds - 1;
    const increase = this.gain * segmentBytes;
    const change =
      excess <= 0
        ? increase
        : Math.max(increase - this.tuning.decrease * this.window * excess, -this.window / 2);
    this.window += change * rounds;
  }

  /** For two round trips at the minimum, so that the queue empties and newcomers see the base delay. */
  private slowDown(now: number): void {
    this.threshold = this.window;
    this.window = minimumWindow;
    this.phase = 'slowed';
    this.slowedSince = now;
  }

  private waitSlowed(now: number, rtt: number): void {
    if (now - this.slowedSince >= 2 * rtt) this.phase = 'growing';
  }
}
