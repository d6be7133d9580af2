import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, type Message, SlabWriter } from '../../src/openflow/index.js';
import type { Outgoing, SessionEvent } from '../../src/session/index.js';
import {
  closeReasonOf,
  descReply,
  encoded,
  error,
  flowMod,
  flowStats,
  joined,
  portStatus,
  readyWire,
  Wire,
} from './support/fake-switch.js';

const flowRequest: Outgoing = {
  type: 'multipart_request',
  mp_type: 'flow',
  flags: 0,
  body: {
    table_id: 0xff,
    out_port: 0xffffffff,
    out_group: 0xffffffff,
    cookie: 0n,
    cookie_mask: 0n,
    match: [],
  },
};
const portRequest: Outgoing = {
  type: 'multipart_request',
  mp_type: 'port_stats',
  flags: 0,
  body: { port_no: 0xffffffff },
};
const queueRequest: Outgoing = {
  type: 'multipart_request',
  mp_type: 'queue',
  flags: 0,
  body: { port_no: 0xffffffff, queue_id: 0xffffffff },
};
const flowReply = (xid: number, cookies: readonly bigint[], more: boolean): Message => ({
  type: 'multipart_reply',
  xid,
  mp_type: 'flow',
  flags: more ? 1 : 0,
  body: cookies.map(flowStats),
});
const portStats = (port_no: number, rx_bytes: bigint) => ({
  port_no,
  rx_packets: 1n,
  tx_packets: 2n,
  rx_bytes,
  tx_bytes: 4n,
  rx_dropped: 0n,
  tx_dropped: 0n,
  rx_errors: 0n,
  tx_errors: 0n,
  rx_frame_err: 0n,
  rx_over_err: 0n,
  rx_crc_err: 0n,
  collisions: 0n,
  duration_sec: 1,
  duration_nsec: 2,
});
const portReply = (xid: number, count: number, more = false): Message => ({
  type: 'multipart_reply',
  xid,
  mp_type: 'port_stats',
  flags: more ? 1 : 0,
  body: Array.from({ length: count }, (_, i) => portStats(i + 1, BigInt(i * 1000))),
});
const cookiesOf = (event: SessionEvent | undefined): bigint[] => {
  if (event?.kind !== 'reply' || event.message.type !== 'multipart_reply' || event.message.mp_type !== 'flow')
    throw new Error(`not a flow reply: ${event?.kind}`);
  expect(event.message.flags).toBe(0);
  return event.message.body.map((flow) => flow.cookie);
};

describe('a request', () => {
  it('is answered by the reply with its id and of its type', () => {
    const wire = readyWire();
    const xid = wire.session.request({ type: 'get_config_request' }, 1, 10);
    expect(wire.hear()).toEqual([{ type: 'get_config_request', xid }]);
    wire.say(
      10,
      { type: 'barrier_reply', xid },
      { type: 'get_config_reply', xid: xid + 1, flags: 0, miss_send_len: 1 },
    );
    expect(wire.takeEvents()).toEqual([]);
    expect(wire.session.counters).toMatchObject({ droppedMessages: 2, pendingRequests: 1 });
    const reply: Message = { type: 'get_config_reply', xid, flags: 0, miss_send_len: 128 };
    wire.say(10, reply, reply);
    expect(wire.takeEvents()).toEqual([{ kind: 'reply', xid, message: reply }]);
    expect(wire.session.counters).toMatchObject({ droppedMessages: 3, pendingRequests: 0 });
  });

  it('fails when an error names it', () => {
    const wire = readyWire();
    const xid = wire.session.request(flowRequest, 1, 10);
    wire.say(10, error(xid, 1, 2));
    expect(wire.takeEvents()).toEqual([
      {
        kind: 'failed',
        xid,
        code: 'rejected',
        reason: 'OFPET_BAD_REQUEST OFPBRC_BAD_MULTIPART',
        error: { errorType: 1, errorCode: 2 },
      },
    ]);
  });

  it('fails at its deadline, and a later reply is dropped', () => {
    const wire = readyWire();
    const slow = wire.session.request(flowRequest, 3, 10);
    const quick = wire.session.request(flowRequest, 1, 10);
    wire.say(10.5, portStatus(1));
    wire.takeEvents();
    expect(wire.session.nextDeadline()).toBe(11);
    wire.session.timeout(10.9);
    expect(wire.takeEvents()).toEqual([]);
    wire.session.timeout(11);
    expect(wire.takeEvents()).toMatchObject([{ kind: 'failed', xid: quick, code: 'deadline' }]);
    wire.say(11, flowReply(quick, [1n], false), flowReply(slow, [2n], false));
    expect(cookiesOf(wire.takeEvents()[0])).toEqual([2n]);
  });

  it('is refused when too many wait, before the handshake, and after the end', () => {
    const wire = readyWire({ limits: { pendingRequests: 2 } });
    for (let i = 0; i < 2; i++) wire.session.request({ type: 'barrier_request' }, 1, 10);
    const third = wire.session.request({ type: 'barrier_request' }, 1, 10);
    expect(wire.takeEvents()).toMatchObject([{ kind: 'failed', xid: third, code: 'tooMany' }]);
    expect(wire.hear()).toHaveLength(2);
    wire.session.close('enough');
    expect(wire.takeEvents().map((e) => (e.kind === 'failed' ? e.code : e.kind))).toEqual([
      'closed',
      'closed',
      'closed',
    ]);
    const late = wire.session.request({ type: 'barrier_request' }, 1, 10);
    expect(wire.takeEvents()).toMatchObject([{ kind: 'failed', xid: late, code: 'closed' }]);
    const early = new Wire();
    early.session.request({ type: 'barrier_request' }, 1, 10);
    expect(early.takeEvents()).toMatchObject([{ kind: 'failed', reason: 'the handshake is not finished' }]);
    expect(early.session.takeBytes()).toBeUndefined();
  });

  it('throws for what has no reply or cannot be encoded, and leaves no trace', () => {
    const wire = readyWire();
    expect(() => wire.session.request(flowMod(1), 1, 10)).toThrow(TypeError);
    expect(() => wire.session.send(flowMod(-1))).toThrow(/priority/);
    expect(() => wire.session.request({ type: 'queue_get_config_request', port: -1 }, 1, 10)).toThrow(/port/);
    expect(wire.hear()).toEqual([]);
    expect(wire.session.counters.pendingRequests).toBe(0);
  });

  it('never has the id 0, and ids start anew behind the last', () => {
    const wire = readyWire();
    const first = wire.session.send(flowMod(1));
    expect(wire.session.send(flowMod(1))).toBe(first + 1);
    expect(first).toBeGreaterThan(0);
  });
});

