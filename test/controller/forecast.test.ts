import { describe, expect, it } from 'vitest';
import { DrainProbe, defaultDrainProbe } from '../../controller/drain-probe.js';
import {
  type BacklogEstimate,
  bytes,
  CrossTrafficForecast,
  ErrorWindow,
  instant,
  seconds,
} from '../../controller/index.js';

describe('forecast', () => {
  it('is the mean over its slots of time, whatever the intervals are', () => {
    const forecast = new CrossTrafficForecast(4, seconds(0.02));
    expect(forecast.mean()).toBe(0);
    forecast.push(bytes(1e6), seconds(0.02));
    for (const interval of [0.01, 0.03, 0.02, 0.02]) forecast.push(bytes(1e5 * interval), seconds(interval));
    expect(forecast.mean()).toBeCloseTo(1e5, 6);
  });
  it('does not see the frames of a video that a last value sees', () => {
    const forecast = new CrossTrafficForecast(4, seconds(0.02));
    const seen: number[] = [];
    for (let k = 0; k < 40; k++) {
      forecast.push(bytes(k % 2 === 0 ? 30_000 : 0), seconds(0.02));
      if (k > 4) seen.push(forecast.mean());
    }
    expect(Math.max(...seen)).toBeCloseTo(Math.min(...seen), 6);
  });
  it('takes a rise that no frame explains for a jump, and forgets what was before it', () => {
    const forecast = new CrossTrafficForecast(4, seconds(0.02));
    const frame = (k: number): number => (k % 2 === 0 ? 30_000 : 0);
    for (let k = 0; k < 160; k++) forecast.push(bytes(frame(k)), seconds(0.02));
    const before = forecast.mean();
    // 2 MB/s more, from the middle of a sample on: 20 kB of it show
    forecast.push(bytes(20_000 + frame(0)), seconds(0.02));
    expect(forecast.mean()).toBeGreaterThan(before + 1e6);
    forecast.push(bytes(40_000 + frame(1)), seconds(0.02));
    forecast.push(bytes(40_000 + frame(2)), seconds(0.02));
    expect(forecast.mean()).toBeGreaterThan(before + 1.5e6);
    for (let k = 3; k < 8; k++) forecast.push(bytes(40_000 + frame(k)), seconds(0.02));
    expect(forecast.mean()).toBeCloseTo(before + 2e6, 0);
  });
  it('takes nothing for a jump that is usual, or while nothing is known to be usual', () => {
    const forecast = new CrossTrafficForecast(4, seconds(0.02));
    for (let k = 0; k < 40; k++) forecast.push(bytes(10_000), seconds(0.02));
    forecast.push(bytes(50_000), seconds(0.02));
    expect(forecast.mean()).toBeCloseTo(1e6, 6);
    for (let k = 0; k < 200; k++) forecast.push(bytes(10_000), seconds(0.02));
    forecast.push(bytes(50_000), seconds(0.02));
    expect(forecast.mean()).toBeCloseTo(1e6, 6);
  });
  it('ignores what is no measurement', () => {
    const forecast = new CrossTrafficForecast(4, seconds(0.02));
    forecast.push(bytes(1000), seconds(0.02));
    forecast.push(bytes(9e9), seconds(0));
    forecast.push(bytes(Number.NaN), seconds(0.02));
    expect(forecast.mean()).toBeCloseTo(50_000, 6);
  });
});

describe('window of errors', () => {
  it('forgets the oldest', () => {
    const window = new ErrorWindow(100);
    expect([window.max(), window.quantile(0.99)]).toEqual([0, 0]);
    window.push(-5000);
    for (let k = 1; k <= 99; k++) window.push(k);
    expect([window.max(), window.quantile(0.99), window.quantile(0.5)]).toEqual([5000, 99, 50]);
    window.push(1);
    expect(window.max()).toBe(99);
    expect(window.count).toBe(100);
  });
});

describe('drain probe', () => {
  const estimate = (at: number, provenAt: number, wantsDrain = true): BacklogEstimate =>
    ({
      at: instant(at),
      anchorAgeSeconds: seconds(at - provenAt),
      backlogBytes: bytes(0),
      wantsDrain,
    }) as BacklogEstimate;

  it('ends when the queue was proven empty, and waits before the next', () => {
    const probe = new DrainProbe(defaultDrainProbe(0.02));
    expect(probe.update(10, estimate(10, 7), 0.02, 1e6)).toBe('shallow');
    expect(probe.update(10.06, estimate(10.06, 7), 0.02, 1e6)).toBe('shallow');
    expect(probe.update(10.1, estimate(10.1, 10.08, false), 0.02, 1e6)).toBe('none');
    expect(probe.update(10.3, estimate(10.3, 10.08), 0.02, 1e6)).toBe('none');
    expect(probe.update(10.7, estimate(10.7, 10.08), 0.02, 1e6)).toBe('shallow');
    expect([probe.count, probe.strangers]).toEqual([2, 0]);
  });

  it('goes to the bottom, gives up on a stranger and comes back more and more seldom', () => {
    const probe = new DrainProbe(defaultDrainProbe(0.02));
    const starts: number[] = [];
    let before = 'none';
    let longest = 0;
    let deepest = 0;
    for (let k = 0; k < 6000; k++) {
      const at = k * 0.02;
      const depth = probe.update(at, estimate(at, -1), 0.02, 1e6);
      if (before === 'none' && depth !== 'none') starts.push(at);
      if (depth === 'full') deepest += 1;
      if (depth !== 'none') longest = Math.max(longest, at - starts.at(-1)!);
      before = depth;
    }
    const pauses = starts.slice(1).map((s, i) => s - starts[i]!);
    expect(longest).toBeLessThan(0.5);
    expect(deepest).toBeGreaterThan(10);
    expect(pauses.slice(0, 4).every((p, i) => i === 0 || p > 1.4 * pauses[i - 1]!)).toBe(true);
    expect(Math.max(...pauses)).toBeLessThan(17);
    expect(probe.strangers).toBeGreaterThanOrEqual(starts.length - 1);
  });
});
