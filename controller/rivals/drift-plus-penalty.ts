import type { PolicyConfig } from '../policy.js';
import { type Grid, type Measurement, RivalPolicy } from './rival-policy.js';

export interface DriftPlusPenaltyConfig {
  /** V W / c: the backlog at which the whole capacity is asked for, bytes */
  readonly fullRateBytes: number;
}
export const defaultDriftPlusPenalty: DriftPlusPenaltyConfig = { fullRateBytes: 30_000 };
export const grid: Grid<DriftPlusPenaltyConfig> = {
  fullRateBytes: [1000, 3000, 10_000, 30_000, 100_000, 300_000],
};

/**
 * Plain drift-plus-penalty with the utility W log U: minimising V times the penalty plus Q U gives U = V W / Q, on
 * the queue as it was measured, without a predictor. M. J. Neely, "Stochastic Network Optimization with Application
 * to Communication and Queueing Systems", Morgan & Claypool 2010, chapter 5.
 */
export class DriftPlusPenaltyPolicy extends RivalPolicy {
  readonly name = 'dpp';
  private readonly fullRateBytes: number;

  constructor(config: PolicyConfig, tuning: DriftPlusPenaltyConfig) {
    super(config);
    this.fullRateBytes = tuning.fullRateBytes;
  }

  protected law({ backlogBytes, capacity }: Measurement): number {
    return (this.fullRateBytes * capacity) / Math.max(backlogBytes, this.fullRateBytes);
  }
}
