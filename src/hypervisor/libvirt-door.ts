/**
 * How a machine is held at the door of its switch-over where it is looked at by processes: as qemu-door.ts, but seldom and at times that the
 * load of two hosts decides. So the copy is slowed down early enough that some looks fall before each of its turns.
 */
import type { DoorFacts } from './qemu-door.js';

export interface SlowDoorFacts extends DoorFacts {
  /** from one look to the next, as it was of late */
  readonly lookSeconds: number;
}

const looksBefore = 3;
/** What was written during the first pass shows at its end: then there must be time to look. */
const blindShare = 0.25;
/** Slower than pages become dirty: the rest grows, and full rate brings it down again. */
const belowDirtyRate = 0.5;

/** The rate at which to go on, bytes/s; Infinity: as fast as is granted. */
export function slowHoldRate(facts: SlowDoorFacts): number {
  const { payloadBytesPerSecond: rate, remainingBytes, dirtyBytesPerSecond } = facts;
  const nearSeconds = looksBefore * facts.lookSeconds;
  const isNear = remainingBytes <= rate * nearSeconds;
  if (facts.pass <= 1) return isNear ? blindShare * rate : Number.POSITIVE_INFINITY;
  if (remainingBytes <= (rate * facts.downtimeLimitMs) / 1000) return belowDirtyRate * dirtyBytesPerSecond;
  return isNear ? dirtyBytesPerSecond + remainingBytes / nearSeconds : Number.POSITIVE_INFINITY;
}

const periodMs = 500;
/** in the small passes, and when the machine is about to be stopped */
const closePeriodMs = 200;
const mostSeconds = 3;

/** When to look next, and how long that takes of late. */
export class LookPace {
  #lookedAtMs: number;
  /** from one look to the next */
  seconds = periodMs / 1000;

  constructor(nowMs: number) {
    this.#lookedAtMs = nowMs;
  }

  /** Nothing was looked at before. */
  restart(nowMs: number): void {
    this.#lookedAtMs = nowMs;
  }

  isDue(nowMs: number, isClose: boolean): boolean {
    return nowMs >= this.#lookedAtMs + (isClose ? closePeriodMs : periodMs);
  }

  looked(nowMs: number): void {
    const since = (nowMs - this.#lookedAtMs) / 1000;
    // one slow look is no rule, but the next may be as slow
    this.seconds = Math.min(mostSeconds, Math.max(since, 0.7 * this.seconds + 0.3 * since));
    this.#lookedAtMs = nowMs;
  }
}
