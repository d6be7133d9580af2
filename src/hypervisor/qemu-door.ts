/**
 * QEMU stops a machine as soon as what is left fits into its downtime limit; the controller must first stage rules and let a queue run
 * empty. So QEMU's own limit is held at next to nothing, and near the end its rate is held below the dirty rate, until the controller says
 * `continue`. A machine that writes nothing at all can still not be held.
 */

/** Closer than this many seconds of full rate the copy is slowed down: three times the period in which it is looked at. */
const nearSeconds = 0.3;
const leastHoldBytesPerSecond = 65_536;
/** Slower than pages become dirty: the rest grows, and full rate brings it down again. */
const belowDirtyRate = 0.5;
/** What was written during the first pass shows at its end: then there must be time to look, and no QEMU that has sent it already. */
const blindShare = 0.25;
const largestShare = 0.5;

export interface DoorFacts {
  readonly pass: number;
  readonly dirtyBytesPerSecond: number;
  /** what QEMU still has to send in this pass, and what was written since it began */
  readonly remainingBytes: number;
  readonly payloadBytesPerSecond: number;
  readonly downtimeLimitMs: number;
}

/** May the controller be told that what is left fits? In the first pass nothing is known of what was written since. */
export function fits({ pass, remainingBytes, payloadBytesPerSecond, downtimeLimitMs }: DoorFacts): boolean {
  return pass > 1 && remainingBytes <= (payloadBytesPerSecond * downtimeLimitMs) / 1000;
}

/** The rate at which to wait, bytes/s; Infinity: as fast as is granted. */
export function holdRate(facts: DoorFacts): number {
  const { payloadBytesPerSecond: rate, downtimeLimitMs } = facts;
  if (facts.pass <= 1)
    return facts.remainingBytes > rate * nearSeconds ? Number.POSITIVE_INFINITY : blindShare * rate;
  const budget = Math.min(nearSeconds, (largestShare * downtimeLimitMs) / 1000);
  if (facts.remainingBytes > rate * budget) return Number.POSITIVE_INFINITY;
  return Math.max(leastHoldBytesPerSecond, belowDirtyRate * facts.dirtyBytesPerSecond);
}
