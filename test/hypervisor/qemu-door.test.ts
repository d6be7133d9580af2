import { describe, expect, it } from 'vitest';
import { fits, holdRate } from '../../src/hypervisor/qemu-door.js';

const rate = 4e6;
const downtimeLimitMs = 300;
const facts = (remainingBytes: number, dirtyBytesPerSecond = 0, pass = 3) => ({
  pass,
  dirtyBytesPerSecond,
  remainingBytes,
  payloadBytesPerSecond: rate,
  downtimeLimitMs,
});

describe('the door before the switch-over', () => {
  it('opens when what is left can be sent within the limit, but not in the first pass', () => {
    expect(fits(facts(1.2e6))).toBe(true);
    expect(fits(facts(1.21e6))).toBe(false);
    expect(fits(facts(0, 0, 1))).toBe(false);
  });

  it('never lets more gather than fits while a copy is held back', () => {
    for (const dirty of [0.2e6, 0.5e6, 1e6, 2e6]) {
      let [left, unseen, longest, held] = [20e6, 0, 0, 0];
      const step = 0.05;
      for (let pass = 2, t = 0; t < 60; t += step) {
        const speed = Math.min(rate, holdRate(facts(left + unseen, dirty, pass)));
        if (speed < rate) held++;
        left -= speed * step;
        unseen += dirty * step;
        if (left <= 0) {
          [left, unseen] = [unseen, 0];
          pass++;
        }
        if (t > 30) longest = Math.max(longest, left + unseen);
      }
      expect(held).toBeGreaterThan(100);
      expect(longest / rate).toBeLessThan(downtimeLimitMs / 1000);
    }
  });
});
