import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  absent,
  countOf,
  formatBitsPerSecond,
  formatBytes,
  formatCount,
  formatMs,
  formatPercent,
  formatSeconds,
  formatSquareBytes,
  timeOfDay,
  trimmed,
} from '../../src/dashboard/model/format.js';
import {
  backlogScale,
  decades,
  levelOf,
  linkWidth,
  niceCeiling,
  onLogAxis,
  utilisationOf,
} from '../../src/dashboard/model/scales.js';

const runs = 200 * Number(process.env.STEADY_TEST_SCALE ?? 1);

describe('numbers as people read them', () => {
  it.each([
    [formatBitsPerSecond(50e6), '50.0 Mbit/s'],
    [formatBitsPerSecond(999.7e6), '1.00 Gbit/s'],
    [formatBitsPerSecond(0), '0 bit/s'],
    [formatBytes(150e6), '150 MB'],
    [formatBytes(1), '1.00 B'],
    [formatMs(12.34), '12.3 ms'],
    [formatMs(0.4799), '0.48 ms'],
    [formatMs(-0.0001), '0 ms'],
    [formatMs(1500), '1.5 s'],
    [formatSeconds(59.6), '60 s'],
    [formatSeconds(140), '2 min 20 s'],
    [formatSeconds(7200), '2 h 00 min'],
    [formatPercent(0.974), '97 %'],
    [formatPercent(0.0044), '0.44 %'],
    [formatPercent(0), '0 %'],
    [formatCount(1234567), '1\u202f234\u202f567'],
    [formatSquareBytes(3.21e9), '3.2·10⁹ B²'],
    [formatSquareBytes(9.99e9), '1.0·10¹⁰ B²'],
    [formatSquareBytes(12), '12.0 B²'],
    [trimmed('50.0 Mbit/s'), '50 Mbit/s'],
    [trimmed('20.5 ms'), '20.5 ms'],
  ])('%s', (text, expected) => {
    expect(text).toBe(expected);
  });

  it('what is not known is a dash, never NaN', () => {
    for (const n of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY])
      for (const format of [
        formatBytes,
        formatBitsPerSecond,
        formatMs,
        formatSeconds,
        formatPercent,
        formatCount,
        formatSquareBytes,
      ])
        expect(format(n)).toBe(absent);
  });

  it('reads decimal strings of 64 bits and takes nonsense for nothing', () => {
    expect(countOf('18446744073709551615')).toBeCloseTo(1.8446744073709552e19, -5);
    expect([countOf('x'), countOf('-3'), countOf('')]).toEqual([0, 0, 0]);
  });

  it('shows a time that cannot be read as it is', () => {
    expect(timeOfDay('yesterday')).toBe('yesterday');
    expect(timeOfDay('2026-01-01T10:20:30.456Z', true)).toMatch(/^\d\d:20:30\.4$/);
  });
});

describe('axes', () => {
  it('a ceiling is round, not below the value, and less than twice it', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (n) => {
        const top = niceCeiling(n);
        expect(top).toBeGreaterThanOrEqual(n * (1 - 1e-8));
        expect(top).toBeLessThan(2 * n);
      }),
      { numRuns: runs },
    );
    expect([0, -1, Number.NaN].map(niceCeiling)).toEqual([1, 1, 1]);
  });

  it('the bound is drawn when the backlog stays readable; the buffer is left out and said to be, unless asked for', () => {
    expect(backlogScale(10, 45, 240, false)).toEqual({ topMs: 50, boundVisible: true, bufferVisible: false });
    expect(backlogScale(10, 45, 240, true)).toEqual({ topMs: 300, boundVisible: true, bufferVisible: true });
    expect(backlogScale(10, 5000, 240, false)).toMatchObject({ boundVisible: false, bufferVisible: false });
    expect(backlogScale(10, 5000, 240, true)).toMatchObject({
      topMs: 300,
      boundVisible: false,
      bufferVisible: true,
    });
    expect(backlogScale(230, 45, 240, false)).toMatchObject({ boundVisible: true, bufferVisible: true });
  });

  it('a line that is said to be visible is inside the picture, and the data always are', () => {
    const ms = fc.double({ min: 0, max: 1e4, noNaN: true });
    fc.assert(
      fc.property(ms, ms, ms, fc.boolean(), (data, bound, buffer, whole) => {
        const scale = backlogScale(data, bound, buffer, whole);
        expect(scale.topMs).toBeGreaterThanOrEqual(data);
        expect(scale.boundVisible && bound > scale.topMs).toBe(false);
        expect(scale.bufferVisible && buffer > scale.topMs).toBe(false);
        if (bound > 0 && bound <= scale.topMs / 2) expect(scale.boundVisible).toBe(true);
      }),
      { numRuns: runs },
    );
  });

  it('whole decades around positive values; zeros and holes do not count', () => {
    expect(decades([[null, 0, 3e5, 7e8]], 0)).toEqual([1e5, 1e9]);
    expect(decades([[1, 1e12]], 0, 6)).toEqual([1e7, 1e13]);
    expect(decades([[null, 0]], 0)).toEqual([1e6, 1e10]);
    expect(onLogAxis([null, 0, 5], 2)).toEqual([null, 2, 5]);
  });
});

describe('colour and width of links', () => {
  it('a load without capacity has no utilisation', () => {
    expect(utilisationOf(5, null)).toBeNull();
    expect(utilisationOf(null, 5)).toBeNull();
    expect(utilisationOf(25e6, 50e6)).toBe(0.5);
  });
  it('levels change at 50, 80 and 95 %', () => {
    expect([null, 0, 0.499, 0.5, 0.8, 0.95, 1.2].map(levelOf)).toEqual([
      'unknown',
      'low',
      'low',
      'medium',
      'high',
      'full',
      'full',
    ]);
  });
  it('more capacity is never drawn thinner', () => {
    const widths = [1e5, 1e6, 1e7, 5e7, 1e8, 1e9, 1e11, 1e13].map(linkWidth);
    expect([...widths].sort((a, b) => a - b)).toEqual(widths);
    expect(new Set(widths).size).toBeGreaterThan(4);
  });
});
