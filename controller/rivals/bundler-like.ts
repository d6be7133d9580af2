import type { PolicyConfig } from '../policy.js';
import { type Grid, type Measurement, RivalPolicy } from './rival-policy.js';

export interface BundlerConfig {
  /** share of the spare capacity that a step takes */
  readonly alpha: number;
  /** share of the delay's error that a step corrects */
  readonly beta: number;
  /** queueing delay that is left at the bottleneck, so that its rate can be seen */
  readonly targetSeconds: number;
  /** round trip without queues */
  readonly baseRttSeconds: number;
}
export const defaultBundler: BundlerConfig = {
  alpha: 0.8,
  beta: 0.5,
  targetSeconds: 0.0125,
  baseRttSeconds: 0.04,
};
export const grid: Grid<BundlerConfig> = {
  alpha: [0.4, 0.8],
  beta: [0.25, 0.5],
  targetSeconds: [0.003, 0.006, 0.0125, 0.025],
  baseRttSeconds: [0.04],
};

/**
 * An edge shaper for everything that goes from site to site: F. Cangialosi et al., "Site-to-site internet traffic
 * control" (Bundler), EuroSys 2021, with the delay controller BasicDelay of P. Goyal et al., "Elasticity Detection:
 * A Building Block for Internet Congestion Control" (Nimbus), SIGCOMM 2022:
 *
 *     rate = S + alpha (mu - S - z) + beta mu/x (x_min + d - x),   z = mu S/R - S
 *
 * with S and R what the bundle sent and what of it arrived in the last round trip, z the traffic of others at the
 * bottleneck, x the round trip. The bundle here is everything that our gateway sends; in its scheduler migrations
 * come last and get what the rest leaves. Not modelled: detection of elastic cross traffic and the mode after it.
 */
export class BundlerLikePolicy extends RivalPolicy {
  readonly name = 'bundler-like';
  private readonly tuning: BundlerConfig;
  private sent = 0;
  private arrived = 0;
  private rest = 0;

  constructor(config: PolicyConfig, tuning: BundlerConfig) {
    super(config);
    this.tuning = tuning;
  }

  protected override observe(m: Measurement): void {
    const weight = Math.min(1, m.intervalSeconds / (this.tuning.baseRttSeconds + m.delaySeconds));
    const sent = m.cross + m.own;
    // without a reading behind the bottleneck nothing hidden is assumed there
    const arrived = m.input.departedBytesPerSecond ?? sent;
    this.sent += weight * (sent - this.sent);
    this.arrived += weight * (arrived - this.arrived);
    this.rest += weight * (m.cross - this.rest);
  }

  protected law(m: Measurement): number {
    const { alpha, beta, targetSeconds, baseRttSeconds } = this.tuning;
    const spare = m.capacity - this.sent - this.hidden(m);
    const late = (targetSeconds - m.delaySeconds) / (baseRttSeconds + m.delaySeconds);
    return this.sent + alpha * spare + beta * m.capacity * late - this.rest;
  }

  /** z; only a queue makes the ratio of the rates say anything about the share of others */
  private hidden(m: Measurement): number {
    const known = m.input.departedBytesPerSecond !== undefined && this.arrived > 0 && m.delaySeconds > 0.001;
    if (!known) return 0;
    return Math.min(m.capacity, Math.max(0, (m.capacity * this.sent) / this.arrived - this.sent));
  }
}
