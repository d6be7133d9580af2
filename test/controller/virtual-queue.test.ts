import { describe, expect, it } from 'vitest';
import { type Command, CommandTimeline } from '../../controller/command-timeline.js';
import { VirtualQueue } from '../../controller/virtual-queue.js';

const capacity = 1_000_000;
const command = (effectiveAt: number, rate: number, utilisation = 1): Command => ({
  effectiveAt,
  rate,
  wanted: rate,
  forecast: 0,
  utilisation,
  capacity,
  predicted: 0,
  forecastError: 0,
  disturbance: 0,
  measurementError: 0,
  delayError: 0,
  horizon: 0,
  certifiedDelay: true,
  lawful: true,
  judged: true,
});

describe('the virtual queue', () => {
  it('serves rho c of the command in force, cut at the very time the command takes effect', () => {
    const timeline = new CommandTimeline();
    const queue = new VirtualQueue(1);
    timeline.push(command(0.25, 0, 0.5));
    const steps = queue.measure(timeline, 0, 1, 1_000_000, capacity);
    expect(steps.map((s) => [s.from, s.to, s.before, s.after])).toEqual([
      [0, 0.25, 0, 0],
      [0.25, 1, 0, 375_000],
    ]);
  });

  it('serves the capacity that the command believed, whatever has been learnt since', () => {
    const timeline = new CommandTimeline();
    const queue = new VirtualQueue(1);
    timeline.push(command(0, 1_000_000));
    expect(queue.measure(timeline, 0, 1, 1_000_000, 2 * capacity)[0]!.after).toBe(0);
    expect(queue.measure(timeline, 1, 2, 1_000_000, capacity / 2)[0]!.after).toBe(0);
    expect(queue.predict(timeline, 2, 3, 100_000, capacity / 2)).toBe(100_000);
  });

  it('does not go below zero, neither measured nor predicted', () => {
    const timeline = new CommandTimeline();
    const queue = new VirtualQueue(1);
    timeline.push(command(0, 0));
    timeline.push(command(1, 1_500_000));
    queue.measure(timeline, 0, 0.1, 0, capacity);
    expect(queue.backlogBytes).toBe(0);
    // 0.9 s of nothing, then 0.1 s of half a megabyte a second too much: not minus 850 kB
    expect(queue.predict(timeline, 0.1, 1.1, 0, capacity)).toBeCloseTo(50_000, 3);
  });

  it('predicts with the commands in flight and the forecast', () => {
    const timeline = new CommandTimeline();
    const queue = new VirtualQueue(1);
    timeline.push(command(0, 700_000));
    timeline.push(command(0.02, 900_000));
    timeline.push(command(0.04, 100_000));
    expect(queue.predict(timeline, 0.01, 0.06, 300_000, capacity)).toBe(0);
    expect(queue.predict(timeline, 0.01, 0.04, 300_000, capacity)).toBeCloseTo(4000, 6);
  });

  it('keeps what samples still ask for, and a bounded number of commands', () => {
    const timeline = new CommandTimeline();
    for (let k = 0; k < 1000; k++) timeline.push(command(k, k));
    timeline.forget(997.5);
    expect(timeline.stretches(997.6, 999.5).map((s) => s.command?.rate)).toEqual([997, 998, 999]);
    expect(timeline.stretches(0, 900).map((s) => s.command)).toEqual([undefined]);
  });
});
