import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../src/openflow/codec.js';
import type { AnyMessage } from '../../src/openflow/generated/types.js';
import { fromJson, type Json, toJson } from '../../src/openflow/json.js';
import { SlabWriter } from '../../src/openflow/slab-writer.js';
import { messageArbitrary } from './arbitrary.js';
import { Interpreter } from './interpreter.js';

const numRuns = 1000 * Number(process.env.STEADY_TEST_SCALE ?? 1);

function encoded(message: AnyMessage, version: number): Uint8Array {
  const writer = new SlabWriter(64);
  encodeMessage(message, writer, version);
  return writer.finish();
}

describe.each([1, 4, 5, 6])('any message of wire version %i', (version) => {
  const messages = messageArbitrary(version);

  it('comes back from its bytes', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decodeMessage(encoded(message, version))).toEqual({ ok: true, version, message });
      }),
      { numRuns },
    );
  });

  it('is laid out as the tables say', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(new Interpreter(encoded(message, version)).message()).toEqual(message);
      }),
      { numRuns },
    );
  });

  it('comes back from its JSON', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const text = JSON.stringify(toJson(message));
        expect(fromJson(version, message.type, JSON.parse(text) as Json)).toEqual(message);
      }),
      { numRuns },
    );
  });

  it('does not depend on what was written before it', () => {
    fc.assert(
      fc.property(fc.array(messages, { maxLength: 6 }), (several) => {
        const together = new SlabWriter(64);
        for (const message of several) encodeMessage(message, together, version);
        const apart = several.map((message) => encoded(message, version));
        expect(Buffer.from(together.finish()).equals(Buffer.concat(apart))).toBe(true);
      }),
      { numRuns: numRuns / 5 },
    );
  });
});
