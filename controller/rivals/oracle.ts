import type { PolicyConfig } from '../policy.js';
import { type BytesPerSecond, type Instant, instant } from '../units.js';
import { CommandsInFlight, queueAfter } from './commands-in-flight.js';
import { type Grid, type Measurement, RivalPolicy } from './rival-policy.js';

/** What everybody else will send on average from one instant to another, on the policy's own clock. */
export type FutureCross = (from: Instant, to: Instant) => BytesPerSecond;

export interface OracleConfig {
  /** by how much it may lengthen the queueing delay that would be there without it */
  readonly addedSeconds: number;
}
export const defaultOracle: OracleConfig = { addedSeconds: 0.002 };
export const grid: Grid<OracleConfig> = { addedSeconds: [0.0005, 0.001, 0.002, 0.003, 0.005] };

const bisections = 16;

/**
 * Knows the cross traffic of the slot that its command will govern. It sends the most with which the queue at the end
 * of that slot is longer by no more than `addedSeconds` than it would be there if nobody had ever migrated. It is no
 * rival but a bound: what a controller with this actuator and this delay could reach with a perfect forecast.
 */
export class OraclePolicy extends RivalPolicy {
  readonly name = 'oracle';
  private readonly addedSeconds: number;
  private readonly cross: (from: number, to: number) => number;
  private readonly flight = new CommandsInFlight();
  /** the queue without us, and until when it has been worked out */
  private freeBytes = 0;
  private freeUntil = Number.NaN;

  constructor(config: PolicyConfig, tuning: OracleConfig, future: FutureCross) {
    super(config);
    this.addedSeconds = tuning.addedSeconds;
    this.cross = (from, to) => Math.max(0, future(instant(from), instant(to)));
  }

  protected override begin(): void {
    this.freeUntil = Number.NaN;
  }

  protected override commanded(effectiveAt: number, rate: number): void {
    this.flight.push(effectiveAt, rate);
  }

  protected law(m: Measurement): number {
    const from = m.now + m.loopDelaySeconds;
    const until = from + this.slotSeconds;
    const limit = this.freeAt(until, m) + this.addedSeconds * m.capacity;
    const backlog = this.flight.backlogAt(m.sampledAt, from, m.backlogBytes, m.capacity, this.cross);
    const queueWith = (rate: number): number =>
      queueAfter(from, until, backlog, m.capacity, (begin, end) => rate + this.cross(begin, end));
    let low = 0;
    let high: number = m.capacity;
    for (let i = 0; i < bisections; i++) {
      const rate = (low + high) / 2;
      if (queueWith(rate) <= limit) low = rate;
      else high = rate;
    }
    return low;
  }

  private freeAt(until: number, m: Measurement): number {
    if (Number.isNaN(this.freeUntil)) {
      this.freeUntil = m.sampledAt;
      this.freeBytes = m.backlogBytes;
    }
    this.freeBytes = queueAfter(this.freeUntil, until, this.freeBytes, m.capacity, this.cross);
    this.freeUntil = Math.max(this.freeUntil, until);
    return this.freeBytes;
  }
}