describe('a multipart reply', () => {
  it('larger than 64 KiB is put together, also when two come interleaved', () => {
    const wire = readyWire();
    const a = wire.session.request(flowRequest, 5, 10);
    const b = wire.session.request(flowRequest, 5, 10);
    const cookies = Array.from({ length: 2000 }, (_, i) => BigInt(i));
    let bytes = 0;
    for (let i = 0; i < 2000; i += 500) {
      const part = cookies.slice(i, i + 500);
      for (const xid of [a, b]) {
        const fragment = encoded(flowReply(xid, part, i + 500 < 2000));
        bytes += fragment.length;
        wire.sayBytes(10, fragment);
      }
    }
    expect(bytes / 2).toBeGreaterThan(65536);
    const events = wire.takeEvents();
    expect(events.map((e) => e.kind === 'reply' && e.xid)).toEqual([a, b]);
    for (const event of events) expect(cookiesOf(event)).toEqual(cookies);
  });

  it('may be empty, and may have empty fragments', () => {
    const wire = readyWire();
    const a = wire.session.request(flowRequest, 5, 10);
    const b = wire.session.request(flowRequest, 5, 10);
    wire.say(
      10,
      flowReply(a, [], false),
      flowReply(b, [], true),
      flowReply(b, [1n], true),
      flowReply(b, [], false),
    );
    expect(wire.takeEvents().map(cookiesOf)).toEqual([[], [1n]]);
  });

  it('that never ends is cut off at the bound, and what follows is dropped', () => {
    const wire = readyWire({ limits: { multipartBytes: 1600 } });
    const xid = wire.session.request(flowRequest, 5, 10);
    const fragments = 200;
    wire.say(10, ...Array.from({ length: fragments }, () => flowReply(xid, [], true)));
    expect(wire.takeEvents()).toMatchObject([{ kind: 'failed', xid, code: 'tooLarge' }]);
    expect(wire.session.counters.droppedMessages).toBe(fragments - Math.ceil(1601 / 16));
    expect(wire.session.state).toBe('ready');
  });

  it('with an entry that is cut at the border of a fragment is malformed, and the fragment is named', () => {
    const wire = readyWire();
    const xid = wire.session.request(flowRequest, 5, 10);
    wire.say(10, flowReply(xid, [1n], true));
    const cut = encoded(flowReply(xid, [2n, 3n], true)).slice(0, -4);
    cut[3]! -= 4;
    wire.sayBytes(10, cut);
    const events = wire.takeEvents();
    const reason = closeReasonOf(events);
    expect(reason).toMatchObject({ code: 'malformed', detail: expect.stringContaining('fragment 2') });
    expect(reason!.offset).toBeGreaterThan(16);
    expect(events[0]).toMatchObject({ kind: 'failed', xid, code: 'closed' });
    expect(wire.hear()).toMatchObject([{ type: 'error', xid, error_type: 1, error_code: 6 }]);
  });

  it('of one structure must not have fragments', () => {
    const wire = readyWire();
    const xid = wire.session.request(
      { type: 'multipart_request', mp_type: 'desc', flags: 0, body: {} },
      5,
      10,
    );
    wire.say(10, { ...descReply(xid), flags: 1 } as Message);
    expect(closeReasonOf(wire.takeEvents())).toMatchObject({
      code: 'malformed',
      detail: expect.stringContaining('no fragments'),
    });
  });

  it('of another type than asked is no answer', () => {
    const wire = readyWire();
    const xid = wire.session.request(flowRequest, 5, 10);
    wire.say(10, portReply(xid, 1), flowReply(xid + 1, [1n], false), flowReply(xid, [5n], false));
    expect(wire.takeEvents().map(cookiesOf)).toEqual([[5n]]);
    expect(wire.session.counters.droppedMessages).toBe(2);
  });
});

