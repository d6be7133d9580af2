import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Framer } from '../../src/openflow/framer.js';
import { fromHex, toHex } from '../../src/openflow/hex.js';
import { goldens } from './golden-files.js';

const bytesOf = (hex: string): Uint8Array => fromHex(hex) as Uint8Array;

function collect(framer: Framer, chunk: Uint8Array): { seen: string[]; error: unknown } {
  const seen: string[] = [];
  const error = framer.push(chunk, (b, offset, length) =>
    seen.push(toHex(b.subarray(offset, offset + length))),
  );
  return { seen, error };
}

describe('Framer', () => {
  it('hands messages over in place when they lie whole in a chunk', () => {
    const chunk = bytesOf('04140008000000010414000800000002');
    const places: [Uint8Array, number, number][] = [];
    new Framer().push(chunk, (...place) => places.push(place));
    expect(places.map(([bytes]) => bytes === chunk)).toEqual([true, true]);
    expect(places.map(([, offset, length]) => [offset, length])).toEqual([
      [0, 8],
      [8, 8],
    ]);
  });

  it('finds the same messages however the stream is cut', () => {
    const stream = fc.array(fc.constantFrom(...goldens), { maxLength: 8 });
    const cuts = fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(stream, cuts, (messages, sizes) => {
        const whole = Buffer.concat(messages.map(({ bytes }) => bytes));
        const framer = new Framer();
        const found: string[] = [];
        // Empty chunks are part of the game, so the last size is one that ends it.
        for (let at = 0, i = 0; at < whole.length; i += 1) {
          const size = i < sizes.length ? sizes[i] : whole.length;
          const { seen, error } = collect(framer, Uint8Array.from(whole.subarray(at, at + size)));
          expect(error).toBeUndefined();
          found.push(...seen);
          at += size;
        }
        expect(found).toEqual(messages.map(({ hex }) => hex));
        expect(framer.pendingBytes).toBe(0);
      }),
      { numRuns: 200 * Number(process.env.STEADY_TEST_SCALE ?? 1) },
    );
  });

  it('carries the largest message there can be', () => {
    const largest = new Uint8Array(65535);
    largest.set([4, 2, 0xff, 0xff]);
    const framer = new Framer();
    expect(collect(framer, largest.subarray(0, 60000)).seen).toEqual([]);
    expect(framer.pendingBytes).toBe(60000);
    expect(collect(framer, largest.subarray(60000)).seen).toEqual([toHex(largest)]);
  });

  it.each([
    ['a length below 8', '0400000700000001', 'bad_length'],
    ['version 0', '0000000800000001', 'bad_version'],
    ['a version far above', '16030100f4010000', 'bad_version'],
  ])('refuses %s, whole or in pieces, and stays refusing', (_, hex, code) => {
    const bad = bytesOf(hex);
    const good = bytesOf('0414000800000009');
    const whole = new Framer();
    const first = collect(whole, Uint8Array.from([...good, ...bad, ...good]));
    expect(first).toEqual({ seen: ['0414000800000009'], error: expect.objectContaining({ code }) });
    expect(collect(whole, good)).toEqual({ seen: [], error: first.error });

    const pieces = new Framer();
    expect(collect(pieces, bad.subarray(0, 5)).error).toBeUndefined();
    expect(collect(pieces, bad.subarray(5)).error).toMatchObject({ code });
  });

  it('lets a hello of a version to come pass, so that it can be answered', () => {
    expect(collect(new Framer(), bytesOf('0900000800000001')).seen).toEqual(['0900000800000001']);
  });
});
