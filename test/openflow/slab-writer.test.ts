import { describe, expect, it } from 'vitest';
import { applyActions, flowMod, match, output } from '../../src/openflow/builders.js';
import { encodeMessage } from '../../src/openflow/codec.js';
import { EncodeError } from '../../src/openflow/encode-error.js';
import type { Message } from '../../src/openflow/generated/types.js';
import { toHex } from '../../src/openflow/hex.js';
import { SlabWriter } from '../../src/openflow/slab-writer.js';

const barrier = (xid: number): Message => ({ type: 'barrier_request', xid });

describe('SlabWriter', () => {
  it('gives everything since the last finish, once', () => {
    const writer = new SlabWriter();
    expect(writer.finish().length).toBe(0);
    encodeMessage(barrier(1), writer);
    encodeMessage(barrier(2), writer);
    expect(writer.pendingBytes).toBe(16);
    expect(toHex(writer.finish())).toBe('04140008000000010414000800000002');
    expect(writer.finish().length).toBe(0);
  });

  it('never touches what it has handed out', () => {
    const writer = new SlabWriter(64);
    const turns: Uint8Array[] = [];
    for (let xid = 0; xid < 500; xid += 1) {
      encodeMessage(barrier(xid), writer);
      if (xid % 3 === 0) encodeMessage(flowMod({ xid, match: match({ in_port: xid }) }), writer);
      turns.push(writer.finish());
    }
    turns.forEach((turn, xid) => {
      expect(toHex(turn.subarray(0, 8))).toBe(`04140008${xid.toString(16).padStart(8, '0')}`);
      expect(turn.length).toBe(xid % 3 === 0 ? 8 + 64 : 8);
    });
  });

  it('grows within a turn beyond one slab', () => {
    const writer = new SlabWriter(64);
    for (let xid = 0; xid < 10_000; xid += 1) encodeMessage(barrier(xid), writer);
    const all = writer.finish();
    expect(all.length).toBe(80_000);
    expect(toHex(all.subarray(79_992))).toBe('041400080000270f');
  });

  it('takes bytes that are already encoded', () => {
    const writer = new SlabWriter();
    encodeMessage(barrier(1), writer);
    writer.append(Uint8Array.of(1, 2, 3));
    expect(toHex(writer.finish())).toBe('0414000800000001010203');
  });

  it('holds nothing of a message that could not be encoded', () => {
    const writer = new SlabWriter();
    encodeMessage(barrier(1), writer);
    const wrong = flowMod({ cookie: 0xffffn, match: match({ in_port: 1 }), priority: 70_000 });
    expect(() => encodeMessage(wrong, writer)).toThrow(EncodeError);
    const late = flowMod({ cookie: 0xffffn, instructions: [applyActions(output(1), output(-1))] });
    expect(() => encodeMessage(late, writer)).toThrow(/action.output.port/);
    expect(writer.pendingBytes).toBe(8);
    expect(toHex(writer.bytes.subarray(8, 200))).toMatch(/^0+$/);
    encodeMessage({ type: 'get_config_request', xid: 2 }, writer);
    encodeMessage({ type: 'role_request', xid: 3, role: 0, generation_id: 0n }, writer);
    expect(toHex(writer.finish())).toBe(
      '0414000800000001040700080000000204180018000000030000000000000000' + '0000000000000000',
    );
  });
});
