/**
 * QEMU stops a machine as soon as what is left fits into its downtime limit; the controller must first stage rules and let a queue run
 * empty. So QEMU's own limit is held at next to nothing, and near the end its rate is held below the dirty rate, until the controller says
 * `continue`. A machine that writes nothing at all can still not be held.
 *
 * What QEMU says that is left was counted when the pass began. While a pass is held up, what the machine writes gathers unseen and would all
 * have to be sent while it stands still: so a pass may be held up only as long as this is little, then it is let run to its end and the next one begins.
 */
import type { QemuInfo } from './qemu-info.js';

/** Closer than this many seconds of full rate the copy is slowed down: three times the period in which it is looked at. */
const nearSeconds = 0.3;
const leastHoldBytesPerSecond = 65_536;
/** Slower than pages become dirty: the rest grows, and full rate brings it down again. */
const belowDirtyRate = 0.5;
/** of what may be left when the machine stops: what is known at most, and what is not seen yet at most, when a pass is held up */
const largestShare = 0.25;

export interface DoorFacts {
  readonly info: Pick<QemuInfo, 'pass' | 'remainingBytes' | 'dirtyBytesPerSecond'>;
  readonly payloadBytesPerSecond: number;
  readonly downtimeLimitMs: number;
  /** how long ago the pass began */
  readonly passSeconds: number;
}

const unseenBytes = ({ info, passSeconds }: DoorFacts): number => info.dirtyBytesPerSecond * passSeconds;

/** May the controller be told that what is left fits? In the first pass nothing is known of what was written since. */
export function fits(facts: DoorFacts): boolean {
  const { info, payloadBytesPerSecond, downtimeLimitMs } = facts;
  const left = info.remainingBytes + unseenBytes(facts);
  return info.pass > 1 && left <= (payloadBytesPerSecond * downtimeLimitMs) / 1000;
}

/** The rate at which to wait, bytes/s; Infinity: as fast as is granted. */
export function holdRate(facts: DoorFacts): number {
  const { info, payloadBytesPerSecond: rate, downtimeLimitMs } = facts;
  const share = rate * Math.min(nearSeconds, (largestShare * downtimeLimitMs) / 1000);
  if (info.pass <= 1 || info.remainingBytes > share || unseenBytes(facts) > share)
    return Number.POSITIVE_INFINITY;
  return Math.max(leastHoldBytesPerSecond, belowDirtyRate * info.dirtyBytesPerSecond);
}
