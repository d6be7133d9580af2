import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MacTable } from '../../src/learning/index.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

describe('a table of addresses', () => {
  it('knows the last port of each address, and no other address', () => {
    const table = new MacTable(1024, 300);
    table.learn(0x0200, 7, 3, 0);
    expect(table.find(0x0200, 7, 1)).toBe(3);
    expect(table.find(0x0201, 7, 1)).toBe(-1);
    expect(table.find(0x0200, 8, 1)).toBe(-1);
    expect(table.learn(0x0200, 7, 3, 1)).toBe(false);
    expect(table.learn(0x0200, 7, 4, 1)).toBe(true);
    expect(table.find(0x0200, 7, 1)).toBe(4);
  });

  it('takes the address of all zeros for an address like any other', () => {
    const table = new MacTable(64, 300);
    expect(table.find(0, 0, 0)).toBe(-1);
    expect(table.learn(0, 0, 5, 0)).toBe(false);
    expect(table.find(0, 0, 0)).toBe(5);
  });

  it('forgets an address that was not seen for longer than the age limit', () => {
    const table = new MacTable(64, 300);
    table.learn(1, 1, 9, 10);
    expect(table.find(1, 1, 310)).toBe(9);
    expect(table.find(1, 1, 311)).toBe(-1);
    expect(table.learn(1, 1, 8, 400), 'what is forgotten has not moved').toBe(false);
  });

  it('agrees with a map as long as there is room', () => {
    const sight = fc.record({
      high: fc.integer({ min: 0, max: 3 }),
      low: fc.integer({ min: 0, max: 500 }),
      port: fc.integer({ min: 1, max: 0xffffffff }),
    });
    fc.assert(
      fc.property(fc.array(sight, { maxLength: 1000 }), (sights) => {
        const table = new MacTable(65_536, 300);
        const model = new Map<string, number>();
        for (const { high, low, port } of sights) {
          const key = `${high}:${low}`;
          expect(table.learn(high, low, port, 5)).toBe(model.has(key) && model.get(key) !== port);
          model.set(key, port);
        }
        for (const { high, low } of sights)
          expect(table.find(high, low, 5)).toBe(model.get(`${high}:${low}`));
      }),
      { numRuns: 50 * scale },
    );
  });

  it('never grows beyond its bound, and gives up the address that was unseen for longest', () => {
    const table = new MacTable(64, 300);
    for (let i = 0; i < 100_000; i += 1) table.learn(i >>> 16, Math.imul(i, 2654435761) >>> 0, 1, i >> 12);
    expect(table.capacity).toBe(64);
    const last = 99_999;
    expect(table.find(last >>> 16, Math.imul(last, 2654435761) >>> 0, last >> 12)).toBe(1);
  });

  it('holds 99 of 100 addresses that take half of its room', () => {
    const table = new MacTable(16_384, 300);
    for (let i = 0; i < 8000; i += 1) table.learn(0x0200, i, i + 1, 0);
    let known = 0;
    for (let i = 0; i < 8000; i += 1) if (table.find(0x0200, i, 0) === i + 1) known += 1;
    expect(table.capacity).toBeLessThanOrEqual(16_384);
    expect(known).toBeGreaterThan(7920);
  });
});
