import type { PolicyConfig } from '../policy.js';
import { type Grid, type Measurement, RivalPolicy } from './rival-policy.js';

export interface PiConfig {
  /** queueing delay that the controller holds */
  readonly targetSeconds: number;
  /** integral gain: share of capacity per second of time and second of error, 1/s^2 */
  readonly integral: number;
  /** proportional gain: share of capacity per second of change of the delay, 1/s */
  readonly proportional: number;
}
export const defaultPi: PiConfig = { targetSeconds: 0.01, integral: 50, proportional: 16 };
export const grid: Grid<PiConfig> = {
  targetSeconds: [0.002, 0.005, 0.01, 0.02],
  integral: [5, 10, 25, 50, 100],
  proportional: [2, 4, 8, 16],
};

/**
 * A proportional-integral controller of the queue, in the incremental form of C. Hollot, V. Misra, D. Towsley,
 * W. Gong, "On Designing Improved Controllers for AQM Routers Supporting TCP Flows", INFOCOM 2001 (PIE and PI2 have
 * the same law): here it sets the rate itself and not a drop probability. Clipping the rate clips its state.
 */
export class PiPolicy extends RivalPolicy {
  readonly name = 'pi';
  private readonly gains: PiConfig;
  private lastDelay: number | undefined;

  constructor(config: PolicyConfig, gains: PiConfig) {
    super(config);
    this.gains = gains;
  }

  protected override begin(): void {
    this.lastDelay = undefined;
  }

  protected law(m: Measurement): number {
    const error = m.delaySeconds - this.gains.targetSeconds;
    const change = m.delaySeconds - (this.lastDelay ?? m.delaySeconds);
    this.lastDelay = m.delaySeconds;
    const share = this.gains.integral * error * m.intervalSeconds + this.gains.proportional * change;
    return this.granted - share * m.capacity;
  }
}
