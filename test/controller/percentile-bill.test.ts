import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PercentileBill } from '../../controller/percentile-bill.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

/** The carrier's way: sort, throw away the highest 5 %, bill the next. */
function billed(rates: readonly number[], periods: number, percentile: number): number {
  const discarded = Math.floor((1 - percentile) * periods + 1e-9);
  return rates.toSorted((a, b) => b - a)[discarded] ?? 0;
}

describe('a percentile bill', () => {
  it('has prices that sum up to the bill', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e9, noNaN: true })), { maxLength: 200 }),
        fc.constantFrom(0.5, 0.9, 0.95, 1),
        (rates, percentile) => {
          const bill = new PercentileBill(200, 2, percentile);
          let sum = 0;
          rates.forEach((rate, i) => {
            const asked = bill.priceOf(rate);
            const price = bill.record(rate);
            expect(price).toBe(asked);
            expect(price).toBeGreaterThanOrEqual(0);
            sum += price;
            const truth = 2 * billed(rates.slice(0, i + 1), 200, percentile);
            expect(bill.cost).toBe(truth);
            expect(sum).toBeCloseTo(truth, 3);
          });
          expect(bill.periods).toBe(rates.length);
        },
      ),
      { numRuns: Math.round(100 * scale) },
    );
  });

  it('gives the highest 5 % of a month away', () => {
    const bill = new PercentileBill(8640, 1);
    for (let i = 0; i < 8640; i++) bill.record(10);
    expect(bill.cost).toBe(10);
    const month = new PercentileBill(8640, 1);
    expect(month.freePeriods).toBe(432);
    for (let i = 0; i < 432; i++) expect(month.record(1e9)).toBe(0);
    expect(month.freePeriods).toBe(0);
    expect(month.record(500)).toBe(500);
    expect(month.record(500)).toBe(0);
    // the second of two periods above the percentile lifts it to the lower of both
    expect(month.record(800)).toBe(300);
  });
});
