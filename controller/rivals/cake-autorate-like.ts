import type { PolicyConfig } from '../policy.js';
import { type Grid, type Measurement, RivalPolicy } from './rival-policy.js';

export interface CakeAutorateConfig {
  /** increase of the one-way delay that counts as late */
  readonly thresholdSeconds: number;
  /** mean increase from which the decrease is the largest */
  readonly worstSeconds: number;
  /** mean increase up to which the increase is the largest */
  readonly bestSeconds: number;
  /** what is left of the shaper's rate after the largest decrease */
  readonly largestDecrease: number;
  /** factor of the largest increase per reflector sample */
  readonly largestIncrease: number;
  /** shares of capacity: the rate it starts from and returns to without load, and its limits */
  readonly baseShare: number;
  readonly minimumShare: number;
  readonly maximumShare: number;
}
export const defaultCakeAutorate: CakeAutorateConfig = {
  thresholdSeconds: 0.03,
  worstSeconds: 0.06,
  bestSeconds: 0.01,
  largestDecrease: 0.75,
  largestIncrease: 1.04,
  baseShare: 0.4,
  minimumShare: 0.1,
  maximumShare: 1.2,
};
export const grid: Grid<CakeAutorateConfig> = {
  thresholdSeconds: [0.005, 0.01, 0.03],
  worstSeconds: [0.02, 0.06],
  bestSeconds: [0.003, 0.01],
  largestDecrease: [0.75, 0.9],
  largestIncrease: [1.01, 1.04],
  baseShare: [0.4],
  minimumShare: [0.1],
  maximumShare: [1, 1.2],
};

const detectionWindow = 6;
const lateSamples = 3;
const smallestDecrease = 0.99;
const idleDecay = 0.99;
const idleGrowth = 1.01;
const highLoad = 0.75;
const congestionPauseSeconds = 0.3;
const idlePauseSeconds = 1;
/** six pingers, one echo each 0.3 s */
const reflectorSampleSeconds = 0.05;

/**
 * cake-autorate (https://github.com/lynxthecat/cake-autorate, version 3): the rate of a shaper follows the delay to
 * reflectors. Three late samples of six: shrink, the more the later, then pause 0.3 s. Loaded above 75 % and not
 * late: grow, the more the earlier. Not loaded: go back to a base rate. Factors are per reflector sample and are
 * raised to the power of the slot's length. The shaper holds all our traffic; migrations get what the rest leaves.
 */
export class CakeAutorateLikePolicy extends RivalPolicy {
  readonly name = 'cake-autorate-like';
  private readonly tuning: CakeAutorateConfig;
  private shaper = 0;
  private readonly delays: number[] = [];
  private congestionPauseUntil = Number.NEGATIVE_INFINITY;
  private idlePauseUntil = Number.NEGATIVE_INFINITY;
  private cross = 0;

  constructor(config: PolicyConfig, tuning: CakeAutorateConfig) {
    super(config);
    this.tuning = tuning;
  }

  protected override observe(m: Measurement): void {
    const { baseShare, minimumShare, maximumShare, thresholdSeconds } = this.tuning;
    if (this.shaper === 0) this.shaper = baseShare * m.capacity;
    this.delays.push(m.delaySeconds);
    if (this.delays.length > detectionWindow) this.delays.shift();
    // the achieved rate is read over some pings, not over a slot that a video frame fills
    this.cross += Math.min(1, m.intervalSeconds / (4 * reflectorSampleSeconds)) * (m.cross - this.cross);
    const late = this.delays.filter((delay) => delay > thresholdSeconds).length;
    if (late >= lateSamples) this.shrink(m);
    else if (this.cross + m.own > highLoad * this.shaper) this.growShaper(m);
    else this.returnToBase(m);
    this.shaper = Math.min(maximumShare * m.capacity, Math.max(minimumShare * m.capacity, this.shaper));
  }

  protected law(): number {
    return this.shaper - this.cross;
  }

  private shrink(m: Measurement): void {
    if (m.now < this.congestionPauseUntil) return;
    const { thresholdSeconds, worstSeconds, largestDecrease } = this.tuning;
    const severity = within((this.meanDelay() - thresholdSeconds) / (worstSeconds - thresholdSeconds));
    this.shaper *= smallestDecrease + severity * (largestDecrease - smallestDecrease);
    this.congestionPauseUntil = m.now + congestionPauseSeconds;
    this.idlePauseUntil = m.now + idlePauseSeconds;
  }

  private growShaper(m: Measurement): void {
    if (m.now < this.congestionPauseUntil) return;
    const { thresholdSeconds, bestSeconds, largestIncrease } = this.tuning;
    const ease = within((thresholdSeconds - this.meanDelay()) / (thresholdSeconds - bestSeconds));
    this.shaper *= (1 + ease * (largestIncrease - 1)) ** (m.intervalSeconds / reflectorSampleSeconds);
    this.idlePauseUntil = m.now + idlePauseSeconds;
  }

  private returnToBase(m: Measurement): void {
    if (m.now < this.idlePauseUntil) return;
    const base = this.tuning.baseShare * m.capacity;
    this.shaper =
      this.shaper > base ? Math.max(base, this.shaper * idleDecay) : Math.min(base, this.shaper * idleGrowth);
    this.idlePauseUntil = m.now + idlePauseSeconds;
  }

  private meanDelay(): number {
    return this.delays.reduce((sum, delay) => sum + delay, 0) / this.delays.length;
  }
}

/** 0 to 1; an empty range (0/0, or thresholds in the wrong order) counts as its far end */
const within = (share: number): number => (Number.isNaN(share) ? 1 : Math.min(1, Math.max(0, share)));
