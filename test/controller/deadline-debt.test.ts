import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineDebt, debtBound, plannedRate } from '../../controller/deadline-debt.js';
import { RateSplit } from '../../controller/rate-split.js';
import { bytes, bytesPerSecond, instant, seconds } from '../../controller/units.js';
import { randomSource } from './plant.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const least = 20_000;
const T = 0.1;

interface Job {
  readonly weight: number;
  readonly plannedBytesPerSecond: number;
  readonly capBytesPerSecond: number;
}
interface World {
  readonly jobs: readonly Job[];
  readonly delaySlots: number;
  readonly tradeOff: number;
  /** capacity of slot k, drawn independently */
  readonly capacity: (k: number) => number;
  /** every r_j can be nu_j + eps in the mean; in every slot if `always` */
  readonly slack: number;
  readonly always: boolean;
}

/** Two to six jobs that need 1 - slack of the mean capacity; the capacity is drawn anew in each slot. */
function world(seed: number, delaySlots: number, always: boolean): World {
  const random = randomSource(seed);
  const mean = 5e6;
  const count = 2 + Math.floor(5 * random());
  const parts = Array.from({ length: count }, () => 0.2 + random());
  const sum = parts.reduce((a, b) => a + b, 0);
  const floor = always ? mean : 0.55 * mean;
  const jobs = parts.map((part) => ({
    weight: 0.5 + 2 * random(),
    plannedBytesPerSecond: (0.9 * mean * part) / sum,
    capBytesPerSecond: 2 * mean,
  }));
  return {
    jobs,
    delaySlots,
    tradeOff: 10 ** (8 + 5 * random()),
    capacity: () => (random() < 0.5 ? floor : 2 * mean - floor),
    slack: (0.1 * mean) / count,
    always,
  };
}

/** The product's split and debts in closed loop; the split sees the debts of d slots ago. */
function run(
  { jobs, delaySlots, tradeOff, capacity }: World,
  slots: number,
  sign: 1 | -1 = 1,
): { readonly meanDebt: number; readonly lastSquares: number } {
  const split = new RateSplit(bytesPerSecond(least));
  const debts = jobs.map(
    (job) => new DeadlineDebt(bytesPerSecond(job.plannedBytesPerSecond), seconds(2), instant(0)),
  );
  const past: number[][] = [];
  let total = 0;
  for (let k = 0; k < slots; k++) {
    past.push(debts.map((d) => d.debtBytes));
    const known = past[Math.max(0, k - delaySlots)]!;
    const worst = Math.max(...known);
    const claims = jobs.map((job, j) => ({
      weight: job.weight,
      debtBytes: sign === 1 ? known[j]! : worst - known[j]!,
      capBytesPerSecond: job.capBytesPerSecond,
      floorBytesPerSecond: 0,
      path: [0],
    }));
    const { ratesBytesPerSecond } = split.step(claims, [capacity(k)], tradeOff);
    debts.forEach((debt, j) => {
      debt.advance(instant((k + 1) * T), bytes(ratesBytesPerSecond[j]! * T));
      total += debt.debtBytes;
    });
  }
  return { meanDebt: total / slots, lastSquares: debts.reduce((sum, d) => sum + d.debtBytes ** 2, 0) };
}

const boundOf = ({ jobs, delaySlots, tradeOff, slack }: World) =>
  debtBound({
    jobs,
    slotSeconds: T,
    delaySlots,
    debtErrorBytes: 0,
    tradeOff,
    leastBytesPerSecond: least,
    slackBytesPerSecond: slack,
  });

