/** Why the safe rate is in force. */
export type SafeReason = 'stale' | 'certificate' | 'real-queue';

/** good slots in a row after which a cause is forgotten: counters that came back say so at once, a model that failed does not */
const goodSlotsAfter: Readonly<Record<SafeReason, number>> = {
  stale: 3,
  certificate: 25,
  'real-queue': 25,
};
/** a contradiction is first answered by a drain probe; one that outlives it is a reason */
const contradictionSeconds = 1;
/** a cause that comes back within this time waits twice as long as the last time, this often at most */
const relapseSeconds = 10;
const mostDoublings = 6;

/**
 * When the safe rate is in force: entered at once, left only after several good slots in a row. A good slot is a
 * sample that was fresh and credible and in which no cause was present. A law that fails again soon after it was let
 * back in waits twice as long each time.
 */
export class SafeMode {
  private cause: SafeReason | null = null;
  private good = 0;
  private doublings = 0;
  private leftAt = Number.NEGATIVE_INFINITY;
  private now = 0;
  private contradictedSince = Number.NaN;

  get reason(): SafeReason | null {
    return this.cause;
  }

  /** A cause of a lower kind does not shorten the wait for a higher one. */
  enter(reason: SafeReason): void {
    if (this.cause === null && reason !== 'stale') {
      const relapse = this.now - this.leftAt < relapseSeconds;
      this.doublings = relapse ? Math.min(mostDoublings, this.doublings + 1) : 0;
    }
    if (this.cause === null || goodSlotsAfter[reason] >= goodSlotsAfter[this.cause]) this.cause = reason;
    this.good = 0;
  }

  /** A fresh, credible sample. */
  sample(at: number, contradiction: boolean, staysOutside: boolean): void {
    this.now = at;
    if (!contradiction) this.contradictedSince = Number.NaN;
    else if (Number.isNaN(this.contradictedSince)) this.contradictedSince = at;
    if (staysOutside || at - this.contradictedSince > contradictionSeconds) this.enter('real-queue');
    else if (this.cause !== null && !contradiction) this.good += 1;
    if (this.cause !== null && this.good >= this.goodSlotsFor(this.cause)) {
      if (this.cause !== 'stale') this.leftAt = at;
      this.cause = null;
    }
  }

  private goodSlotsFor(cause: SafeReason): number {
    return goodSlotsAfter[cause] * (cause === 'stale' ? 1 : 2 ** this.doublings);
  }
}
