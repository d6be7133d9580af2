import { describe, expect, it } from 'vitest';
import { bytes, instant, seconds } from '../../controller/index.js';
import type { Gauged } from '../../src/engine/queue-gauge.js';
import { ShadowPlant } from '../../src/engine/shadow-plant.js';

const capacity = 1_000_000;
const slot = 0.02;

/** One slot in which others sent at this rate and the real queue held so much. */
function sample(crossBytesPerSecond: number, backlog = 0, gap = false): Gauged {
  const arrived = crossBytesPerSecond * slot;
  return {
    observation: {
      at: instant(0),
      intervalSeconds: seconds(slot),
      arrivedBytes: bytes(arrived),
      departedBytes: bytes(arrived),
      droppedBytes: bytes(0),
      ownBytes: bytes(0),
      circuitBytes: bytes(0),
      timeUncertaintySeconds: seconds(0),
      late: false,
      gap,
      arrivedPackets: undefined,
      departedPackets: undefined,
      roundTripSeconds: seconds(0),
    },
    estimate: {
      backlogBytes: bytes(backlog),
      uncertaintyBytes: bytes(0),
      readingErrorBytes: bytes(0),
      at: instant(0),
      backlogAt: instant(0),
      held: false,
      restarted: false,
      lindleyBytes: bytes(backlog),
      standingBytes: bytes(backlog),
      anchored: true,
      anchorAgeSeconds: seconds(0),
    } as Gauged['estimate'],
  };
}
const plant = () => new ShadowPlant({ bufferBytes: 50_000, delayPromiseSeconds: 0.02, staticShare: 0.5 });

describe('the queue that would have been', () => {
  it('grows by what others and we send beyond the line, and shrinks by what is left', () => {
    const shadow = plant();
    // 600 kB/s and 600 kB/s into 1 MB/s: 4 kB more in each slot
    for (let i = 1; i <= 5; i++)
      expect(shadow.step(sample(600_000), 600_000, capacity).estimate.backlogBytes).toBeCloseTo(4_000 * i, 6);
    const { observation, estimate } = shadow.step(sample(600_000), 100_000, capacity);
    expect(estimate.backlogBytes).toBeCloseTo(14_000, 6);
    expect(observation.ownBytes).toBeCloseTo(2_000, 6);
    expect(observation.arrivedBytes).toBeCloseTo(14_000, 6);
    // what arrived and what the queue lost
    expect(observation.departedBytes).toBeCloseTo(20_000, 6);
    expect(shadow.view().steady).toMatchObject({ movedBytes: '62000', delayMs: expect.closeTo(14, 6) });
  });
  it('is judged by the promise, beside a fixed share and what was', () => {
    const shadow = plant();
    // 700 kB/s and half of the line: 4 kB more in each slot, late from the sixth on; at our 300 kB/s never
    for (let i = 0; i < 10; i++) shadow.step(sample(700_000, i === 3 ? 30_000 : 0), 300_000, capacity);
    const { steady, fixedShare, untouched, slots, observedSeconds } = shadow.view();
    expect(slots).toBe(10);
    expect(observedSeconds).toBeCloseTo(0.2, 9);
    expect(fixedShare.lateSlots).toBe(5);
    expect(fixedShare.worstDelayMs).toBeCloseTo(40, 6);
    // the queue that was really there is never forgotten: 30 kB in the fourth slot, and at 1 MB/s nothing of it goes
    expect(untouched).toMatchObject({ lateSlots: 1, worstDelayMs: expect.closeTo(30, 6), movedBytes: '0' });
    expect(steady).toMatchObject({ lateSlots: 7, movedBytes: '60000' });
  });
  it('is never longer than the buffer', () => {
    const shadow = plant();
    for (let i = 0; i < 100; i++) shadow.step(sample(900_000), 900_000, capacity);
    expect(shadow.view().steady.delayMs).toBeCloseTo(50, 6);
  });
  it('starts anew at what is measured after a gap, which is not counted', () => {
    const shadow = plant();
    for (let i = 0; i < 5; i++) shadow.step(sample(900_000), 900_000, capacity);
    const gap = sample(0, 1_000, true);
    expect(shadow.step(gap, 900_000, capacity)).toBe(gap);
    expect(shadow.view().slots).toBe(5);
    expect(shadow.step(sample(500_000), 500_000, capacity).estimate.backlogBytes).toBeCloseTo(1_000, 6);
  });
  it('is not made up where the capacity is not known', () => {
    const shadow = plant();
    const given = sample(1000);
    expect(shadow.step(given, 500, 0)).toBe(given);
    expect(shadow.view()).toMatchObject({ slots: 0, steady: { movedBytes: '0', delayMs: 0 } });
  });
});
