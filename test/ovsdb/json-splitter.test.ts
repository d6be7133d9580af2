import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonSplitter, JsonStreamError } from '../../src/ovsdb/json-splitter.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
function split(chunks: readonly Uint8Array[], limit = 1 << 20): string[] {
  const texts: string[] = [];
  const splitter = new JsonSplitter(limit);
  for (const chunk of chunks) {
    const copy = chunk.slice();
    splitter.push(copy, (text) => texts.push(text));
    copy.fill(0x58); // the splitter must not keep a view of a chunk that its caller reuses
  }
  return texts;
}

describe('JsonSplitter', () => {
  it('gives the same messages however the stream is cut', () => {
    const container = fc.oneof(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
      fc.array(fc.jsonValue()),
    );
    fc.assert(
      fc.property(
        fc.array(container, { maxLength: 5 }),
        fc.constantFrom('', ' ', '\n', '\r\n\t'),
        fc.array(fc.nat(400), { maxLength: 20 }),
        (values, gap, cuts) => {
          const stream = bytesOf(values.map((v) => JSON.stringify(v) + gap).join(''));
          const at = [0, ...cuts.filter((c) => c < stream.length).sort((a, b) => a - b), stream.length];
          const chunks = at.slice(1).map((end, i) => stream.slice(at[i], end));
          expect(split(chunks).map((t) => JSON.parse(t))).toEqual(JSON.parse(JSON.stringify(values)));
        },
      ),
      { numRuns: 200 * scale },
    );
  });

  it('takes one byte at a time', () => {
    const text = '{"a":"\\"}]\\\\","b":[{},"ä€😀"]}[1]';
    expect(split([...bytesOf(text)].map((b) => Uint8Array.of(b)))).toEqual([text.slice(0, -3), '[1]']);
  });

  it('accepts a message of exactly the limit and refuses one byte more', () => {
    const text = '["12345678"]';
    expect(split([bytesOf(text)], text.length)).toEqual([text]);
    expect(split([bytesOf(text.slice(0, 5)), bytesOf(text.slice(5))], text.length)).toEqual([text]);
    expect(() => split([bytesOf(text)], text.length - 1)).toThrow(JsonStreamError);
    expect(() => split([bytesOf('["123456789')], 10)).toThrow(/longer than 10 bytes/);
  });

  it('refuses what is not JSON between messages', () => {
    expect(() => split([bytesOf('{}x')])).toThrow(/byte 0x78 between messages/);
    expect(() => split([bytesOf('GET / HTTP/1.1')])).toThrow(JsonStreamError);
  });
});
