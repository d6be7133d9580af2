import { type Bytes, bytes, type EndReading, instant, seconds } from '../../controller/index.js';
import { PortStatsColumns, readPortStats } from '../openflow/index.js';
import { Counter } from './counter.js';
import { RoundTripFloor } from './round-trip-floor.js';

export interface PortSamplerOptions {
  /** no line carries more: a larger difference is a reset of the counter */
  readonly mostBytesPerSecond?: number;
  /** a reading whose time is known to no better than this is late */
  readonly lateSeconds?: number;
  /** after a longer silence the amounts are a gap */
  readonly gapSeconds?: number;
}

/**
 * Received bytes of one port as readings of the far end of a path. The switch may be far away: its counter was read
 * in the middle of the round trip, and whatever of the channel is slower in one direction shows as a constant that
 * belongs to the base delay.
 */
export class PortSampler {
  private readonly port: number;
  private readonly options: Required<PortSamplerOptions>;
  private readonly columns = new PortStatsColumns();
  private readonly counter = new Counter();
  private readonly packets = new Counter();
  private readonly floor = new RoundTripFloor();
  private lastAt = Number.NaN;
  private least = 0;

  constructor(port: number, options: PortSamplerOptions = {}) {
    this.port = port;
    this.options = {
      mostBytesPerSecond: options.mostBytesPerSecond ?? 1.25e9,
      lateSeconds: options.lateSeconds ?? 0.005,
      gapSeconds: options.gapSeconds ?? 2,
    };
  }

  /** smallest round trip of the last seconds: what the channel costs */
  get roundTripSeconds(): number {
    return this.least;
  }

  /** Undefined: not readable, or older than one that came before. The first of all is a gap. */
  onPortStats(
    reply: { readonly bytes: Uint8Array; readonly offset: number; readonly length: number },
    requestedAt: number,
    receivedAt: number,
  ): EndReading | undefined {
    this.columns.clear();
    if (readPortStats(reply.bytes, reply.offset, reply.length, this.columns) !== undefined) return undefined;
    const row = this.columns.rowOf(this.port);
    const roundTrip = Math.max(0, receivedAt - requestedAt);
    this.least = this.floor.update(receivedAt, roundTrip);
    const at = requestedAt + roundTrip / 2;
    const interval = at - this.lastAt;
    if (row < 0 || interval <= 0) return undefined;
    const first = Number.isNaN(this.lastAt);
    const most = this.options.mostBytesPerSecond * (first ? Infinity : interval + roundTrip + 0.1);
    const step = this.counter.step(this.columns.rxBytes, row, most);
    const packets = this.packets.step(this.columns.rxPackets, row, most);
    this.lastAt = at;
    const gap = step.kind !== 'counted' || interval > this.options.gapSeconds;
    const uncertainty = (roundTrip - this.least) / 2;
    const amount: Bytes = bytes(step.kind === 'counted' && !gap ? step.amount : 0);
    return {
      at: instant(at),
      intervalSeconds: seconds(first ? 0 : interval),
      passedBytes: amount,
      passedPackets: packets.kind === 'counted' ? packets.amount : undefined,
      timeUncertaintySeconds: seconds(uncertainty),
      late: uncertainty > this.options.lateSeconds,
      gap,
    };
  }

  /** The switch is gone: its counter may start anew. */
  forget(): void {
    this.counter.forget();
    this.packets.forget();
    this.lastAt = Number.NaN;
  }
}
