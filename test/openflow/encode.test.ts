import { describe, expect, it } from 'vitest';
import { applyActions, flowMod, hello, output } from '../../src/openflow/builders.js';
import { encodeMessage } from '../../src/openflow/codec.js';
import { EncodeError } from '../../src/openflow/encode-error.js';
import type { Message } from '../../src/openflow/generated/types.js';
import { toHex } from '../../src/openflow/hex.js';
import { fromJson, type Json, toJson } from '../../src/openflow/json.js';
import { SlabWriter } from '../../src/openflow/slab-writer.js';

function pathOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof EncodeError) return error.path;
    throw error;
  }
  return 'no error';
}

const encode = (message: unknown, version = 4): string => {
  const writer = new SlabWriter();
  encodeMessage(message as Message, writer, version);
  return toHex(writer.finish());
};

describe('encoding refuses what would not come back', () => {
  const echo = { type: 'echo_request', xid: 1, data: Uint8Array.of(1) };
  it.each([
    ['flow_mod.priority', flowMod({ priority: 0x10000 })],
    ['flow_mod.priority', flowMod({ priority: 1.5 })],
    ['flow_mod.priority', flowMod({ priority: undefined })],
    ['flow_mod.table_id', flowMod({ table_id: -1 })],
    ['flow_mod.cookie', flowMod({ cookie: 2n ** 64n })],
    ['flow_mod.cookie', flowMod({ cookie: -1n })],
    ['flow_mod.cookie', flowMod({ cookie: 5 as unknown as bigint })],
    ['xid', { ...echo, xid: 2 ** 32 }],
    ['echo_request', { ...echo, data: new Uint8Array(65_528) }],
    ['echo_request.data', { ...echo, data: 'ab' }],
    ['eth_dst', flowMod({ match: [{ field: 'eth_dst', value: new Uint8Array(5) }] })],
    ['in_port', flowMod({ match: [{ field: 'in_port', value: Number.NaN }] })],
    ['vlan_vid', flowMod({ match: [{ field: 'vlan_vid', value: 1, mask: 0x10000 }] })],
    ['metadata', flowMod({ match: [{ field: 'metadata', value: 1 as unknown as bigint }] })],
    ['oxm.field', flowMod({ match: [{ field: 'tcp_flags', value: 1 }] })],
    [
      'raw.oxm_field',
      flowMod({
        match: [{ field: 'raw', oxm_class: 1, oxm_field: 128, has_mask: false, payload: new Uint8Array(0) }],
      }),
    ],
    [
      'raw.payload',
      flowMod({
        match: [{ field: 'raw', oxm_class: 1, oxm_field: 1, has_mask: false, payload: new Uint8Array(256) }],
      }),
    ],
    [
      'action.experimenter',
      flowMod({
        instructions: [applyActions({ type: 'experimenter', experimenter: 1, data: new Uint8Array(3) })],
      }),
    ],
    ['action', flowMod({ instructions: [applyActions({ type: 'outptu' } as never)] })],
    ['flow_mod.padding', { ...flowMod(), padding: new Uint8Array(7) }],
    ['message', { type: 'flowmod', xid: 1 }],
    ['multipart_request', { type: 'multipart_request', xid: 1, mp_type: 'flows', flags: 0, body: {} }],
    [
      'bundle_add_message.message',
      {
        type: 'bundle_add_message',
        xid: 1,
        bundle_id: 1,
        flags: 0,
        properties: [],
        message: { type: 'bundle_add_message' },
      },
    ],
    [
      'async',
      { type: 'set_async', xid: 1, packet_in_mask: [1], port_status_mask: [1, 1], flow_removed_mask: [1, 1] },
    ],
  ])('%s', (path, message) => {
    const expected = path === 'async' ? 'set_async.packet_in_mask' : path;
    expect(pathOf(() => encode(message))).toBe(expected);
  });

  it('a name that does not fit', () => {
    const port = {
      port_no: 1,
      hw_addr: new Uint8Array(6),
      name: 'seventeen-letters',
      config: 0,
      state: 0,
      curr: 0,
      advertised: 0,
      supported: 0,
      peer: 0,
      curr_speed: 0,
      max_speed: 0,
    };
    expect(pathOf(() => encode({ type: 'port_status', xid: 1, reason: 0, desc: port }))).toBe(
      'port_status.desc.name',
    );
  });

  it('a version without tables, or without this message', () => {
    expect(pathOf(() => encode(hello(1), 7))).toBe('version');
    expect(
      pathOf(() => encode({ type: 'meter_mod', xid: 1, command: 0, flags: 0, meter_id: 1, bands: [] }, 1)),
    ).toBe('message');
    expect(encode({ type: 'hello', xid: 1, elements: [] }, 1)).toBe('0100000800000001');
  });

  it('a message too long by a list', () => {
    const actions = Array.from({ length: 5000 }, () => output(1));
    expect(pathOf(() => encode(flowMod({ instructions: [applyActions(...actions)] })))).toBe(
      'instruction.apply_actions',
    );
  });
});

describe('reading JSON names the property at fault', () => {
  const good = toJson(flowMod({ match: [{ field: 'metadata', value: 1n }] })) as { [key: string]: Json };
  it.each([
    ['flow_mod.cookie', { ...good, cookie: 1 }],
    ['flow_mod.cookie', { ...good, cookie: '-1' }],
    ['flow_mod.priority', { ...good, priority: '1' }],
    ['flow_mod.prioritty', { ...good, prioritty: 1 }],
    ['flow_mod.match', { ...good, match: {} }],
    ['flow_mod.match[0].field', { ...good, match: [{ field: 'in_prot', value: 1 }] }],
    ['flow_mod.match[0].value', { ...good, match: [{ field: 'eth_dst', value: '0g' }] }],
    ['flow_mod.instructions[0].type', { ...good, instructions: [{ type: 'goto' }] }],
    ['flow_mod.type', { ...good, type: 'hello' }],
    ['flow_mod.padding', { ...good, padding: 5 }],
    ['flow_mod', 'text'],
  ])('%s', (path, json) => {
    expect(pathOf(() => fromJson(4, 'flow_mod', json as Json))).toBe(path);
  });

  it('takes the good one', () => {
    expect(toJson(fromJson(4, 'flow_mod', good))).toEqual(good);
    expect(pathOf(() => fromJson(1, 'meter_mod', good))).toBe('type');
  });
});
