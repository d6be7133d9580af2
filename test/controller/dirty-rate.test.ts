import { describe, expect, it } from 'vitest';
import { bytesPerSecond, DirtyRate } from '../../controller/index.js';

const observe = (rate: DirtyRate, ...passes: readonly [number, number][]): number | undefined => {
  for (const [pass, seen] of passes) rate.observe(pass, bytesPerSecond(seen));
  return rate.bytesPerSecond;
};

describe('how fast a machine writes', () => {
  it('is not known before a pass is complete', () => {
    expect(observe(new DirtyRate(), [1, 0], [1, 7])).toBeUndefined();
    expect(observe(new DirtyRate(), [1, 0], [2, 5])).toBe(5);
  });

  it('is not less because a slow copy gives its pages more time to be written twice', () => {
    // 16 MB again and again: W / t for passes of 1.8 s and 4 s
    expect(observe(new DirtyRate(), [2, 16e6 / 1.8], [3, 4e6], [4, 5e6])).toBeCloseTo(16e6 / 1.8, 3);
  });

  it('is believed to have fallen when three passes say so, however often they are looked at', () => {
    const rate = new DirtyRate();
    expect(observe(rate, [2, 9], [3, 1], [3, 1], [3, 1], [4, 1])).toBe(9);
    expect(observe(rate, [5, 2])).toBe(2);
    // A figure that comes late in its pass counts.
    expect(observe(rate, [5, 8])).toBe(8);
  });
});