describe('theorem 4', () => {
  it.each([0, 4])('holds for random jobs and random capacity, debts known %d slots late', (delay) => {
    for (let seed = 1; seed <= Math.round(15 * scale); seed++) {
      const w = world(seed, delay, false);
      expect(run(w, 1000).meanDebt, `seed ${seed}`).toBeLessThanOrEqual(boundOf(w).meanDebtBytes);
    }
  });

  it.each([0, 4])(
    'bounds the squares on every path where the plan is feasible in every slot (%d late)',
    (delay) => {
      for (let seed = 1; seed <= Math.round(10 * scale); seed++) {
        const w = world(seed, delay, true);
        const slots = 600;
        expect(run(w, slots).lastSquares, `seed ${seed}`).toBeLessThanOrEqual(
          slots * boundOf(w).squaredDebtPerSlot,
        );
      }
    },
  );

  it('is violated by a split that prefers those who are early', () => {
    let violated = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const w = { ...world(seed, 0, false), tradeOff: 1e6 };
      if (run(w, 4000, -1).meanDebt > boundOf(w).meanDebtBytes) violated += 1;
      expect(run(w, 4000).meanDebt).toBeLessThanOrEqual(boundOf(w).meanDebtBytes);
    }
    expect(violated).toBe(6);
  });

  it('has debts that grow with V', () => {
    const mean = (tradeOff: number): number => {
      let sum = 0;
      for (let seed = 1; seed <= 10; seed++)
        sum += run({ ...world(seed, 0, false), tradeOff }, 1000).meanDebt;
      return sum / 10;
    };
    const small = mean(1e11);
    const large = mean(1e13);
    expect(large).toBeGreaterThan(3 * small);
  });
});

describe('a deadline debt', () => {
  const steps = fc.array(
    fc.record({
      interval: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 5, noNaN: true })),
      sent: fc.double({ min: 0, max: 2e7, noNaN: true }),
    }),
    { minLength: 1, maxLength: 60 },
  );

  it('certifies sent >= planned - debt for any rates, and bounds the lag over every window', () => {
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 1e7, noNaN: true }), (trace, planned) => {
        const debt = new DeadlineDebt(bytesPerSecond(planned), seconds(2), instant(0));
        let now = 0;
        let sent = 0;
        const lag = [0];
        for (const { interval, sent: more } of trace) {
          now += interval;
          sent += more;
          debt.advance(instant(now), bytes(more));
          lag.push(planned * now - sent);
          const { holds, debtBytes } = debt.certificate(bytesPerSecond(1));
          expect(holds).toBe(true);
          // the largest lag of any window that ends now
          const worst = lag.at(-1)! - Math.min(...lag);
          expect(debtBytes).toBeCloseTo(worst, -1);
        }
      }),
      { numRuns: Math.round(200 * scale) },
    );
  });

  it('plans a rate that meets the deadline with the guard left', () => {
    expect(plannedRate(bytes(1e8), seconds(22), seconds(2))).toBe(5e6);
    expect(plannedRate(bytes(0), seconds(1), seconds(2))).toBe(0);
    expect(plannedRate(bytes(1), seconds(2), seconds(2))).toBe(Number.POSITIVE_INFINITY);
  });

  it('meets the deadline whenever the debt at (deadline - guard) is within guard * rate', () => {
    const random = randomSource(5);
    let met = 0;
    for (let run = 0; run < 200; run++) {
      const [size, deadline, guard] = [1e8, 22, 2];
      const nu = plannedRate(bytes(size), seconds(deadline), seconds(guard));
      const debt = new DeadlineDebt(nu, seconds(guard), instant(0));
      let sent = 0;
      for (let k = 0; k < (deadline - guard) / T; k++) {
        const rate = nu * (0.5 + random());
        sent += rate * T;
        debt.advance(instant((k + 1) * T), bytes(rate * T));
      }
      const rate = nu * (0.2 + 0.4 * random());
      const { alarm } = debt.certificate(bytesPerSecond(rate));
      if (alarm) continue;
      met += 1;
      expect(sent + rate * guard).toBeGreaterThanOrEqual(size * (1 - 1e-9));
    }
    expect(met).toBeGreaterThan(20);
    expect(met).toBeLessThan(200);
  });

  it('predicts over the age of a reading, and takes a time that stands still or goes back', () => {
    const debt = new DeadlineDebt(bytesPerSecond(1e6), seconds(2), instant(10));
    debt.advance(instant(11), bytes(4e5));
    expect(debt.debtBytes).toBeCloseTo(6e5, 6);
    expect(debt.predict(instant(11.5), bytes(2e5))).toBeCloseTo(9e5, 6);
    expect(debt.predict(instant(11.5), bytes(5e6))).toBe(0);
    debt.advance(instant(10.5), bytes(1e5));
    expect(debt.at).toBe(11);
    expect(debt.debtBytes).toBeCloseTo(5e5, 6);
    expect(() => new DeadlineDebt(bytesPerSecond(Number.POSITIVE_INFINITY), seconds(2), instant(0))).toThrow(
      RangeError,
    );
  });
});
