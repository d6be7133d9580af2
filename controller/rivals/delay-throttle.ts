import type { PolicyConfig } from '../policy.js';
import { type Grid, type Measurement, RivalPolicy } from './rival-policy.js';

export interface DelayThrottleConfig {
  /** share of capacity that is sent when the queue is empty */
  readonly capShare: number;
  /** q_t: queueing delay at which nothing is sent any more */
  readonly stopSeconds: number;
}
export const defaultInnerThrottle: DelayThrottleConfig = { capShare: 0.95, stopSeconds: 0.02 };
/** the cap is part of the rival's definition: it knows nothing of anybody's traffic */
export const innerThrottleGrid: Grid<DelayThrottleConfig> = {
  capShare: [0.95],
  stopSeconds: [0.01, 0.02, 0.04, 0.08],
};
export const defaultCapAndThrottle: DelayThrottleConfig = { capShare: 0.6, stopSeconds: 0.02 };
export const capAndThrottleGrid: Grid<DelayThrottleConfig> = {
  capShare: [0.35, 0.45, 0.5, 0.55, 0.6, 0.7],
  stopSeconds: [0.01, 0.02, 0.04, 0.08],
};

/**
 * A cap times max(0, 1 - q / q_t): the linear back-off that senders with a delay target use near it (after
 * S. Shalunov et al., LEDBAT, RFC 6817, section 2.4.2, whose off-target term is 1 - q/q_t as well). With the cap
 * at 95 % it is the inner loop of a cascade without the outer; with a cap tuned by hand it is what a careful
 * engineer would do without any controller.
 */
abstract class DelayThrottlePolicy extends RivalPolicy {
  private readonly throttle: DelayThrottleConfig;

  constructor(config: PolicyConfig, throttle: DelayThrottleConfig) {
    super(config);
    this.throttle = throttle;
  }

  protected law({ capacity, delaySeconds }: Measurement): number {
    const { capShare, stopSeconds } = this.throttle;
    return capShare * capacity * Math.max(0, 1 - delaySeconds / stopSeconds);
  }
}
export class InnerThrottlePolicy extends DelayThrottlePolicy {
  readonly name = 'inner-throttle';
}
export class CapAndThrottlePolicy extends DelayThrottlePolicy {
  readonly name = 'cap-and-throttle';
}
