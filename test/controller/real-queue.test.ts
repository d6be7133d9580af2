import { describe, expect, it } from 'vitest';
import { bytes, instant, RealQueueWitness, seconds } from '../../controller/index.js';
import type { BacklogEstimate } from '../../controller/sample.js';

const T = 0.02;
const capacity = 6_250_000;

const estimate: BacklogEstimate = {
  backlogBytes: bytes(1000),
  uncertaintyBytes: bytes(5000),
  readingErrorBytes: bytes(5000),
  at: instant(0),
  backlogAt: instant(0),
  held: false,
  restarted: false,
  lindleyBytes: bytes(0),
  standingBytes: bytes(0),
  anchored: true,
  anchorAgeSeconds: seconds(1),
  saturated: false,
  unaccountedLoss: false,
  contradiction: false,
  wantsDrain: false,
};

/** A witness that has seen `slots` slots of these arrivals and this estimate. */
function seen(
  slots: number,
  arrivalShare: number,
  more: Partial<BacklogEstimate> | ((k: number) => Partial<BacklogEstimate>),
  capacityError = 0,
): { witness: RealQueueWitness; last: BacklogEstimate } {
  const witness = new RealQueueWitness();
  let last = estimate;
  for (let k = 1; k <= slots; k++) {
    last = { ...estimate, ...(typeof more === 'function' ? more(k) : more), at: instant(k * T) };
    witness.proven(last, T);
    const step = {
      from: (k - 1) * T,
      to: k * T,
      command: undefined,
      before: 0,
      after: 0,
      arrivalRate: arrivalShare * capacity,
    };
    witness.advance(step, 0.98 * capacity, capacity, capacityError, 0);
    witness.observe(last, 100_000, capacity, T);
  }
  return { witness, last };
}
const light = (...args: Parameters<typeof seen>): string => {
  const { witness, last } = seen(...args);
  return witness.light(last);
};

describe('the light on the real queue', () => {
  it('is inside while the queue is below its bound and empties', () => {
    expect(light(100, 0.9, {})).toBe('inside');
    const video = (k: number) => ({ backlogBytes: bytes(k % 2 ? 60_000 : 0) });
    expect(light(100, 0.9, video)).toBe('inside');
  });
  it('is outside above the bound by more than the estimate may be wrong, whatever arrived', () => {
    expect(light(10, 2, { backlogBytes: bytes(104_000) })).toBe('inside');
    expect(light(10, 2, { backlogBytes: bytes(106_000) })).toBe('outside');
    expect(seen(4, 2, { backlogBytes: bytes(106_000) }).witness.staysOutside).toBe(false);
    expect(seen(5, 2, { backlogBytes: bytes(106_000) }).witness.staysOutside).toBe(true);
  });
  it('is standing when 5 ms of queue have not gone for half a second', () => {
    const stands = { standingBytes: bytes(0.006 * capacity) };
    expect(light(20, 1.5, stands)).toBe('inside');
    expect(light(30, 1.5, stands)).toBe('standing');
    expect(light(30, 1.5, (k) => (k === 15 ? {} : stands))).toBe('inside');
  });
  it('is standing when a few milliseconds are there all the time, and forgets them as it learnt them', () => {
    // 21 kB above the noise of counters: what the law leaves of a capacity that is 5 % lower than believed
    const low = { standingBytes: bytes(9084 + 21_000) };
    expect(light(100, 1.5, low)).toBe('inside');
    expect(light(200, 1.5, low)).toBe('standing');
    expect(light(400, 1.5, (k) => (k < 200 ? low : {}))).toBe('inside');
    expect(light(2000, 1.5, (k) => (k % 3 === 0 ? low : {}))).toBe('inside');
    expect(light(2000, 1.5, { standingBytes: bytes(9084 + 8000) })).toBe('inside');
  });
  it('is contradicted when the estimator says so, whatever else', () => {
    expect(light(3, 0.5, { contradiction: true, anchored: false })).toBe('contradicted');
  });
  it('is unknown while nothing has been proven', () => {
    expect(light(3, 0.5, { anchored: false })).toBe('unknown');
    expect(light(3, 0.5, { saturated: true })).toBe('unknown');
  });
});

describe('how far the real queue can be above the virtual one', () => {
  const above = (...args: Parameters<typeof seen>): number => {
    const { witness, last } = seen(...args);
    return witness.aboveVirtual(last);
  };
  it('is a slot of head-room less while head-room outweighs the uncertainty of the capacity', () => {
    expect(above(50, 0.9, {})).toBeCloseTo(-0.02 * capacity * T, 6);
    expect(above(50, 0.9, {}, 0.015 * capacity)).toBeCloseTo(-0.005 * capacity * T, 6);
  });
  it('grows with time where it does not, until the queue is proven empty', () => {
    expect(above(50, 0.9, {}, 0.05 * capacity)).toBeCloseTo(50 * 0.03 * capacity * T, 3);
    const emptyAt40 = (k: number) => ({ anchorAgeSeconds: seconds(k === 40 ? 0 : (k - 40) * T) });
    expect(above(50, 0.9, emptyAt40, 0.05 * capacity)).toBeCloseTo(11 * 0.03 * capacity * T, 3);
  });
  it('has room for the largest burst of late that came after the line had been idle', () => {
    const burst = (k: number) => ({ backlogBytes: bytes(k === 10 ? 45_000 : 0) });
    expect(above(50, 0.9, burst)).toBeCloseTo(40_000 - 0.02 * capacity * T, 6);
    expect(above(400, 0.9, burst)).toBeCloseTo(-0.02 * capacity * T, 6);
    // no burst of one interval is more than the line could have sent in it: a larger one is no burst
    const tall = (k: number) => ({ backlogBytes: bytes(k === 10 ? 900_000 : 0) });
    expect(above(50, 0.9, tall)).toBeCloseTo(0.98 * capacity * T, 6);
  });
  it('is all that the buffer holds before the queue was ever proven empty', () => {
    const blind = { anchored: false, uncertaintyBytes: bytes(1_500_000) };
    expect(above(1, 0.9, blind)).toBe(1_500_000);
  });
});
