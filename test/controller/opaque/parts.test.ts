import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BaseDelay, ByteCurve, CapacityEstimator } from '../../../controller/index.js';
import { randomSource } from '../plant.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

describe('a byte curve', () => {
  it('is asked in both directions, with the same answer, and knows what it does not know', () => {
    const steps = fc.array(
      fc.record({
        dt: fc.double({ min: 0.001, max: 0.1, noNaN: true }),
        amount: fc.integer({ min: 1, max: 100_000 }),
      }),
      { minLength: 2, maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (readings, share) => {
        const curve = new ByteCurve(1000);
        let at = 0;
        for (const { dt, amount } of readings) {
          at += dt;
          curve.push(at, amount);
        }
        const time = curve.oldestAt + share * (curve.newestAt - curve.oldestAt);
        expect(curve.timeOf(curve.totalAt(time))).toBeCloseTo(time, 6);
        expect(curve.totalAt(curve.newestAt + 1e-6)).toBeNaN();
        expect(curve.totalAt(curve.oldestAt - 1e-6)).toBeNaN();
        expect(curve.timeOf(curve.total + 1)).toBeNaN();
        expect(curve.total).toBe(readings.reduce((sum, r) => sum + r.amount, 0));
      }),
      { numRuns: 100 * scale },
    );
  });

  it('forgets what is older than its span, and keeps the totals', () => {
    const curve = new ByteCurve(1);
    for (let k = 1; k <= 1000; k++) curve.push(k * 0.02, 10);
    expect(curve.total).toBe(10_000);
    expect(curve.oldestAt).toBeGreaterThan(20 - 2.7);
    expect(curve.totalAt(19.5)).toBeCloseTo(9750, 6);
  });
});

describe('the base delay', () => {
  const learnt = (delays: readonly number[]): BaseDelay => {
    const base = new BaseDelay();
    for (const delay of delays) base.observe(delay);
    return base;
  };

  it('is a low quantile of the probes, whatever queues most of them met', () => {
    const random = randomSource(3);
    const probes = Array.from(
      { length: 60 },
      () => 0.02 + (random() < 0.6 ? 0.02 * random() : 0.0002 * random()),
    );
    expect(learnt(probes.slice(0, 4)).known).toBe(false);
    expect(learnt(probes).seconds).toBeGreaterThan(0.0199);
    expect(learnt(probes).seconds).toBeLessThan(0.0206);
  });

  it('may be negative: the clocks of the two ends are what they are', () => {
    expect(learnt(Array(20).fill(-0.0123)).seconds).toBeCloseTo(-0.0123, 9);
  });

  it('follows a shorter path at once, a longer one after twelve probes in a row, and counts both as reroutes', () => {
    const base = learnt(Array(30).fill(0.03));
    for (let i = 0; i < 5; i++) base.observe(0.02);
    expect(base.seconds).toBeCloseTo(0.02, 6);
    expect(base.reroutes).toBe(1);
    for (let i = 0; i < 11; i++) base.observe(0.035);
    base.observe(0.0201);
    for (let i = 0; i < 11; i++) base.observe(0.035);
    expect(base.reroutes).toBe(1);
    base.observe(0.035);
    expect(base.seconds).toBeCloseTo(0.035, 6);
    expect(base.reroutes).toBe(2);
  });

  it('does not move by age', () => {
    const base = learnt(Array(20).fill(0.02));
    base.observe(Number.NaN);
    expect(base.seconds).toBeCloseTo(0.02, 9);
  });
});

