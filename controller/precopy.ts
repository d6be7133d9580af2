import { type Bytes, type BytesPerSecond, bytes, type Seconds, seconds } from './units.js';

/** A machine whose memory is copied while it runs (theory: pre-copy with a bounded writable working set). */
export interface PrecopyInput {
  /** bytes still to be sent in this round and known to be dirty, M */
  readonly remainingBytes: Bytes;
  /** d: how fast clean memory becomes dirty */
  readonly dirtyBytesPerSecond: BytesPerSecond;
  /** W: the most that can be dirty at once; Infinity when it is not known */
  readonly workingSetBytes: Bytes;
  /** r: the rate the transfer gets */
  readonly rateBytesPerSecond: BytesPerSecond;
  /** D_max: how long the machine may stand still */
  readonly downtimeLimitSeconds: Seconds;
  /** D_0: pause, rule flip, resume and announcement, without any byte to send */
  readonly fixedDowntimeSeconds: Seconds;
}
export interface PrecopyPrediction {
  /** false: at this rate the rest never becomes small enough to stop the machine within its limit */
  readonly converges: boolean;
  /** rounds until the machine may stop, the current one included; Infinity if it does not converge */
  readonly rounds: number;
  /** until the copy is complete, last round included; Infinity if it does not converge */
  readonly secondsLeft: Seconds;
  /** bytes that will cross the network, last round included; Infinity if it does not converge */
  readonly bytesLeft: Bytes;
  /** D_0 + last round / r; of the smallest rest that is reachable if it does not converge */
  readonly downtimeSeconds: Seconds;
  /** lambda = d/r */
  readonly dirtyRatio: number;
}

const maximumRounds = 10_000;

/**
 * Runs the rounds: each sends what the one before left dirty. Converges if r > d, or if the whole working set
 * fits into the downtime. A rate of 0 with something left never converges; that is an answer and not an error.
 */
export function predictPrecopy(input: PrecopyInput): PrecopyPrediction {
  const r = input.rateBytesPerSecond;
  const d = Math.max(0, input.dirtyBytesPerSecond);
  const threshold = Math.max(0, r * (input.downtimeLimitSeconds - input.fixedDowntimeSeconds));
  let rest = Math.max(0, input.remainingBytes);
  let sent = 0;
  let time = 0;
  let rounds = 0;
  if (!(r > 0)) return rest === 0 ? done(input, 0, 0, 0, 0) : never(input, rest);
  while (rest > threshold) {
    if (rounds >= maximumRounds) return never(input, rest);
    const duration = rest / r;
    const dirtied = Math.min(d * duration, input.workingSetBytes);
    sent += rest;
    time += duration;
    rounds += 1;
    // a round that leaves as much as it sent will be followed by equal ones for ever
    if (dirtied >= rest && dirtied > threshold) return never(input, dirtied);
    rest = dirtied;
  }
  return done(input, rounds + 1, time + rest / r, sent + rest, rest);
}

function done(
  input: PrecopyInput,
  rounds: number,
  time: number,
  sent: number,
  lastRound: number,
): PrecopyPrediction {
  const r = input.rateBytesPerSecond;
  return {
    converges: true,
    rounds,
    secondsLeft: seconds(time),
    bytesLeft: bytes(sent),
    downtimeSeconds: seconds(input.fixedDowntimeSeconds + (lastRound > 0 ? lastRound / r : 0)),
    dirtyRatio: dirtyRatio(input),
  };
}

function never(input: PrecopyInput, rest: number): PrecopyPrediction {
  const r = input.rateBytesPerSecond;
  return {
    converges: false,
    rounds: Number.POSITIVE_INFINITY,
    secondsLeft: seconds(Number.POSITIVE_INFINITY),
    bytesLeft: bytes(Number.POSITIVE_INFINITY),
    downtimeSeconds: seconds(
      r > 0
        ? input.fixedDowntimeSeconds + Math.min(rest, input.workingSetBytes) / r
        : Number.POSITIVE_INFINITY,
    ),
    dirtyRatio: dirtyRatio(input),
  };
}

function dirtyRatio(input: PrecopyInput): number {
  if (!(input.dirtyBytesPerSecond > 0)) return 0;
  return input.rateBytesPerSecond > 0
    ? input.dirtyBytesPerSecond / input.rateBytesPerSecond
    : Number.POSITIVE_INFINITY;
}
