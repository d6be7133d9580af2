import { describe, expect, it } from 'vitest';
import { drainOf, heldAgainst, type QueueReading } from '../../bench/lab/queue-truth.js';

const line = 5_000_000;
/** 800 kB that drain at the rate of the line from 1 s on */
const queueAt = (at: number): number => (at < 1 ? 0 : Math.max(0, 800_000 - (at - 1) * line));
const readings = (every: number, to: number, value: (at: number) => number): QueueReading[] =>
  Array.from({ length: Math.round(to / every) }, (_, k) => ({ at: k * every, bytes: value(k * every) }));

describe('an estimate held against the kernel', () => {
  it('is right if it is the truth at its own time, though the kernel was read at others', () => {
    const truth = readings(0.008, 2, queueAt);
    const estimates = readings(0.02, 1.9, queueAt).filter(({ at }) => Math.abs(at - 1) > 0.02);
    const figures = heldAgainst(truth, estimates, line);
    expect(figures.compared).toBe(estimates.length);
    expect(figures.peakBytes).toBeGreaterThan(600_000);
    expect(figures.meanMs).toBeLessThan(0.05);
  });

  it('is wrong by its delay while the queue drains, and its bias has a sign', () => {
    const truth = readings(0.008, 2, queueAt);
    const late = readings(0.02, 1.15, (at) => queueAt(at - 0.01)).filter(({ at }) => at > 1.02);
    const figures = heldAgainst(truth, late, line);
    expect(figures.medianMs).toBeCloseTo(10, 1);
    expect(figures.biasMs).toBeCloseTo(10, 1);
    const low = readings(0.02, 0.9, () => -line * 0.003);
    expect(heldAgainst(truth, low, line).biasMs).toBeCloseTo(-3, 6);
  });

  it('says nothing of times at which nobody looked', () => {
    const estimates = [{ at: 0.5, bytes: 0 }];
    expect(heldAgainst([], estimates, line).compared).toBe(0);
    const apart = [
      { at: 0, bytes: 0 },
      { at: 0.9, bytes: 0 },
    ];
    expect(heldAgainst(apart, estimates, line).compared).toBe(0);
  });
});

describe('a queue that was planted', () => {
  const truth = readings(0.01, 4, queueAt);

  it('is timed from the plant to the first word of it, and to the first reading of an empty queue', () => {
    const seen = readings(0.1, 4, (at) => queueAt(at - 0.05)).map((r) => ({ ...r, alarmed: false }));
    const figures = drainOf(truth, seen, 1, 4, 1e6);
    expect(figures.plantedBytes).toBe(800_000);
    expect(figures.seenSeconds).toBeCloseTo(0.1, 6);
    expect(figures.drainedSeconds).toBeCloseTo(0.16, 6);
  });

  it('is seen when the estimate says half of it, whatever else piled up', () => {
    const stands = readings(0.01, 4, (at) => (at < 1 ? 0 : 1_000_000));
    const half = readings(0.1, 4, (at) => (at < 1.5 ? 0 : 300_000)).map((r) => ({ ...r, alarmed: false }));
    expect(drainOf(stands, half, 1, 4, 400_000).seenSeconds).toBeCloseTo(0.5, 6);
    expect(drainOf(stands, half, 1, 4, 1e6).seenSeconds).toBeNull();
  });

  it('counts as seen by an alarm, and is neither seen nor gone if nothing happened', () => {
    const blind = readings(0.1, 4, () => 0).map((r) => ({ ...r, alarmed: false }));
    const stands = readings(0.01, 4, (at) => (at < 1 ? 0 : 400_000));
    expect(drainOf(stands, blind, 1, 4, 1e6)).toEqual({
      plantedBytes: 400_000,
      seenSeconds: null,
      drainedSeconds: null,
    });
    const warned = blind.map((r) => ({ ...r, alarmed: r.at > 1.75 }));
    expect(drainOf(stands, warned, 1, 4, 1e6).seenSeconds).toBeCloseTo(0.8, 6);
  });
});
