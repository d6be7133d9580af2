import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percentile, readSequence, summarizeDelays } from '../../src/traffic/summary.js';

describe('percentile', () => {
  it('is the nearest rank', () => {
    const values = [15, 20, 35, 40, 50];
    expect([0, 5, 30, 40, 50, 100].map((p) => percentile(values, p))).toEqual([15, 15, 20, 20, 35, 50]);
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    expect(percentile(hundred, 99)).toBe(99);
    expect(percentile(hundred, 99.1)).toBe(100);
    expect(percentile([], 50)).toBeUndefined();
    expect(() => percentile(values, 101)).toThrow(RangeError);
  });

  it('has at least that share of the values at or below it, and no smaller value has', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 100 }),
        (values, percent) => {
          const sorted = values.toSorted((a, b) => a - b);
          const found = percentile(sorted, percent)!;
          const atMost = sorted.filter((v) => v <= found).length;
          const below = sorted.filter((v) => v < found).length;
          expect(atMost * 100).toBeGreaterThanOrEqual(percent * sorted.length);
          expect(below * 100).toBeLessThan(percent * sorted.length);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('summarizeDelays', () => {
  it('sorts as numbers and counts what never arrived', () => {
    expect(summarizeDelays([100, 9, 20], 4)).toEqual({
      p50Ms: 20,
      p99Ms: 100,
      maxMs: 100,
      lossPercent: 25,
      received: 3,
      sent: 4,
    });
  });
  it('has no percentiles of nothing', () => {
    const nothing = { p50Ms: null, p99Ms: null, maxMs: null, received: 0 };
    expect(summarizeDelays([], 5)).toEqual({ ...nothing, lossPercent: 100, sent: 5 });
    expect(summarizeDelays([], 0)).toEqual({ ...nothing, lossPercent: 0, sent: 0 });
  });
});

describe('readSequence', () => {
  it('tells loss, duplication and reordering apart', () => {
    expect(readSequence([10, 11, 13, 12, 12, 15, 99, 3], 10, 16)).toEqual({
      received: 5,
      lost: 1,
      duplicates: 1,
      reordered: 1,
    });
  });
  it('finds every loss of a shuffled, duplicated stream', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 5, max: 60 })), fc.nat(3), (numbers, again) => {
        const arrivals = [...numbers, ...numbers.slice(0, again)];
        const read = readSequence(arrivals, 5, 61);
        expect(read.received).toBe(numbers.length);
        expect(read.lost).toBe(56 - numbers.length);
        expect(read.duplicates).toBe(Math.min(again, numbers.length));
      }),
    );
  });
});
