import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, bytesPerSecond, ClassShares, seconds, type TrafficClass } from '../../controller/index.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const capacity = 6_250_000;
const of = (name: string, weight: number, floor: number, target = 0.05): TrafficClass => ({
  name,
  weight,
  floorBytesPerSecond: bytesPerSecond(floor),
  targetDelaySeconds: seconds(target),
});
const full = bytes(1e9);

describe('shares of a port by class', () => {
  it('are in proportion to the weights where all classes fill them, whatever they were', () => {
    const shares = new ClassShares({
      capacityBytesPerSecond: bytesPerSecond(capacity),
      classes: [of('a', 4, 0), of('b', 2, 0), of('c', 1, 0)],
    });
    // c alone for a while
    for (let k = 0; k < 100; k++) shares.update([bytes(0), bytes(0), full]);
    expect(shares.update([bytes(0), bytes(0), full]).sharesBytesPerSecond[2]! / capacity).toBeGreaterThan(
      0.97,
    );
    for (let k = 0; k < 200; k++) shares.update([full, full, full]);
    const { sharesBytesPerSecond, prices } = shares.update([full, full, full]);
    [4, 2, 1].forEach((w, k) => {
      expect(sharesBytesPerSecond[k]! / capacity).toBeCloseTo(w / 7, 2);
    });
    expect(Math.max(...prices) / Math.min(...prices)).toBeLessThan(1.02);
  });

  it('add up to the capacity and keep the floors, whatever the queues are', () => {
    const given = fc.record({
      weights: fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 2, maxLength: 5 }),
      backlogs: fc.array(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 5, maxLength: 5 }),
        {
          maxLength: 40,
        },
      ),
    });
    fc.assert(
      fc.property(given, ({ weights, backlogs }) => {
        const floor = (0.9 * capacity) / weights.length;
        const classes = weights.map((w, k) => of(`${k}`, w, k % 2 === 0 ? floor : 0));
        const shares = new ClassShares({ capacityBytesPerSecond: bytesPerSecond(capacity), classes });
        for (const row of backlogs) {
          const { sharesBytesPerSecond } = shares.update(classes.map((_, k) => bytes(row[k]!)));
          expect(sharesBytesPerSecond.reduce((a, b) => a + b, 0)).toBeCloseTo(capacity, 0);
          sharesBytesPerSecond.forEach((share, k) => {
            expect(share).toBeGreaterThanOrEqual(classes[k]!.floorBytesPerSecond * (1 - 1e-9));
            expect(share).toBeGreaterThan(0);
          });
        }
      }),
      { numRuns: 100 * scale },
    );
  });

  it('refuses what cannot be kept', () => {
    const made = (classes: TrafficClass[]) => () =>
      new ClassShares({ capacityBytesPerSecond: bytesPerSecond(capacity), classes });
    expect(made([of('a', 1, 4e6), of('b', 1, 4e6)])).toThrow(/floors add up/);
    expect(made([of('a', 0, 0)])).toThrow(/class a/);
    expect(() => made([of('a', 1, 0)])().update([])).toThrow(/0 backlogs for 1/);
  });
});