describe('counters', () => {
  it('of ports and queues come as views into the chunk, undecoded', () => {
    const wire = readyWire();
    const xid = wire.session.request(portRequest, 1, 10);
    const reply = encoded(portReply(xid, 3));
    const chunk = joined(encoded(portStatus(1)), reply);
    wire.session.receive(chunk, 10);
    const [, samples] = wire.takeEvents();
    if (samples?.kind !== 'samples') throw new Error('no samples');
    expect(samples).toMatchObject({ xid, records: 'port_stats', more: false, length: reply.length });
    expect(samples.bytes).toBe(chunk);
    expect(samples.bytes.slice(samples.offset, samples.offset + samples.length)).toEqual(reply);
    expect(wire.session.counters.pendingRequests).toBe(0);
  });

  it('of queues likewise', () => {
    const wire = readyWire();
    const xid = wire.session.request(queueRequest, 1, 10);
    const body = [
      {
        port_no: 1,
        queue_id: 2,
        tx_bytes: 3n,
        tx_packets: 4n,
        tx_errors: 5n,
        duration_sec: 6,
        duration_nsec: 7,
      },
    ];
    wire.say(10, { type: 'multipart_reply', xid, mp_type: 'queue', flags: 0, body });
    expect(wire.takeEvents()).toMatchObject([{ kind: 'samples', xid, records: 'queue', length: 56 }]);
  });

  it('in several fragments come one by one, marked', () => {
    const wire = readyWire();
    const xid = wire.session.request(portRequest, 1, 10);
    wire.say(10, portReply(xid, 2, true));
    expect(wire.session.counters.pendingRequests).toBe(1);
    wire.say(10, portReply(xid, 1, false));
    expect(wire.takeEvents().map((e) => e.kind === 'samples' && e.more)).toEqual([true, false]);
    expect(wire.session.counters.pendingRequests).toBe(0);
  });

  it('of flows come as records only to those who ask for records', () => {
    const wire = readyWire();
    const flows = (xid: number): Message => ({
      type: 'multipart_reply',
      xid,
      mp_type: 'flow',
      flags: 0,
      body: [flowStats(1n), flowStats(2n)],
    });
    const asked = (form?: 'records') => wire.session.request(flowRequest, 1, 10, form);
    wire.say(10, flows(asked('records')));
    expect(wire.takeEvents()).toMatchObject([{ kind: 'samples', records: 'flow', more: false }]);
    wire.say(10, flows(asked()));
    expect(wire.takeEvents()).toMatchObject([
      { kind: 'reply', message: { body: [{ cookie: 1n }, { cookie: 2n }] } },
    ]);
  });

  it('come as objects to those who ask for objects', () => {
    const wire = readyWire();
    const xid = wire.session.request(portRequest, 1, 10, 'objects');
    wire.say(10, portReply(xid, 2, true), portReply(xid, 1, false));
    const [reply] = wire.takeEvents();
    expect(reply).toMatchObject({ kind: 'reply', xid, message: { mp_type: 'port_stats' } });
    if (reply?.kind !== 'reply' || reply.message.type !== 'multipart_reply') throw new Error('no reply');
    expect((reply.message.body as unknown[]).length).toBe(3);
    expect(wire.session.state).toBe('ready');
  });

  it('with a broken record end the session', () => {
    const wire = readyWire();
    const xid = wire.session.request(portRequest, 1, 10);
    const bytes = encoded(portReply(xid, 2)).slice(0, -1);
    bytes[3]! -= 1;
    wire.sayBytes(10, bytes);
    expect(closeReasonOf(wire.takeEvents())?.code).toBe('malformed');
  });
});

describe('what comes unasked', () => {
  it('is delivered, and errors about nothing that waits are told', () => {
    const wire = readyWire();
    const sent = wire.session.send(flowMod(1));
    wire.say(10, portStatus(4, 1), error(sent, 5, 1), error(0, 1, 1));
    expect(wire.takeEvents()).toMatchObject([
      { kind: 'message', message: { type: 'port_status', desc: { port_no: 4, state: 1 } } },
      { kind: 'error', xid: sent, message: { error_type: 5, error_code: 1 } },
      { kind: 'error', xid: 0 },
    ]);
  });

  it('survives being decoded and encoded by the same codec (the tests speak the language of the switch)', () => {
    const writer = new SlabWriter();
    encodeMessage(portReply(7, 2), writer);
    const result = decodeMessage(writer.finish());
    expect(result).toMatchObject({ ok: true, message: portReply(7, 2) });
  });
});
