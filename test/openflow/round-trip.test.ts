import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../src/openflow/codec.js';
import { fromJson, type Json, toJson } from '../../src/openflow/json.js';
import { SlabWriter } from '../../src/openflow/slab-writer.js';
import { messageArbitrary } from './arbitrary.js';
import { Interpreter } from './interpreter.js';

const numRuns = 1000 * Number(process.env.STEADY_TEST_SCALE ?? 1);

function encoded(message: Parameters<typeof encodeMessage>[0]): Uint8Array {
  const writer = new SlabWriter(64);
  encodeMessage(message, writer);
  return writer.finish();
}

describe('any message', () => {
  it('comes back from its bytes', () => {
    fc.assert(
      fc.property(messageArbitrary, (message) => {
        expect(decodeMessage(encoded(message))).toEqual({ ok: true, version: 4, message });
      }),
      { numRuns },
    );
  });

  it('is laid out as the tables say', () => {
    fc.assert(
      fc.property(messageArbitrary, (message) => {
        expect(new Interpreter(encoded(message)).message()).toEqual(message);
      }),
      { numRuns },
    );
  });

  it('comes back from its JSON', () => {
    fc.assert(
      fc.property(messageArbitrary, (message) => {
        const text = JSON.stringify(toJson(message));
        expect(fromJson(4, message.type, JSON.parse(text) as Json)).toEqual(message);
      }),
      { numRuns },
    );
  });

  it('does not depend on what was written before it', () => {
    fc.assert(
      fc.property(fc.array(messageArbitrary, { maxLength: 6 }), (messages) => {
        const together = new SlabWriter(64);
        for (const message of messages) encodeMessage(message, together);
        const apart = messages.map(encoded);
        expect(Buffer.from(together.finish()).equals(Buffer.concat(apart))).toBe(true);
      }),
      { numRuns: numRuns / 5 },
    );
  });
});
