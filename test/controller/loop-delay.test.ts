import { describe, expect, it } from 'vitest';
import {
  bytes,
  bytesPerSecond,
  certifiedGainLimit,
  checkLoop,
  instant,
  LoopDelay,
  monotoneGainLimit,
  seconds,
  stableGainLimit,
} from '../../controller/index.js';
import { randomSource } from './plant.js';

/** z(k+1) = z(k) - g z(k-d) from z = 1 */
function integrator(gain: number, delay: number, slots: number): number[] {
  const z = Array.from({ length: delay + 1 }, () => 1);
  for (let k = delay; k < slots; k++) z.push(z[k]! - gain * z[k - delay]!);
  return z;
}
const late = (z: readonly number[]): number => Math.max(...z.slice(-100).map(Math.abs));

describe('gain limits', () => {
  it.each([0, 1, 2, 4, 8])(
    'with a delay of %i slots is stable just below its limit and unstable just above',
    (d) => {
      const limit = stableGainLimit(d);
      expect(late(integrator(0.99 * limit, d, 4000))).toBeLessThan(0.5);
      expect(late(integrator(1.01 * limit, d, 4000))).toBeGreaterThan(2);
    },
  );
  it.each([1, 2, 4, 8])('does not overshoot up to the monotone limit for d = %i', (d) => {
    const limit = monotoneGainLimit(d);
    expect(Math.min(...integrator(limit, d, 600))).toBeGreaterThanOrEqual(0);
    expect(Math.min(...integrator(1.15 * limit, d, 600))).toBeLessThan(0);
  });
  it('gives the table of the model', () => {
    expect([0, 1, 2, 4, 8].map((d) => Number(stableGainLimit(d).toFixed(3)))).toEqual([
      2, 1, 0.618, 0.347, 0.185,
    ]);
    expect([1, 2, 4, 8].map((d) => Number(monotoneGainLimit(d).toFixed(4)))).toEqual([
      0.25, 0.1481, 0.0819, 0.0433,
    ]);
    expect([0, 1, 2, 4, 8].map((d) => Number(certifiedGainLimit(d).toFixed(3)))).toEqual([
      1, 0.67, 0.5, 0.25, 0.125,
    ]);
  });
});

describe('start-up check', () => {
  it('certifies the defaults on a local switch', () => {
    expect(checkLoop(0.4, seconds(0.02), seconds(0.026))).toMatchObject({ certified: true, message: '' });
  });
  it('refuses with a gain and a slot that it would accept', () => {
    const refused = checkLoop(0.4, seconds(0.02), seconds(0.09));
    expect(refused.certified).toBe(false);
    expect(refused.message).toMatch(/5 slots of delay \(90 ms at T = 20 ms\)/);
    expect(checkLoop(refused.gainLimit * 0.99, seconds(0.02), seconds(0.09)).certified).toBe(true);
    const slotMs = Number(/T of at least (\d+) ms/.exec(refused.message)![1]);
    expect(checkLoop(0.4, seconds(slotMs / 1000), seconds(0.09)).certified).toBe(true);
  });
  it('refuses numbers that are none', () => {
    expect(checkLoop(0, seconds(0.02), seconds(0.02)).message).toMatch(/not in \(0, 1\]/);
    expect(checkLoop(0.3, seconds(0), seconds(0.02)).certified).toBe(false);
    expect(checkLoop(0.3, seconds(0.02), seconds(Number.NaN)).certified).toBe(false);
  });
});

describe('LoopDelay', () => {
  /** rates that change, effective after `delay`, counted exactly in slots with jitter */
  function feed(estimator: LoopDelay, delay: number, change: boolean, fill = 1): void {
    const random = randomSource(3);
    const commands: { at: number; rate: number }[] = [];
    let before = 0;
    for (let k = 1; k < 400; k++) {
      const at = k * 0.02 + 0.001 * random();
      let own = 0;
      for (let i = 0; i < commands.length; i++) {
        const from = Math.max(before, commands[i]!.at + delay);
        const to = Math.min(at, (commands[i + 1]?.at ?? Number.POSITIVE_INFINITY) + delay);
        if (to > from) own += (to - from) * commands[i]!.rate;
      }
      estimator.observed(instant(at), seconds(at - before), bytes(fill * own));
      before = at;
      const rate = change ? 1e6 + 3e6 * random() : 2e6;
      commands.push({ at, rate });
      estimator.commanded(instant(at), bytesPerSecond(rate));
    }
  }

  it.each([0.01, 0.025, 0.06, 0.1])('finds a delay of %f s', (delay) => {
    const estimator = new LoopDelay(seconds(0.02), 1);
    feed(estimator, delay, true);
    expect(Math.abs(estimator.delaySeconds - delay)).toBeLessThanOrEqual(0.005);
  });
  it('believes what it was told while the rate does not move or the sender does not fill it', () => {
    const still = new LoopDelay(seconds(0.02), 1.5);
    feed(still, 0.08, false);
    expect(still.slots).toBe(1.5);
    const idle = new LoopDelay(seconds(0.02), 1.5);
    feed(idle, 0.08, true, 0.1);
    expect(idle.slots).toBe(1.5);
  });
});
