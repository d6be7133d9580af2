import type { PolicyConfig } from '../policy.js';
import { type Grid, type Measurement, RivalPolicy } from './rival-policy.js';

export interface AimdConfig {
  /** share of capacity by which the rate grows in a second */
  readonly increaseShare: number;
  /** what is left of the rate after a sign of congestion, 0-1 */
  readonly decreaseFactor: number;
  /** queueing delay that is a sign of congestion */
  readonly thresholdSeconds: number;
}
export const defaultAimd: AimdConfig = { increaseShare: 0.5, decreaseFactor: 0.7, thresholdSeconds: 0.02 };
export const grid: Grid<AimdConfig> = {
  increaseShare: [0.02, 0.05, 0.1, 0.2, 0.5],
  decreaseFactor: [0.5, 0.7, 0.85],
  thresholdSeconds: [0.002, 0.005, 0.01, 0.02],
};

/**
 * Additive increase, multiplicative decrease on the measured queue: D.-M. Chiu, R. Jain, "Analysis of the Increase
 * and Decrease Algorithms for Congestion Avoidance in Computer Networks", Computer Networks and ISDN Systems
 * 17(1), 1989. One decrease for one loop delay: what is seen before it has worked is the same congestion.
 */
export class AimdPolicy extends RivalPolicy {
  readonly name = 'aimd';
  private readonly gains: AimdConfig;
  private decreasedUntil = Number.NEGATIVE_INFINITY;

  constructor(config: PolicyConfig, gains: AimdConfig) {
    super(config);
    this.gains = gains;
  }

  protected override begin(): void {
    this.decreasedUntil = Number.NEGATIVE_INFINITY;
  }

  protected law(m: Measurement): number {
    if (m.delaySeconds <= this.gains.thresholdSeconds)
      return this.granted + this.gains.increaseShare * m.capacity * m.intervalSeconds;
    if (m.now < this.decreasedUntil) return this.granted;
    this.decreasedUntil = m.now + m.loopDelaySeconds + m.intervalSeconds;
    return this.gains.decreaseFactor * this.granted;
  }
}
