import { describe, expect, it } from 'vitest';
import { fits, holdRate } from '../../src/hypervisor/qemu-door.js';

const rate = 4e6;
const downtimeLimitMs = 300;
const facts = (remainingBytes: number, dirtyBytesPerSecond: number, passSeconds: number, pass = 3) => ({
  info: { pass, remainingBytes, dirtyBytesPerSecond },
  payloadBytesPerSecond: rate,
  downtimeLimitMs,
  passSeconds,
});

describe('the door before the switch-over', () => {
  it('counts what was written since the pass began with what is left', () => {
    expect(fits(facts(1.2e6, 0, 10))).toBe(true);
    expect(fits(facts(1.21e6, 0, 0))).toBe(false);
    expect(fits(facts(0.2e6, 2e6, 0.4))).toBe(true);
    expect(fits(facts(0.2e6, 2e6, 0.6))).toBe(false);
    expect(fits(facts(0, 0, 0, 1))).toBe(false);
  });

  it('holds back a copy that is nearly done, and lets it go as soon as much may have been written unseen', () => {
    expect(holdRate(facts(0.3e6, 2e6, 0))).toBe(1e6);
    expect(holdRate(facts(0.31e6, 2e6, 0))).toBe(Number.POSITIVE_INFINITY);
    expect(holdRate(facts(0.1e6, 2e6, 0.16))).toBe(Number.POSITIVE_INFINITY);
    expect(holdRate(facts(0.1e6, 1000, 60))).toBe(65_536);
    expect(holdRate(facts(0, 0, 0, 1))).toBe(Number.POSITIVE_INFINITY);
  });

  it('never lets more gather than fits, whatever the machine writes', () => {
    for (const dirty of [0.2e6, 0.5e6, 1e6, 2e6]) {
      let [left, unseen, longest] = [20e6, 0, 0];
      const step = 0.05;
      for (let passSeconds = 0, pass = 2, t = 0; t < 60; t += step) {
        const held = { ...facts(left, dirty, passSeconds, pass) };
        const speed = Math.min(rate, holdRate(held));
        left -= speed * step;
        unseen += dirty * step;
        passSeconds += step;
        if (left <= 0) {
          [left, unseen, passSeconds] = [unseen, 0, 0];
          pass++;
        }
        if (t > 30) longest = Math.max(longest, left + unseen);
      }
      expect(longest / rate).toBeLessThan(downtimeLimitMs / 1000);
    }
  });
});
