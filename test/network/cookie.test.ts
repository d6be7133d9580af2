import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  composeCookie,
  isOurs,
  ordinalCookie,
  ordinalCookieMask,
  ownerCookie,
  ownerCookieMask,
  parseCookie,
} from '../../src/network/index.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const parts = fc.record({
  ordinal: fc.integer({ min: 0, max: 0xffffff }),
  epoch: fc.integer({ min: 0, max: 0xffff }),
  step: fc.integer({ min: 0, max: 0xff }),
});

describe('a cookie', () => {
  it('has its parts where the layout says', () => {
    expect(composeCookie({ ordinal: 1, epoch: 2, step: 3 })).toBe(0x5354_000001_0002_03n);
    expect(ownerCookie).toBe(0x5354_0000_0000_0000n);
  });

  it('gives back what was put in, and is selected by owner and by ordinal', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const cookie = composeCookie(a);
        expect(parseCookie(cookie)).toEqual(a);
        expect(cookie & ownerCookieMask).toBe(ownerCookie);
        expect((cookie & ordinalCookieMask) === ordinalCookie(b.ordinal)).toBe(a.ordinal === b.ordinal);
      }),
      { numRuns: 200 * scale },
    );
  });

  it('of anybody else has no parts', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (cookie) => {
        fc.pre(cookie >> 48n !== 0x5354n);
        expect(isOurs(cookie)).toBe(false);
        expect(parseCookie(cookie)).toBeUndefined();
      }),
      { numRuns: 200 * scale },
    );
  });

  it.each([
    [{ ordinal: 2 ** 24, epoch: 0, step: 0 }, 'ordinal'],
    [{ ordinal: -1, epoch: 0, step: 0 }, 'ordinal'],
    [{ ordinal: 0, epoch: 65536, step: 0 }, 'epoch'],
    [{ ordinal: 0, epoch: 0, step: 256 }, 'step'],
    [{ ordinal: 0.5, epoch: 0, step: 0 }, 'ordinal'],
  ])('is not made from %j', (bad, part) => {
    expect(() => composeCookie(bad)).toThrow(new RegExp(`${part} .* does not fit`));
  });
});
