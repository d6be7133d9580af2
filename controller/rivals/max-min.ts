import type { PolicyConfig } from '../policy.js';
import { type Grid, type Measurement, RivalPolicy } from './rival-policy.js';

export interface MaxMinConfig {
  /** from one allocation to the next */
  readonly periodSeconds: number;
  /** share of capacity that no allocation uses */
  readonly scratchShare: number;
}
export const defaultMaxMin: MaxMinConfig = { periodSeconds: 5, scratchShare: 0.1 };
export const grid: Grid<MaxMinConfig> = {
  periodSeconds: [5, 10, 30],
  scratchShare: [0.02, 0.05, 0.1, 0.2],
};

/**
 * Periodic traffic engineering: once a period the demand of everybody else is taken from what they sent in the
 * period before, served first, and what is left is allocated until the next period. That is the max-min fair
 * allocation of one link whose interactive class has precedence: C.-Y. Hong et al., "Achieving High Utilization
 * with Software-Driven WAN" (SWAN), SIGCOMM 2013; S. Jain et al., "B4", SIGCOMM 2013. The periods of the papers
 * are minutes; a few seconds are kinder to the rival.
 */
export class MaxMinPolicy extends RivalPolicy {
  readonly name = 'max-min';
  private readonly allocation: MaxMinConfig;
  private crossBytes = 0;
  private coveredSeconds = 0;
  private demand: number | undefined;

  constructor(config: PolicyConfig, allocation: MaxMinConfig) {
    super(config);
    this.allocation = allocation;
  }

  protected override observe(m: Measurement): void {
    this.crossBytes += m.cross * m.intervalSeconds;
    this.coveredSeconds += m.intervalSeconds;
    // the very first allocation takes what there is
    if (this.demand !== undefined && this.coveredSeconds < this.allocation.periodSeconds) return;
    this.demand = this.crossBytes / this.coveredSeconds;
    this.crossBytes = 0;
    this.coveredSeconds = 0;
  }

  protected law({ capacity }: Measurement): number {
    return (1 - this.allocation.scratchShare) * capacity - (this.demand ?? capacity);
  }
}
