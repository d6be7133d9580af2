import type { BacklogEstimate } from './sample.js';

export interface DrainProbeConfig {
  readonly slotSeconds: number;
  /** longest probe of a queue that is believed to be empty */
  readonly longestSeconds: number;
  /** shortest time between two probes */
  readonly spacingSeconds: number;
  /** pause after a probe that failed, doubled up to the second figure */
  readonly firstPauseSeconds: number;
  readonly longestPauseSeconds: number;
}

export const defaultDrainProbe = (slotSeconds: number): DrainProbeConfig => ({
  slotSeconds,
  longestSeconds: 0.4,
  spacingSeconds: 0.5,
  firstPauseSeconds: 1,
  longestPauseSeconds: 16,
});

export type DrainDepth = 'none' | 'shallow' | 'full';

/**
 * When to lower the rate so that the queue can be proven empty, and when to give up. A probe is shallow first
 * (just enough room for an idle verdict) and full in its second half. One that ends without a verdict met a
 * queue that is not ours: it is counted, and probing pauses for longer each time, because starving our own
 * traffic does not drain a stranger's.
 */
export class DrainProbe {
  private readonly config: DrainProbeConfig;
  private startedAt = Number.NaN;
  private limit = 0;
  private notBefore = Number.NEGATIVE_INFINITY;
  private pause: number;
  private failures = 0;
  private probes = 0;

  constructor(config: DrainProbeConfig) {
    this.config = config;
    this.pause = config.firstPauseSeconds;
  }

  get count(): number {
    return this.probes;
  }
  /** probes that did not find the queue empty */
  get strangers(): number {
    return this.failures;
  }

  update(now: number, estimate: BacklogEstimate, loopDelay: number, capacity: number): DrainDepth {
    if (!Number.isNaN(this.startedAt)) this.continueOrEnd(now, estimate);
    if (Number.isNaN(this.startedAt) && estimate.wantsDrain && now >= this.notBefore) {
      this.startedAt = now;
      this.probes += 1;
      const known = Math.min(1, (2 * estimate.backlogBytes) / capacity);
      this.limit = this.config.longestSeconds + 2 * loopDelay + known;
    }
    if (Number.isNaN(this.startedAt)) return 'none';
    return now - this.startedAt > this.limit / 2 ? 'full' : 'shallow';
  }

  cancel(): void {
    this.startedAt = Number.NaN;
  }

  private continueOrEnd(now: number, estimate: BacklogEstimate): void {
    const provenAt = estimate.at - estimate.anchorAgeSeconds;
    if (provenAt >= this.startedAt) {
      this.startedAt = Number.NaN;
      this.pause = this.config.firstPauseSeconds;
      this.notBefore = now + this.config.spacingSeconds;
    } else if (now - this.startedAt > this.limit) {
      this.startedAt = Number.NaN;
      this.failures += 1;
      this.notBefore = now + this.pause;
      this.pause = Math.min(this.config.longestPauseSeconds, 2 * this.pause);
    }
  }
}
