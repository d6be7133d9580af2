import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { preferred } from '../../src/api/accept.js';
import { parseDpid } from '../../src/api/dpid.js';
import { bodyDigest } from '../../src/api/idempotency.js';
import { jsonErrorOffset, lineAndColumn } from '../../src/api/json-error-position.js';
import { isLoopback } from '../../src/api/origin.js';

const runs = 300 * Number(process.env.STEADY_TEST_SCALE ?? 1);
const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe('the position of a JSON error', () => {
  it.each([
    ['', 0],
    ['{', 1],
    ['{"a":1,}', 7],
    ['[1,]', 3],
    ['[1 2]', 3],
    ["{'a':1}", 1],
    ['{"a" 1}', 5],
    ['{"a":tru}', 8],
    ['01', 1],
    ['-', 1],
    ['1.', 2],
    ['1e+', 3],
    ['"a\nb"', 2],
    ['"\\x"', 2],
    ['"\\u12g4"', 5],
    ['{"a":1]', 6],
    ['{} {}', 3],
    ['nul', 3],
    ['NaN', 0],
  ])('of %j is %d', (text, offset) => {
    expect(jsonErrorOffset(text)).toBe(offset);
  });
  it('is there exactly when the text does not parse', () => {
    const damaged = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', '"', '}', ']', ',', ':', '\\', '0', 'e', '.', '-', ' ', '\n', 't', 'é'),
        fc.nat(2),
      )
      .map(([text, at, piece, cut]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + piece + text.slice(place + cut);
      });
    fc.assert(
      fc.property(damaged, (text) => {
        const offset = jsonErrorOffset(text);
        expect(offset === undefined).toBe(parses(text));
      }),
      { numRuns: 10 * runs },
    );
  });
  it('is the end of the longest prefix that some JSON text has', () => {
    // what stands before the offset must be completable: cutting there moves the error to the end
    const damaged = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom(',', '}', 'x', '"'))
      .map(([text, at, piece]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + piece + text.slice(place);
      });
    fc.assert(
      fc.property(damaged, (text) => {
        const offset = jsonErrorOffset(text);
        if (offset === undefined) return;
        const prefix = text.slice(0, offset);
        expect([undefined, prefix.length]).toContain(jsonErrorOffset(prefix));
      }),
      { numRuns: runs },
    );
  });
  it('has a line and a column, both from 1', () => {
    expect(lineAndColumn('{\n  x', 4)).toEqual({ line: 2, column: 3 });
    expect(lineAndColumn('', 0)).toEqual({ line: 1, column: 1 });
  });
});

describe('datapath ids', () => {
  it('come back from every spelling', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (value) => {
        const hex = value.toString(16).padStart(16, '0');
        const spellings = [
          `0x${value.toString(16)}`,
          hex,
          hex.toUpperCase(),
          `of:${hex}`,
          hex.match(/../g)?.join(':') ?? '',
        ];
        // 16 decimal digits read as 16 hexadecimal digits: that spelling is the canonical one
        if (value.toString().length !== 16) spellings.push(value.toString());
        for (const spelling of spellings) expect(parseDpid(spelling)).toBe(hex);
      }),
      { numRuns: runs },
    );
  });
});

describe('content negotiation', () => {
  const offered = ['application/json', 'text/plain'] as const;
  it.each([
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['text/plain', 'text/plain'],
    ['text/*', 'text/plain'],
    ['text/html, */*;q=0.1', 'application/json'],
    ['text/plain;q=0.9, application/json', 'application/json'],
    ['application/json;q=0.2, text/plain;q=0.3', 'text/plain'],
    ['*/*, application/json;q=0', 'text/plain'],
    ['image/png', undefined],
    ['text/plain;q=0', undefined],
  ])('%j prefers %s', (accept, type) => {
    expect(preferred(accept, offered)).toBe(type);
  });
});

describe('small parts', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.255.0.9', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
    ['localhost.', false],
  ])('%s is loopback: %s', (host, loopback) => {
    expect(isLoopback(host)).toBe(loopback);
  });
  it('a digest depends on values, not on the order of members', () => {
    expect(bodyDigest({ a: 1, b: { c: [1, 2], d: null } })).toBe(
      bodyDigest({ b: { d: null, c: [1, 2] }, a: 1 }),
    );
    expect(bodyDigest({ a: [1, 2] })).not.toBe(bodyDigest({ a: [2, 1] }));
    expect(bodyDigest({ a: 1 })).not.toBe(bodyDigest({ a: '1' }));
  });
});
