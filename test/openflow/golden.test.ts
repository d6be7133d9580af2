import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../src/openflow/codec.js';
import { decodeLine } from '../../src/openflow/decode-line.js';
import { catalogue } from '../../src/openflow/descriptors/index.js';
import { holds } from '../../src/openflow/descriptors/language.js';
import { Framer } from '../../src/openflow/framer.js';
import { toHex } from '../../src/openflow/hex.js';
import { fromJson, toJson } from '../../src/openflow/json.js';
import { SlabWriter } from '../../src/openflow/slab-writer.js';
import { type Golden, goldens } from './golden-files.js';
import { Interpreter } from './interpreter.js';

describe.each(goldens)('golden $name', (golden) => {
  const { bytes, hex, version, message } = golden;

  it('names its source', () => {
    expect(golden.source).not.toBe('');
  });

  it('decodes to the expected values', () => {
    const result = decodeMessage(bytes);
    if (!result.ok) throw new Error(`${result.error.code} at ${result.error.offset}: ${result.error.detail}`);
    expect(result.version).toBe(version);
    expect(toJson(result.message)).toEqual(message);
  });

  it('decodes alike when the tables are walked slowly', () => {
    expect(decodeMessage(bytes)).toEqual({ ok: true, version, message: new Interpreter(bytes).message() });
  });

  it('is encoded to the same bytes from its JSON alone', () => {
    const writer = new SlabWriter();
    encodeMessage(fromJson(version, message.type, message), writer, version);
    expect(toHex(writer.finish())).toBe(hex);
  });

  it('answers a line of the decode command', () => {
    expect(JSON.parse(decodeLine(hex))).toEqual({
      ok: true,
      version,
      type: message.type,
      message,
      reencoded: hex,
    });
  });

  it('is framed whole, byte by byte, and between others', () => {
    const stream = new Uint8Array(3 * bytes.length);
    for (const i of [0, 1, 2]) stream.set(bytes, i * bytes.length);
    for (const step of [1, 7, bytes.length, bytes.length + 3, stream.length]) {
      const framer = new Framer();
      const seen: string[] = [];
      for (let at = 0; at < stream.length; at += step) {
        const error = framer.push(stream.slice(at, at + step), (b, offset, length) =>
          seen.push(toHex(b.subarray(offset, offset + length))),
        );
        if (error !== undefined) throw new Error(error.detail);
      }
      expect(seen).toEqual([hex, hex, hex]);
      expect(framer.pendingBytes).toBe(0);
    }
  });

  it('is refused with bytes after it', () => {
    for (const extra of [1, 8]) {
      const longer = new Uint8Array(bytes.length + extra);
      longer.set(bytes);
      expect(decodeMessage(longer)).toMatchObject({ ok: false, error: { code: 'trailing_bytes' } });
    }
  });

  it('decodes the same from the middle of a larger buffer, and keeps nothing of it', () => {
    const buffer = new Uint8Array(bytes.length + 20).fill(0xee);
    buffer.set(bytes, 7);
    const result = decodeMessage(buffer, 7, bytes.length);
    buffer.fill(0xdd);
    expect(result).toEqual(decodeMessage(bytes));
  });
});

const bodyOf = (type: string, mpType: unknown): string => `${type} ${mpType ?? ''}`.trim();

it.each([1, 4, 5, 6])(
  'has a golden message for every type and every multipart body of wire version %i',
  (version) => {
    const namesOf = (some: readonly Golden[]): Set<string> =>
      new Set(some.map(({ message }) => bodyOf(message.type, message.mp_type)));
    const here = namesOf(goldens.filter((golden) => golden.version === version));
    const anywhere = namesOf(goldens);
    const parts = catalogue.multiparts.filter((part) => holds(part.versions, version));
    const want = catalogue.messages
      .filter((row) => holds(row.versions, version))
      .flatMap((row) =>
        row.multipart === undefined
          ? [{ name: row.name, vendor: row.experimenter !== undefined }]
          : parts.map((part) => ({
              name: bodyOf(row.name, part.name),
              vendor: part.experimenter !== undefined,
            })),
      );
    // What a vendor defines does not depend on the version, so one version shows it.
    const missing = want.filter(({ name, vendor }) => !(vendor ? anywhere : here).has(name));
    expect(missing).toEqual([]);
  },
);
