import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readText, textBytes } from '../../src/openflow/text.js';

const read = (...bytes: number[]): string => readText(Uint8Array.from(bytes), 0, bytes.length);

describe('text of fixed width', () => {
  it('is UTF-8 where it can be', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        fc.pre(!value.endsWith('\0'));
        const encoded = Buffer.from(value, 'utf8');
        expect(textBytes(value)).toEqual([...encoded]);
        expect(readText(encoded, 0, encoded.length)).toBe(value);
      }),
    );
  });

  it('loses no byte where it cannot, not even through JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        fc.pre(bytes.at(-1) !== 0);
        const text = JSON.parse(JSON.stringify(readText(bytes, 0, bytes.length)));
        expect(textBytes(text)).toEqual([...bytes]);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a lone continuation', [0x80], '\udc80'],
    ['an overlong slash', [0xc0, 0xaf], '\udcc0\udcaf'],
    ['an encoded surrogate', [0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
    ['above U+10FFFF', [0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
    ['a cut-off sequence', [0x41, 0xe2, 0x82], 'A\udce2\udc82'],
    ['NUL inside, NUL at the end', [0x61, 0, 0x62, 0, 0], 'a\0b'],
  ])('keeps %s', (_, bytes, text) => {
    expect(read(...bytes)).toBe(text);
  });
});
