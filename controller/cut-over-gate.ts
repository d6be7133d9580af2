import { type Bytes, type BytesPerSecond, bytesPerSecond, type Seconds, seconds } from './units.js';

export interface CutOverInput {
  /** M_j: dirty now, what the last round has to send */
  readonly remainingBytes: Bytes;
  /** r_guaranteed: kept for the last round, whatever the others' debts say */
  readonly guaranteedBytesPerSecond: BytesPerSecond;
  /** D_max */
  readonly downtimeLimitSeconds: Seconds;
  /** D_0 */
  readonly fixedDowntimeSeconds: Seconds;
  /** Q with its uncertainty, of the bottlenecks on the path, as time: the last round stands behind it */
  readonly queueSeconds: Seconds;
}
export interface CutOverVerdict {
  readonly open: boolean;
  /** D_0 + Q/c + M/r */
  readonly downtimeSeconds: Seconds;
  readonly reason: 'open' | 'limit-below-fixed' | 'queue' | 'rest-too-large';
}

/** Share of the downtime that may be spent behind others' packets. */
const queueShare = 0.25;

/**
 * The machine is stopped only when what is left fits: M_j <= r_guaranteed (D_max - D_0 - Q/c), and Q is small. A gate that is closed costs
 * another round; one that opens too early costs a downtime that was not agreed to.
 */
export function cutOverGate(input: CutOverInput): CutOverVerdict {
  const budget = input.downtimeLimitSeconds - input.fixedDowntimeSeconds;
  const queue = Math.max(0, input.queueSeconds);
  const remaining = Math.max(0, input.remainingBytes);
  const last = remaining > 0 ? remaining / Math.max(0, input.guaranteedBytesPerSecond) : 0;
  const verdict = (reason: CutOverVerdict['reason']): CutOverVerdict => ({
    open: reason === 'open',
    downtimeSeconds: seconds(input.fixedDowntimeSeconds + queue + last),
    reason,
  });
  if (!(budget > 0)) return verdict('limit-below-fixed');
  if (queue > queueShare * budget) return verdict('queue');
  return verdict(last <= budget - queue ? 'open' : 'rest-too-large');
}

/** The rate to be kept for the last round so that the gate opens: M_j / (D_max - D_0), with a quarter of that time left for the queue. */
export function lastRoundRate(
  remaining: Bytes,
  downtimeLimit: Seconds,
  fixedDowntime: Seconds,
): BytesPerSecond {
  const budget = (downtimeLimit - fixedDowntime) * (1 - queueShare);
  return bytesPerSecond(remaining <= 0 || !(budget > 0) ? 0 : remaining / budget);
}
