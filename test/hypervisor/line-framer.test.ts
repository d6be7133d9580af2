import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineFramer } from '../../src/hypervisor/line-framer.js';

const numRuns = 100 * Number(process.env.STEADY_TEST_SCALE ?? 1);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function feed(framer: LineFramer, ...chunks: Uint8Array[]) {
  const lines: string[] = [];
  const errors = chunks.map((chunk) => framer.push(chunk, (line) => lines.push(line))?.code);
  return { lines, errors };
}

describe('LineFramer', () => {
  it('gives the same lines however the bytes are cut', () => {
    const line = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((s) => !/[\r\n]/.test(s) && s.trim() !== '');
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(40)), (lines, cuts) => {
        const stream = bytes(lines.map((l) => `${l}\n`).join(''));
        const framer = new LineFramer(10_000);
        const chunks: Uint8Array[] = [];
        let from = 0;
        for (const cut of cuts) {
          chunks.push(stream.subarray(from, from + cut));
          from += cut;
        }
        chunks.push(stream.subarray(from));
        expect(feed(framer, ...chunks).lines).toEqual(lines);
        expect(framer.heldBytes).toBe(0);
      }),
      { numRuns },
    );
  });

  it('drops blank lines and carriage returns, keeps an unfinished line', () => {
    const framer = new LineFramer(100);
    expect(feed(framer, bytes('a\r\n\n  \nb')).lines).toEqual(['a']);
    expect(framer.heldBytes).toBe(1);
    expect(feed(framer, bytes('c\n')).lines).toEqual(['bc']);
  });

  it('takes a line of exactly the limit and refuses one byte more, without a newline too', () => {
    expect(feed(new LineFramer(5), bytes('12345\n')).lines).toEqual(['12345']);
    expect(feed(new LineFramer(5), bytes('123456\n'))).toEqual({ lines: [], errors: ['line-too-long'] });
    const framer = new LineFramer(5);
    expect(feed(framer, bytes('123'), bytes('456'), bytes('\nok\n'))).toEqual({
      lines: [],
      errors: [undefined, 'line-too-long', 'line-too-long'],
    });
  });

  it('refuses what is not UTF-8, after the lines before it', () => {
    const { lines, errors } = feed(new LineFramer(100), new Uint8Array([0x61, 0x0a, 0xff, 0x0a, 0x62, 0x0a]));
    expect(lines).toEqual(['a']);
    expect(errors).toEqual(['not-utf8']);
  });
});
