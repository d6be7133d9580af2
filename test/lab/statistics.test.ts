import { describe, expect, it } from 'vitest';
import { groupsOf, timeRatios } from '../../bench/lab/groups.js';
import { bootstrapInterval, jainIndex, mean, median, paired, quantile } from '../../bench/lab/statistics.js';
import { RandomStream } from '../../src/traffic/index.js';
import { measures, record } from './fixtures.js';

describe('statistics', () => {
  it('takes quantiles as R does by default', () => {
    // quantile(c(3, 1, 2, 10), c(0, .25, .5, .75, 1)): 1.00 1.75 2.50 4.75 10.00
    const values = [3, 1, 2, 10];
    expect([0, 0.25, 0.5, 0.75, 1].map((q) => quantile(values, q))).toEqual([1, 1.75, 2.5, 4.75, 10]);
    expect(median([7])).toBe(7);
    expect(quantile([], 0.5)).toBeNaN();
    expect(() => quantile(values, 1.5)).toThrow(RangeError);
  });

  it('has a bootstrap interval of the mean near the one of the normal law', () => {
    const random = RandomStream.of(5, 'sample');
    const values = Array.from({ length: 200 }, () => {
      let sum = -6;
      for (let i = 0; i < 12; i++) sum += random.nextFraction();
      return 100 + 5 * sum;
    });
    const { low, high } = bootstrapInterval(values, mean);
    const deviation = Math.sqrt(mean(values.map((v) => (v - mean(values)) ** 2)));
    const half = (1.96 * deviation) / Math.sqrt(values.length);
    expect(low).toBeGreaterThan(mean(values) - 1.15 * half);
    expect(low).toBeLessThan(mean(values) - 0.85 * half);
    expect(high).toBeGreaterThan(mean(values) + 0.85 * half);
    expect(high).toBeLessThan(mean(values) + 1.15 * half);
  });

  it('draws the same interval again, none of one value, a wider one at a higher level', () => {
    const values = [1, 5, 2, 8, 3, 9];
    expect(bootstrapInterval(values)).toEqual(bootstrapInterval(values));
    expect(bootstrapInterval([4, 4, 4])).toEqual({ low: 4, high: 4 });
    const narrow = bootstrapInterval(values, mean, { level: 0.5 });
    const wide = bootstrapInterval(values, mean, { level: 0.99 });
    expect(wide.high - wide.low).toBeGreaterThan(narrow.high - narrow.low);
  });

  it('pairs by seed and leaves out what has no partner', () => {
    const a = new Map([
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
    const b = new Map([
      [2, 5],
      [1, 2],
    ]);
    expect(paired(a, b, (x, y) => x / y)).toEqual([5, 4]);
  });

  it('compares times with CUBIC of the same seed only, and completed runs only', () => {
    const groups = groupsOf([
      record('cubic', 1, { measures: measures({ seconds: 40 }) }),
      record('cubic', 2, { measures: measures({ seconds: 50 }) }),
      record('cubic', 3, { measures: measures({ seconds: 10, completed: false }) }),
      record('steady', 1, { measures: measures({ seconds: 44 }) }),
      record('steady', 2, { measures: measures({ seconds: 50 }) }),
      record('steady', 3),
      record('steady', 2, { variant: 'T=100', measures: measures({ seconds: 1 }) }),
    ]);
    const steady = groups.find((g) => g.row === 'steady' && g.variant === '')!;
    expect(timeRatios(steady, groups)).toEqual([1.1, 1]);
    expect(timeRatios(groups.find((g) => g.variant === 'T=100')!, groups)).toEqual([]);
  });

  it('knows equal and unequal shares', () => {
    expect(jainIndex([3, 3, 3])).toBe(1);
    expect(jainIndex([1, 0, 0, 0])).toBe(0.25);
    expect(jainIndex([2, 1])).toBeCloseTo(0.9, 12);
  });
});
