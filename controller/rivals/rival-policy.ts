import {
  type PolicyConfig,
  type PolicyDecision,
  type PolicyInput,
  type PolicyMode,
  type PolicyName,
  type RatePolicy,
  staleAfterSeconds,
} from '../policy.js';
import { bytesPerSecond } from '../units.js';

/** One good sample, in plain numbers: bytes, bytes/s, seconds. */
export interface Measurement {
  readonly now: number;
  readonly sampledAt: number;
  readonly intervalSeconds: number;
  readonly capacity: number;
  readonly backlogBytes: number;
  /** how long a packet that arrives now would wait: backlog / capacity */
  readonly delaySeconds: number;
  /** mean arrivals of the interval */
  readonly cross: number;
  readonly own: number;
  readonly loopDelaySeconds: number;
  readonly input: PolicyInput;
}

/** The values that a parameter is tried with; the lab prints them beside the rival's row. */
export type Grid<Config> = { readonly [Key in keyof Config]: readonly number[] };

/**
 * What every rival does alike, so that none loses for want of care around its law: nothing before the first
 * measurement, nothing without demand, the last rate while there is no new sample or only one that means
 * nothing, the safe rate when samples are older than three slots, and a rate between 0 and what can be used.
 */
export abstract class RivalPolicy implements RatePolicy {
  abstract readonly name: PolicyName;
  /** what was granted last, after clipping: an integrator that keeps its state here cannot wind up */
  protected granted = 0;
  protected readonly slotSeconds: number;
  private readonly safe: number;
  private lastSampleAt = Number.NaN;
  private lastCross = 0;
  private active = false;

  constructor(config: PolicyConfig) {
    this.slotSeconds = config.slotSeconds;
    this.safe = config.safeBytesPerSecond;
  }

  step(input: PolicyInput): PolicyDecision {
    const measurement = this.measurementOf(input);
    if (measurement !== undefined) {
      this.lastCross = measurement.cross;
      this.observe(measurement);
    }
    if (!(input.demandBytesPerSecond > 0)) {
      this.active = false;
      return this.grant(input, 0, 'idle');
    }
    if (Number.isNaN(this.lastSampleAt)) return this.grant(input, 0, 'safe');
    if (!this.active) this.begin(input);
    this.active = true;
    if (input.sampleAgeSeconds > staleAfterSeconds(this.slotSeconds, input.channelSeconds))
      return this.grant(input, this.safe, 'safe');
    return this.grant(input, measurement === undefined ? this.granted : this.law(measurement), 'normal');
  }

  /** The rate that the law asks for, bytes/s; it is clipped afterwards. Called once for every good sample. */
  protected abstract law(measurement: Measurement): number;

  /** A transfer begins: forget the last one. `granted` is 0. */
  protected begin(_input: PolicyInput): void {}

  /** A rate (bytes/s) that the bottleneck will see from `effectiveAt` on, safe ones included. */
  protected commanded(_effectiveAt: number, _rate: number): void {}

  /** Every good sample, also while nothing is to be sent. */
  protected observe(_measurement: Measurement): void {}

  private measurementOf(input: PolicyInput): Measurement | undefined {
    const { estimate } = input;
    if (estimate === null || estimate.at === this.lastSampleAt || !(input.intervalSeconds > 0))
      return undefined;
    this.lastSampleAt = estimate.at;
    if (estimate.held || estimate.restarted) return undefined;
    return {
      now: input.now,
      sampledAt: estimate.at,
      intervalSeconds: input.intervalSeconds,
      capacity: input.capacityBytesPerSecond,
      backlogBytes: estimate.backlogBytes,
      delaySeconds: estimate.backlogBytes / input.capacityBytesPerSecond,
      cross: Math.max(0, input.crossBytesPerSecond),
      own: Math.max(0, input.ownBytesPerSecond),
      loopDelaySeconds: this.loopDelaySeconds(input),
      input,
    };
  }

  private loopDelaySeconds(input: PolicyInput): number {
    return Math.max(0, input.loopDelaySlots) * this.slotSeconds;
  }

  private grant(input: PolicyInput, wanted: number, mode: PolicyMode): PolicyDecision {
    const most = Math.min(input.capacityBytesPerSecond, input.demandBytesPerSecond);
    this.granted = mode === 'idle' ? 0 : Math.max(0, Math.min(wanted, most));
    this.commanded(input.now + this.loopDelaySeconds(input), this.granted);
    return {
      rateBytesPerSecond: bytesPerSecond(this.granted),
      mode,
      certificate: null,
      forecastBytesPerSecond: bytesPerSecond(this.lastCross),
    };
  }
}
