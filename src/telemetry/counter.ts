import type { CounterColumn } from '../openflow/index.js';

export type CounterStep =
  /** what was counted since the reading before */
  | { readonly kind: 'counted'; readonly amount: number }
  /** there is nothing to subtract from yet */
  | { readonly kind: 'first' }
  /** the counter started anew, or jumped by more than its line can carry: the amount is lost */
  | { readonly kind: 'reset' }
  /** all ones: this switch does not count it (OpenFlow 1.3.5, A.3.5.6) */
  | { readonly kind: 'unsupported' };

const TWO_32 = 0x1_0000_0000;

/**
 * One counter of one switch from reading to reading. It subtracts before it converts: the counter may be above
 * 2^53, what was counted in a slot is not. Some switches keep 32-bit counters in the 64-bit fields; a fall is
 * taken for their wrap if what it means could have passed the line, and for a reset otherwise.
 */
export class Counter {
  private high = 0;
  private low = 0;
  private known = false;

  /** `most`: what can have been counted since the last reading at the very most. */
  step(column: CounterColumn, row: number, most: number): CounterStep {
    if (!column.supported(row)) {
      this.known = false;
      return { kind: 'unsupported' };
    }
    const high = column.high[row]!;
    const low = column.low[row]!;
    // modulo 2^32 in the high half: a counter that went through 2^64 is as exact as any other
    const amount = ((high - this.high) >>> 0) * TWO_32 + (low - this.low);
    const narrow = high === 0 && this.high === 0;
    const first = !this.known;
    this.high = high;
    this.low = low;
    this.known = true;
    if (first) return { kind: 'first' };
    if (amount >= 0 && amount <= most) return { kind: 'counted', amount };
    if (narrow && amount < 0 && amount + TWO_32 <= most) return { kind: 'counted', amount: amount + TWO_32 };
    return { kind: 'reset' };
  }

  forget(): void {
    this.known = false;
  }
}
