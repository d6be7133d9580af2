import type { PolicyConfig } from '../policy.js';
import { type Grid, type Measurement, RivalPolicy } from './rival-policy.js';

/** Shares of capacity. */
export interface ClarkRampConfig {
  readonly minimumShare: number;
  readonly maximumShare: number;
  readonly incrementShare: number;
}
/** 100, 500 and 50 Mbit/s on the gigabit network of the paper, as shares */
export const defaultClarkRamp: ClarkRampConfig = {
  minimumShare: 0.1,
  maximumShare: 0.5,
  incrementShare: 0.05,
};
export const grid: Grid<ClarkRampConfig> = {
  minimumShare: [0.05, 0.1, 0.2],
  maximumShare: [0.3, 0.5, 0.8],
  incrementShare: [0.02, 0.05, 0.1],
};

/**
 * The adaptive rate limit of Xen's live migration: the first round at a minimum, each next one at the dirty rate
 * of the round before plus a constant, never above a maximum. It does not look at the network.
 * C. Clark et al., "Live Migration of Virtual Machines", NSDI 2005, section 5.3.
 *
 * The rounds are the hypervisor's: `dirtyBytesPerSecond` of the input is absent during the first and constant
 * during each later one. Stopping above the maximum is the hypervisor's business as well.
 */
export class ClarkRampPolicy extends RivalPolicy {
  readonly name = 'clark-ramp';
  private readonly ramp: ClarkRampConfig;

  constructor(config: PolicyConfig, ramp: ClarkRampConfig) {
    super(config);
    this.ramp = ramp;
  }

  protected law({ input, capacity }: Measurement): number {
    const minimum = this.ramp.minimumShare * capacity;
    const dirty = input.dirtyBytesPerSecond;
    if (dirty === undefined) return minimum;
    const wanted = dirty + this.ramp.incrementShare * capacity;
    return Math.min(Math.max(wanted, minimum), this.ramp.maximumShare * capacity);
  }
}
