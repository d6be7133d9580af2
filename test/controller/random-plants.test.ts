import { describe, expect, it } from 'vitest';
import { certify, violationsOf } from '../../bench/lab/certify.js';
import { drawPlant, nothingCounted, PlantRun, type RandomPlant } from '../../bench/lab/random-plant.js';
import { RandomStream } from '../../src/traffic/index.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
/** a million where the counts are raised, a hundred thousand otherwise */
const slots = scale > 1 ? 1_000_000 : 100_000;

describe('theorems 1 and 2 on random plants, judged by the ledger of the product', () => {
  it(`hold in every one of ${slots} slots, whatever the traffic does`, () => {
    const result = certify({ slots, seed: 20_141 });
    expect(violationsOf(result)).toBe(0);
    expect(result.slots).toBeGreaterThanOrEqual(slots);
    // bounds that nothing comes near, or that apply to nothing, would hold for a wrong law too
    expect(result.tightestDrift).toBeGreaterThan(0.99);
    expect(result.tightestQueue).toBeGreaterThan(0.9);
    expect(result.heldSlots).toBeGreaterThan(0.8 * result.judgedSlots);
    expect(result.judgedSlots).toBeGreaterThan(0.8 * result.slots);
    expect(result.classicalSlots).toBeGreaterThan(0.2 * result.slots);
  });

  it('goes on where it ended, chunk by chunk', () => {
    const whole = certify({ slots: 8000, seed: 7 });
    const first = certify({ slots: 4000, seed: 7 });
    expect(certify({ slots: 4000, seed: 7, from: first })).toBe(first);
    const more = certify({ slots: 8000, seed: 7, from: first });
    expect(more).toMatchObject({ slots: whole.slots, plants: whole.plants, chunks: 2 });
    expect(() => certify({ slots: 8000, seed: 8, from: first })).toThrow(/seed/);
  });
});

describe('a broken law on random plants', () => {
  /** Among `count` plants: in how many the ledger said so, and how many slots passed as held in which Q was above its bound. */
  function broken(change: Partial<RandomPlant>, count: number): { seen: number; falseGreen: number } {
    const random = RandomStream.of(3, 'broken');
    let seen = 0;
    let falseGreen = 0;
    for (let i = 0; i < count; i++) {
      const counted = nothingCounted();
      new PlantRun({ ...drawPlant(random), ...change }, random, counted).run();
      if (counted.ledgerViolations > 0) seen += 1;
      falseGreen += counted.queueViolations;
    }
    return { seen, falseGreen };
  }

  it('of the wrong sign is violated in every plant, and never a queue above its bound taken for proved', () => {
    const away = { targetBytes: 1e8, ceiling: Number.POSITIVE_INFINITY, jitter: 0 };
    expect(broken({ mutation: 'wrong-sign', ...away }, 100)).toEqual({ seen: 100, falseGreen: 0 });
  });
  it('that corrects a quarter of what it claims is violated on its way to the ball', () => {
    const plain = { mistakenSlots: 0, ceiling: Number.POSITIVE_INFINITY, jitter: 0 };
    const far = { ...plain, gain: 0.5, delaySlots: 2, targetBytes: 1e8 };
    expect(broken({ mutation: 'wrong-gain', ...far }, 60)).toEqual({ seen: 60, falseGreen: 0 });
    expect(broken(far, 60)).toEqual({ seen: 0, falseGreen: 0 });
  });
  it('a line that is slower than the certificate allows for is no violation: it takes the second light', () => {
    const slow = { capacityError: 0, trueCapacity: 0.9 * 6_250_000, utilisation: 0.95 };
    const { seen, falseGreen } = broken({ ...slow, forecastError: 10_000, readingError: 0 }, 60);
    expect(seen).toBe(0);
    expect(falseGreen).toBeGreaterThan(1000);
  });
});
