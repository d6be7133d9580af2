import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RateClaim, RateSplit, type SplitResult } from '../../controller/rate-split.js';
import { bytesPerSecond } from '../../controller/units.js';
import { randomSource } from './plant.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const least = 1000;
const split = (claims: readonly RateClaim[], budgets: readonly number[], tradeOff: number): SplitResult =>
  new RateSplit(bytesPerSecond(least)).step(claims, budgets, tradeOff);

const claim = (more: Partial<RateClaim> = {}): RateClaim => ({
  weight: 1,
  debtBytes: 0,
  capBytesPerSecond: Number.POSITIVE_INFINITY,
  floorBytesPerSecond: 0,
  path: [0],
  ...more,
});
const claimOn = (bottlenecks: number): fc.Arbitrary<RateClaim> =>
  fc.record({
    weight: fc.double({ min: 0.1, max: 100, noNaN: true }),
    debtBytes: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e8, noNaN: true })),
    capBytesPerSecond: fc.oneof(
      fc.constant(Number.POSITIVE_INFINITY),
      fc.double({ min: 0, max: 2e7, noNaN: true }),
    ),
    floorBytesPerSecond: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3e6, noNaN: true })),
    path: fc
      .uniqueArray(fc.integer({ min: 0, max: bottlenecks - 1 }), { minLength: 1, maxLength: 4 })
      .map((path) => path.toSorted((a, b) => a - b)),
  });
const problems = fc.integer({ min: 1, max: 5 }).chain((bottlenecks) =>
  fc.record({
    claims: fc.array(claimOn(bottlenecks), { minLength: 1, maxLength: 12 }),
    budgets: fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 2e7, noNaN: true })), {
      minLength: bottlenecks,
      maxLength: bottlenecks,
    }),
    tradeOff: fc.double({ min: -3, max: 16, noNaN: true }).map((e) => 10 ** e),
  }),
);
const loads = (claims: readonly RateClaim[], rates: Float64Array, bottlenecks: number): number[] => {
  const sums = Array.from({ length: bottlenecks }, () => 0);
  claims.forEach(({ path }, j) => {
    for (const l of path) sums[l]! += rates[j]!;
  });
  return sums;
};

/** How far a split is from satisfying the conditions of Karush, Kuhn and Tucker, as a share of the marginal utility. */
function worstCondition(
  claims: readonly RateClaim[],
  budgets: readonly number[],
  tradeOff: number,
  { ratesBytesPerSecond: rates, pricesBytes: prices }: SplitResult,
): number {
  let worst = 0;
  claims.forEach((c, j) => {
    const rate = rates[j]!;
    const cap = Math.min(c.capBytesPerSecond, ...c.path.map((l) => budgets[l]!));
    if (cap < 1) return;
    const paid = c.path.reduce((sum, l) => sum + prices[l]!, 0);
    // a rate that is wrong by less than this is the optimum's
    const slack = 1e-6 * Math.min(...c.path.map((l) => budgets[l]!));
    const worthAt = (r: number): number => (r > 0 ? (tradeOff * c.weight) / r + c.debtBytes : Infinity);
    if (rate < cap - slack) worst = Math.max(worst, 1 - paid / worthAt(rate + slack));
    if (rate > Math.max(least, c.floorBytesPerSecond) + slack)
      worst = Math.max(worst, 1 - worthAt(rate - slack) / paid);
  });
  loads(claims, rates, budgets.length).forEach((load, l) => {
    if (prices[l]! > 0 && budgets[l]! >= 1) worst = Math.max(worst, 1 - load / budgets[l]!);
  });
  return worst;
}