describe('the capacity of what comes out', () => {
  const c = 6_250_000;
  const T = 0.02;
  const at = (limit = Number.POSITIVE_INFINITY) => new CapacityEstimator({ limitBytesPerSecond: limit });
  const slot = (rate: number, backlogBefore: number, backlogAfter: number, arrived: number) => ({
    intervalSeconds: T,
    servedBytes: rate * T,
    backlogBefore,
    backlogAfter,
    slackSeconds: 0.0002,
    arrivedBytes: arrived * T,
    probesWait: false,
  });
  /** slots with a frame in every other one: full, then nearly empty */
  const busy = (estimator: CapacityEstimator, rate: number, slots: number): void => {
    for (let k = 0; k < slots; k++)
      estimator.observe(slot(rate, 40_000, 40_000, k % 2 === 0 ? 1.3 * rate : 0.7 * rate));
  };

  it('is what full slots serve', () => {
    const estimator = at();
    busy(estimator, c, 50);
    expect(estimator.bytesPerSecond / c).toBeCloseTo(1, 2);
    expect(estimator.uncertaintyBytesPerSecond).toBeLessThan(0.02 * c);
  });

  it('drops after two full slots, and not after one', () => {
    const estimator = at();
    busy(estimator, c, 50);
    estimator.observe(slot(c / 2, 40_000, 80_000, c));
    expect(estimator.bytesPerSecond / c).toBeGreaterThan(0.95);
    estimator.observe(slot(c / 2, 80_000, 120_000, c));
    expect(estimator.bytesPerSecond / c).toBeLessThan(0.55);
  });

  it('does not take a long slot for full with a frame at both ends, but with a queue that it could not empty', () => {
    const estimator = at();
    busy(estimator, c, 50);
    const long = (backlog: number) => ({
      ...slot(c / 2, backlog, backlog, 0.6 * c),
      intervalSeconds: 5 * T,
      servedBytes: (c / 2) * 5 * T,
      arrivedBytes: 0.6 * c * 5 * T,
    });
    for (let k = 0; k < 20; k++) estimator.observe(long(80_000));
    expect(estimator.bytesPerSecond / c).toBeGreaterThan(0.95);
    for (let k = 0; k < 2; k++) estimator.observe(long(6 * T * c));
    expect(estimator.bytesPerSecond / c).toBeCloseTo(0.5, 2);
  });

  it('does not take an error of the base for a queue: what goes in comes out', () => {
    const estimator = at();
    busy(estimator, c, 50);
    for (let k = 0; k < 50; k++) estimator.observe(slot(c / 3, 40_000, 40_000, c / 3));
    expect(estimator.bytesPerSecond / c).toBeGreaterThan(0.95);
  });

  it('doubles within two seconds on a path that is used and never shows a queue, up to its limit', () => {
    const grown = (limit?: number): number => {
      const estimator = at(limit);
      busy(estimator, c, 50);
      for (let k = 0; k < 2 / T; k++) {
        const used = 0.97 * estimator.bytesPerSecond;
        estimator.observe(slot(used, 0, 0, used));
      }
      return estimator.bytesPerSecond;
    };
    expect(grown() / c).toBeGreaterThan(2);
    expect(grown(1.2 * c)).toBe(1.2 * c);
  });

  it('takes what is measured near a configured limit for the limit, and falls below it only by a drop', () => {
    const estimator = new CapacityEstimator({
      limitBytesPerSecond: c,
      initialBytesPerSecond: c,
    });
    busy(estimator, 0.97 * c, 100);
    expect(estimator.bytesPerSecond).toBe(c);
    busy(estimator, 0.6 * c, 4);
    expect(estimator.bytesPerSecond / c).toBeCloseTo(0.6, 2);
    busy(estimator, c, 30);
    expect(estimator.bytesPerSecond).toBe(c);
  });

  describe('where a neighbour never lets the queue empty', () => {
    /** The estimate after 10 s on a path taken for 1.26 c, in which all probes wait and the bytes that wait are not known. */
    const learnt = (wave: (k: number) => { served: number; arrived: number }): number => {
      const estimator = new CapacityEstimator({
        limitBytesPerSecond: Number.POSITIVE_INFINITY,
        initialBytesPerSecond: 1.26 * c,
      });
      for (let k = 0; k < 10 / T; k++) {
        const { served, arrived } = wave(k);
        estimator.observe({ ...slot(served, Number.NaN, 0, arrived), probesWait: true });
      }
      return estimator.bytesPerSecond / c;
    };
    const bursts = (k: number): number => (k % 2 === 0 ? 1.3 * c : 0.7 * c);

    it('is what comes out evenly while what goes in is uneven', () => {
      expect(learnt((k) => ({ served: k % 5 === 0 ? 0.97 * c : 1.005 * c, arrived: bursts(k) }))).toBeCloseTo(
        1,
        1,
      );
    });

    it('is not what a longer route carries: bursts come out as they went in', () => {
      expect(learnt((k) => ({ served: 0.6 * bursts(k + 1), arrived: 0.6 * bursts(k) }))).toBe(1.26);
    });

    it('is not what a smooth stream on a longer route carries', () => {
      expect(learnt(() => ({ served: 0.6 * c, arrived: 0.6 * c }))).toBe(1.26);
    });
  });

  it('learns nothing from a path that carries little', () => {
    const estimator = at();
    busy(estimator, c, 50);
    for (let k = 0; k < 500; k++) estimator.observe(slot(0.3 * c, 0, 0, 0.3 * c));
    expect(estimator.bytesPerSecond / c).toBeCloseTo(1, 1);
  });
});
