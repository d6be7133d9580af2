/**
 * When to ask a switch for its counters: at fixed times start + k T, whatever the replies do, so that slots do
 * not drift; one request at a time, because replies that pile up are answered late and measure nothing. A slot
 * whose time comes while a request is out is skipped and counted.
 */
export class PollSchedule {
  private readonly slotSeconds: number;
  private start = Number.NaN;
  /** the next slot to be asked for */
  private next = 0;
  private outstanding = false;
  private skipped = 0;

  constructor(slotSeconds: number) {
    if (!(slotSeconds > 0)) throw new RangeError(`slot of ${slotSeconds} s: must be positive`);
    this.slotSeconds = slotSeconds;
  }

  /** slots in which nothing was asked, because an answer was still out or nobody called in time */
  get overruns(): number {
    return this.skipped;
  }

  due(now: number): boolean {
    return !this.outstanding && (Number.isNaN(this.start) || now >= this.timeOf(this.next));
  }

  /** A request was sent: the slot of `now` is taken. */
  sent(now: number): void {
    if (Number.isNaN(this.start)) this.start = now;
    // a slot is taken from its time on; a nanosecond of rounding must not make it the one before
    const slot = Math.max(this.next, Math.floor((now - this.start) / this.slotSeconds + 1e-9));
    this.skipped += slot - this.next;
    this.next = slot + 1;
    this.outstanding = true;
  }

  /** The answer came, or is not waited for any more. */
  answered(): void {
    this.outstanding = false;
  }

  /** Infinity while an answer is out, -Infinity before the first request */
  nextDue(): number {
    if (this.outstanding) return Number.POSITIVE_INFINITY;
    return Number.isNaN(this.start) ? Number.NEGATIVE_INFINITY : this.timeOf(this.next);
  }

  private timeOf(slot: number): number {
    return this.start + slot * this.slotSeconds;
  }
}
