/** Questions under way at once, however far the switch is. */
const mostQuestions = 8;

/**
 * When to ask a switch for its counters: at fixed times start + k T, whatever the replies do, so that slots do
 * not drift. As many requests are out as the channel holds at its best, one to a near switch: replies that pile up are
 * answered late and measure nothing. A slot whose time comes while none more may go out is skipped and counted.
 */
export class PollSchedule {
  private readonly slotSeconds: number;
  private most = 1;
  private start = Number.NaN;
  /** the next slot to be asked for */
  private next = 0;
  private outstanding = 0;
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
    return this.outstanding < this.most && (Number.isNaN(this.start) || now >= this.timeOf(this.next));
  }

  /** A request was sent: the slot of `now` is taken. */
  sent(now: number): void {
    if (Number.isNaN(this.start)) this.start = now;
    // a slot is taken from its time on; a nanosecond of rounding must not make it the one before
    const slot = Math.max(this.next, Math.floor((now - this.start) / this.slotSeconds + 1e-9));
    this.skipped += slot - this.next;
    this.next = slot + 1;
    this.outstanding += 1;
  }

  /** The answer came, or is not waited for any more. */
  answered(): void {
    this.outstanding = Math.max(0, this.outstanding - 1);
  }

  /** @param seconds the smallest round trip of late */
  roundTripIs(seconds: number): void {
    this.most = Math.min(mostQuestions, 1 + Math.floor(seconds / this.slotSeconds));
  }

  /** All questions are lost, with the switch. */
  forget(): void {
    this.outstanding = 0;
    this.most = 1;
  }

  /** Infinity while as many answers are out as may be, -Infinity before the first request */
  nextDue(): number {
    if (this.outstanding >= this.most) return Number.POSITIVE_INFINITY;
    return Number.isNaN(this.start) ? Number.NEGATIVE_INFINITY : this.timeOf(this.next);
  }

  private timeOf(slot: number): number {
    return this.start + slot * this.slotSeconds;
  }
}