describe('the split', () => {
  it('fits every bottleneck, is never NaN, keeps caps, and leaves nothing that somebody could use', () => {
    fc.assert(
      fc.property(problems, ({ claims, budgets, tradeOff }) => {
        const { ratesBytesPerSecond: rates, pricesBytes } = split(claims, budgets, tradeOff);
        const used = loads(claims, rates, budgets.length);
        for (const price of pricesBytes) expect(price).toBeGreaterThanOrEqual(0);
        used.forEach((load, l) => {
          expect(load).toBeLessThanOrEqual(budgets[l]! * (1 + 1e-12));
        });
        claims.forEach((c, j) => {
          expect(rates[j]).toBeGreaterThanOrEqual(0);
          expect(rates[j]).toBeLessThanOrEqual(c.capBytesPerSecond * (1 + 1e-12));
          const room = c.path.map((l) => budgets[l]! - used[l]!);
          expect(Math.min(c.capBytesPerSecond - rates[j]!, ...room)).toBeLessThanOrEqual(
            1 + 1e-6 * rates[j]!,
          );
        });
      }),
      { numRuns: Math.round(500 * scale) },
    );
  });

  it('is the optimum of one bottleneck (the conditions of Karush, Kuhn and Tucker hold)', () => {
    fc.assert(
      fc.property(
        fc.array(claimOn(1), { minLength: 1, maxLength: 30 }),
        fc.double({ min: 1e5, max: 3e7, noNaN: true }),
        fc.double({ min: 9, max: 15, noNaN: true }).map((e) => 10 ** e),
        (wild, budget, tradeOff) => {
          const claims = wild.map((c) => ({
            ...c,
            floorBytesPerSecond: Math.min(c.floorBytesPerSecond, budget / 40),
          }));
          const result = split(claims, [budget], tradeOff);
          expect(result.converged).toBe(true);
          expect(result.evaluations).toBeLessThan(2 * 60 * claims.length);
          expect(worstCondition(claims, [budget], tradeOff, result)).toBeLessThan(1e-6);
        },
      ),
      { numRuns: Math.round(400 * scale) },
    );
  });

  it('beats every point of a grid over three migrations', () => {
    const random = randomSource(11);
    for (let run = 0; run < 20; run++) {
      const budget = 1e6 * (1 + 9 * random());
      const tradeOff = 10 ** (10 + 4 * random());
      const claims = [0, 1, 2].map(() =>
        claim({
          weight: 0.5 + 3 * random(),
          debtBytes: 1e7 * random(),
          capBytesPerSecond: budget * (0.2 + random()),
        }),
      );
      const value = (rates: readonly number[]): number =>
        claims.reduce(
          (sum, c, j) => sum + tradeOff * c.weight * Math.log(rates[j]!) + c.debtBytes * rates[j]!,
          0,
        );
      const ours = value([...split(claims, [budget], tradeOff).ratesBytesPerSecond]);
      const steps = 60;
      let best = Number.NEGATIVE_INFINITY;
      for (let a = 1; a < steps; a++)
        for (let b = 1; a + b < steps; b++) {
          const rates = [a, b, steps - a - b].map((part) => (part / steps) * budget);
          if (rates.every((r, j) => r <= claims[j]!.capBytesPerSecond && r >= least))
            best = Math.max(best, value(rates));
        }
      expect(best).toBeLessThanOrEqual(ours + 1e-6 * Math.abs(ours));
    }
  });

  it('is the optimum of several bottlenecks on a path, once the prices have settled', () => {
    const random = randomSource(7);
    let sweeps = 0;
    for (let run = 0; run < Math.round(100 * scale); run++) {
      const budgets = Array.from({ length: 4 }, () => 1e6 * (1 + 9 * random()));
      const tradeOff = 10 ** (11 + 2 * random());
      const claims = Array.from({ length: 12 }, () =>
        claim({
          weight: 0.5 + 3 * random(),
          debtBytes: random() < 0.5 ? 0 : 1e6 * random(),
          path: [0, 1, 2, 3].filter(() => random() < 0.5),
        }),
      ).filter((c) => c.path.length > 0);
      const desk = new RateSplit(bytesPerSecond(least));
      let result = desk.step(claims, budgets, tradeOff);
      // the prices of a slot are where the next one starts
      for (let slot = 0; slot < 500 && !result.converged; slot++)
        result = desk.step(claims, budgets, tradeOff);
      expect(result.converged).toBe(true);
      expect(worstCondition(claims, budgets, tradeOff, result)).toBeLessThan(1e-4);
      sweeps = Math.max(sweeps, result.sweeps);
    }
    expect(sweeps).toBeLessThanOrEqual(12);
  });

  it('gives nobody less when there is more, and nobody less when he is later', () => {
    fc.assert(
      fc.property(
        fc
          .array(claimOn(1), { minLength: 2, maxLength: 10 })
          .map((cs) => cs.map((c) => ({ ...c, floorBytesPerSecond: 0 }))),
        fc.double({ min: 1e5, max: 1e7, noNaN: true }),
        fc.double({ min: 1.01, max: 2, noNaN: true }),
        (claims, budget, more) => {
          const tradeOff = 1e12;
          const before = split(claims, [budget], tradeOff);
          const richer = split(claims, [budget * more], tradeOff);
          claims.forEach((_, j) => {
            expect(richer.ratesBytesPerSecond[j]).toBeGreaterThanOrEqual(
              before.ratesBytesPerSecond[j]! * (1 - 1e-5) - 1,
            );
          });
          expect(richer.pricesBytes[0]).toBeLessThanOrEqual(before.pricesBytes[0]! * (1 + 1e-6));
          const later = claims.map((c, j) => (j === 0 ? { ...c, debtBytes: c.debtBytes * more + 1e5 } : c));
          expect(split(later, [budget], tradeOff).ratesBytesPerSecond[0]).toBeGreaterThanOrEqual(
            before.ratesBytesPerSecond[0]! * (1 - 1e-5) - 1,
          );
        },
      ),
      { numRuns: Math.round(300 * scale) },
    );
  });

  it('is weighted-fair when nobody is late, and goes to the latest first when V is near 0', () => {
    const fair = split([claim({ weight: 1 }), claim({ weight: 3 })], [8e6], 1e12).ratesBytesPerSecond;
    expect(fair[0]).toBeCloseTo(2e6, -1);
    expect(fair[1]).toBeCloseTo(6e6, -1);
    const late = split(
      [claim({ debtBytes: 1e6 }), claim({ debtBytes: 2e6, capBytesPerSecond: 3e6 }), claim()],
      [8e6],
      1e-3,
    ).ratesBytesPerSecond;
    expect(late[1]).toBeCloseTo(3e6, 0);
    expect(late[0]).toBeCloseTo(5e6 - least, 0);
    expect(late[2]).toBeCloseTo(least, 0);
  });

  it('keeps the floors that can be afforded, the first in the list last to lose its own', () => {
    const claims = [2e6, 3e6, 4e6].map((floorBytesPerSecond) => claim({ floorBytesPerSecond }));
    const enough = split(claims, [10e6], 1e12).ratesBytesPerSecond;
    claims.forEach((c, j) => {
      expect(enough[j]).toBeGreaterThanOrEqual(c.floorBytesPerSecond);
    });
    const scarce = split(claims, [6e6], 1e12).ratesBytesPerSecond;
    expect(scarce[0]).toBeGreaterThanOrEqual(2e6);
    expect(scarce[1]).toBeGreaterThanOrEqual(3e6);
    expect(scarce[2]).toBeLessThan(4e6);
    expect(scarce[2]).toBeGreaterThanOrEqual(least);
    const nothing = split(claims, [1500], 1e12).ratesBytesPerSecond;
    for (const rate of nothing) expect(rate).toBeCloseTo(500, 6);
  });

  it('refuses a V or an r_min with which it would divide by nothing', () => {
    expect(() => split([claim()], [1e6], 0)).toThrow(RangeError);
    expect(() => new RateSplit(bytesPerSecond(0))).toThrow(RangeError);
  });

  it('handles 10,000 migrations over 1,000 bottlenecks, and its work grows with their number', () => {
    const work = (migrations: number, bottlenecks: number): number => {
      const random = randomSource(3);
      const desk = new RateSplit(bytesPerSecond(least));
      const budgets = Array.from({ length: bottlenecks }, () => 1e7 * (0.5 + random()));
      let evaluations = 0;
      for (let slot = 0; slot < 5; slot++) {
        const claims = Array.from({ length: migrations }, (_, j) =>
          claim({
            weight: 1 + (j % 5),
            debtBytes: random() < 0.5 ? 0 : 1e6 * random(),
            floorBytesPerSecond: 1e5 * random(),
            path:
              j % 4 === 0
                ? [j % bottlenecks, (j * 7 + 1) % bottlenecks].filter((l, i, all) => all.indexOf(l) === i)
                : [j % bottlenecks],
          }),
        );
        const now = budgets.map((b) => b * (0.8 + 0.4 * random()));
        const result = desk.step(claims, now, 1e12);
        evaluations += result.evaluations;
        loads(claims, result.ratesBytesPerSecond, bottlenecks).forEach((load, l) => {
          expect(load).toBeLessThanOrEqual(now[l]! * (1 + 1e-12));
        });
      }
      return evaluations / (5 * migrations);
    };
    const small = work(100, 10);
    const large = work(10_000, 1000);
    // a few looks at each migration; halving alone would take 30 and more, a method that is worse than linear thousands
    expect(large).toBeLessThan(28);
    expect(large).toBeLessThan(3 * small);
  });
});
