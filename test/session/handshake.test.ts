import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message, MessageType } from '../../src/openflow/index.js';
import { reactionTo, type SessionEvent } from '../../src/session/index.js';
import { readHello } from '../../src/session/version.js';
import {
  closeReasonOf,
  descReply,
  encoded,
  error,
  featuresReply,
  hello,
  joined,
  portDescReply,
  portStatus,
  raw,
  readyWire,
  Wire,
} from './support/fake-switch.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

/** What a well-behaved switch says in the handshake, given the ids that a fresh session uses. */
function transcript(): { ids: Record<string, number>; bytes: Uint8Array } {
  const wire = new Wire();
  wire.session.start(0);
  wire.say(0, hello());
  const features = wire.hearOnly('features_request')[0]!.xid;
  wire.say(0, featuresReply(features));
  const requests = wire.hearOnly('multipart_request');
  const desc = requests.find((m) => m.mp_type === 'desc')!.xid;
  const ports = requests.find((m) => m.mp_type === 'port_desc')!.xid;
  const messages = [
    hello(),
    featuresReply(features),
    portDescReply(ports),
    descReply(desc),
    portStatus(2, 1),
  ];
  return { ids: { features, desc, ports }, bytes: joined(...messages.map((m) => encoded(m))) };
}

describe('the handshake', () => {
  it('greets with a bitmap of 1.3, identifies, describes, and is ready', () => {
    const wire = new Wire();
    wire.session.start(0);
    expect(wire.hear()).toEqual([
      { type: 'hello', xid: 1, elements: [{ type: 'versionbitmap', bitmaps: [0x10] }] },
    ]);
    wire.say(0, hello());
    const [features] = wire.hear();
    expect(features!.type).toBe('features_request');
    wire.say(0, featuresReply(features!.xid));
    const asked = wire.hear();
    expect(asked.map((m) => (m.type === 'multipart_request' ? m.mp_type : m.type))).toEqual([
      'set_config',
      'desc',
      'port_desc',
    ]);
    expect(asked[0]).toMatchObject({ flags: 0, miss_send_len: 0xffff });
    wire.say(0, descReply(asked[1]!.xid));
    expect(wire.session.state).toBe('describing');
    wire.say(0, portDescReply(asked[2]!.xid));
    expect(wire.session.state).toBe('ready');
    const [ready] = wire.takeEvents();
    expect(ready).toMatchObject({
      kind: 'ready',
      features: { datapath_id: 0x1234n },
      description: { mfr_desc: 'Nobody' },
      ports: [{ name: 'p1' }, { name: 'p2' }],
    });
  });

  it('comes out the same however the bytes are cut', () => {
    const { bytes } = transcript();
    const eventsOf = (cuts: readonly number[]): SessionEvent[] => {
      const wire = new Wire();
      wire.session.start(0);
      let from = 0;
      for (const to of [...cuts, bytes.length]) {
        // A fresh copy that is spoilt afterwards: the session must not depend on chunks it has dealt with.
        const chunk = bytes.slice(from, to);
        wire.sayBytes(0, chunk);
        chunk.fill(0xee);
        from = to;
      }
      return wire.takeEvents();
    };
    const whole = eventsOf([]);
    expect(whole.map((e) => e.kind)).toEqual(['ready', 'message']);
    expect(eventsOf(Array.from({ length: bytes.length - 1 }, (_, i) => i + 1))).toEqual(whole);
    const cut = fc
      .uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }))
      .map((a) => a.sort((x, y) => x - y));
    fc.assert(
      fc.property(cut, (cuts) => {
        expect(eventsOf(cuts)).toEqual(whole);
      }),
      { numRuns: 50 * scale },
    );
  });

  it('does not mind in what order the descriptions come, nor when HELLO comes before start', () => {
    const { bytes } = transcript();
    const wire = new Wire();
    wire.sayBytes(3, bytes);
    expect(wire.session.state).toBe('ready');
    expect(wire.hear()[0]!.type).toBe('hello');
  });

  it('keeps a port status that comes before ready, and drops packets', () => {
    const { ids } = transcript();
    const wire = new Wire();
    const packetIn: Message = {
      type: 'packet_in',
      xid: 0,
      buffer_id: 0xffffffff,
      total_len: 0,
      reason: 0,
      table_id: 0,
      cookie: 0n,
      match: [],
      data: new Uint8Array(0),
    };
    wire.say(0, hello(), portStatus(9), featuresReply(ids.features!), portStatus(1, 1), packetIn);
    wire.say(0, portDescReply(ids.ports!), descReply(ids.desc!), packetIn);
    const events = wire.takeEvents();
    expect(events.map((e) => (e.kind === 'message' ? e.message.type : e.kind))).toEqual([
      'ready',
      'port_status',
      'packet_in',
    ]);
    expect(wire.session.counters.droppedMessages).toBe(2);
  });

  it('ignores features that were not asked for with that id', () => {
    const wire = new Wire();
    wire.say(0, hello(), featuresReply(99));
    expect(wire.session.state).toBe('identifying');
    expect(wire.session.counters.droppedMessages).toBe(1);
  });
});

describe('version negotiation', () => {
  const refusalOf = (bytes: Uint8Array) => {
    const wire = new Wire({ peer: '192.0.2.7:41000' });
    wire.session.start(0);
    wire.hear();
    wire.sayBytes(0, bytes);
    return { sent: wire.hear(), reason: closeReasonOf(wire.takeEvents()), state: wire.session.state };
  };

  it('refuses a switch that speaks 1.0 alone, with the command that mends it', () => {
    const { sent, reason } = refusalOf(raw(1, 0, 5));
    expect(sent).toMatchObject([{ type: 'error', xid: 5, error_type: 0, error_code: 0 }]);
    expect(reason!.code).toBe('version');
    expect(reason!.detail).toContain('ovs-vsctl set bridge BRIDGE protocols=OpenFlow10,OpenFlow13');
    expect(reason!.detail).toContain('192.0.2.7:41000');
    expect(reason!.detail).toContain('1.0');
  });

  it.each([
    ['a bitmap without 1.3', encoded(hello([1, 5, 6]))],
    ['version 1.2 without bitmap', raw(3, 0, 5)],
  ])('refuses %s', (_, bytes) => {
    expect(refusalOf(bytes).reason!.code).toBe('version');
  });

  it.each([
    ['1.5 in the header and 1.3 in the bitmap', Uint8Array.from([6, ...encoded(hello([4, 5, 6])).slice(1)])],
    ['1.0 in the header and 1.3 in the bitmap', Uint8Array.from([1, ...encoded(hello([1, 4])).slice(1)])],
    ['1.5 in the header and no bitmap', raw(6, 0, 5)],
    ['a version that does not exist yet', raw(9, 0, 5)],
    ['an unknown hello element', raw(4, 0, 5, [0x12, 0x34, 0, 8, 1, 2, 3, 4])],
  ])('accepts %s', (_, bytes) => {
    expect(refusalOf(bytes)).toMatchObject({ state: 'identifying', reason: undefined });
  });

  it('tells the switch itself what to set', () => {
    const [error] = refusalOf(raw(3, 0, 5)).sent;
    expect(error).toMatchObject({ type: 'error', error_type: 0, error_code: 0 });
    expect(error?.type === 'error' && String.fromCharCode(...error.data)).toBe(
      'OpenFlow 1.3 is needed; with Open vSwitch: ' +
        'ovs-vsctl set bridge BRIDGE protocols=OpenFlow10,OpenFlow13 (BRIDGE is the name of its bridge)',
    );
  });

  it.each([
    // accepted, said by the switch, agreed
    [[1, 4], encoded(hello([1, 4])), 4],
    [[1, 4], encoded(hello([1])), 1],
    [[1, 4], encoded(hello([1, 2, 3])), 1],
    [[1, 4], raw(1, 0, 5), 1],
    [[4, 5], encoded(hello([4, 5, 6])), 5],
    [[4, 5], encoded(hello([1, 4, 6])), 4],
    [[4, 5], raw(5, 0, 5), 5],
    // Without a bitmap the smaller header counts, and both must support it (1.3.5, 6.3.1).
    [[1, 4], raw(3, 0, 5), undefined],
    [[4, 6], raw(5, 0, 5), undefined],
    [[4, 6], encoded(hello([5])), undefined],
  ])('with %j accepted agrees on the highest common version', (versions, bytes, agreed) => {
    expect(readHello(bytes, 0, bytes.length, versions)).toMatchObject({ ok: true, version: agreed });
  });

  it('greets with every version that it accepts, in a message of the highest', () => {
    const { session } = new Wire({ versions: [1, 4, 5] });
    session.start(0);
    const bytes = session.takeBytes()!;
    expect([bytes[0], [...bytes.slice(-4)]]).toEqual([5, [0, 0, 0, 0x32]]);
  });

  it('takes a second HELLO in good part as long as it offers our version', () => {
    const wire = readyWire();
    wire.say(1, hello([4, 5]), hello());
    expect(wire.session.state).toBe('ready');
    wire.say(1, hello([1]));
    expect(closeReasonOf(wire.takeEvents())?.code).toBe('version');
  });

  it('ends after 16 more HELLO messages', () => {
    const wire = readyWire();
    for (let i = 0; i < 16; i++) wire.say(1, hello());
    expect(wire.session.state).toBe('ready');
    wire.say(1, hello());
    expect(closeReasonOf(wire.takeEvents())?.code).toBe('protocol');
  });

  it('ends when a message of another version follows', () => {
    const wire = readyWire();
    wire.sayBytes(1, raw(5, 2, 77));
    expect(wire.hear()).toMatchObject([{ type: 'error', xid: 77, error_type: 1, error_code: 0 }]);
    expect(closeReasonOf(wire.takeEvents())?.code).toBe('protocol');
  });
});

const controllerOnly: MessageType[] = [
  'features_request',
  'get_config_request',
  'set_config',
  'packet_out',
  'flow_mod',
  'group_mod',
  'port_mod',
  'table_mod',
  'multipart_request',
  'barrier_request',
  'queue_get_config_request',
  'role_request',
  'get_async_request',
  'set_async',
  'meter_mod',
  'bundle_add_message',
];
const switchMessages: MessageType[] = [
  'echo_request',
  'echo_reply',
  'experimenter',
  'features_reply',
  'get_config_reply',
  'packet_in',
  'flow_removed',
  'port_status',
  'multipart_reply',
  'barrier_reply',
  'queue_get_config_reply',
  'role_reply',
  'get_async_reply',
  'bundle_control',
];

describe('the table of reactions', () => {
  it('lets nothing pass before HELLO but HELLO, and an error that refuses us', () => {
    for (const type of [...controllerOnly, ...switchMessages])
      expect(reactionTo('greeting', type)).toBe('violation');
    expect(reactionTo('greeting', 'hello')).toBe('negotiate');
    expect(reactionTo('greeting', 'error')).toBe('refused');
  });

  it('lets a switch never say what only controllers say', () => {
    for (const state of ['identifying', 'describing', 'ready'] as const)
      for (const type of controllerOnly) expect(reactionTo(state, type)).toBe('violation');
  });

  it('has an answer other than the end for everything else', () => {
    for (const state of ['identifying', 'describing', 'ready'] as const)
      for (const type of [...switchMessages, 'hello' as const, 'error' as const])
        expect(reactionTo(state, type)).not.toBe('violation');
  });

  it.each([
    ['echo_request', raw(4, 2, 8)],
    ['features_reply', encoded(featuresReply(1))],
    ['an unknown type', raw(4, 99, 8)],
    ['a message of another version', raw(1, 6, 8)],
  ])('answers %s before HELLO with an error, and ends', (_, bytes) => {
    const wire = new Wire();
    wire.session.start(0);
    wire.hear();
    wire.sayBytes(0, joined(bytes, encoded(hello())));
    expect(wire.hear()).toMatchObject([{ type: 'error', error_type: 1, error_code: 1 }]);
    expect(closeReasonOf(wire.takeEvents())?.code).toBe('protocol');
    expect(wire.session.state).toBe('closed');
  });

  it('ends when a switch sends a barrier request', () => {
    const wire = readyWire();
    wire.say(1, { type: 'barrier_request', xid: 12 });
    expect(wire.hear()).toMatchObject([{ type: 'error', xid: 12, error_type: 1, error_code: 1 }]);
    expect(closeReasonOf(wire.takeEvents())).toMatchObject({
      code: 'protocol',
      detail: expect.stringContaining('barrier_request'),
    });
  });
});

describe('refusals of the handshake', () => {
  it('tells what a peer said that refused us', () => {
    const wire = new Wire();
    wire.session.start(0);
    const data = Uint8Array.from('we only do 1.0\n', (c) => c.charCodeAt(0));
    wire.say(0, { ...error(1, 0, 0), data } as Message);
    expect(closeReasonOf(wire.takeEvents())).toEqual({
      code: 'refused',
      detail: 'the switch refused us: OFPET_HELLO_FAILED OFPHFC_INCOMPATIBLE we only do 1.0',
    });
  });

  it('ends when the switch will not describe itself', () => {
    const { ids } = transcript();
    const wire = new Wire();
    wire.say(0, hello(), featuresReply(ids.features!), error(ids.ports!, 1, 2));
    expect(closeReasonOf(wire.takeEvents())).toMatchObject({
      code: 'refused',
      detail: expect.stringContaining('port_desc'),
    });
  });

  it('accepts main connections alone, and tells the switch so', () => {
    const { ids } = transcript();
    const wire = new Wire();
    wire.say(0, hello(), featuresReply(ids.features!, 1));
    expect(wire.hear().filter((m) => m.type === 'error')).toMatchObject([{ error_type: 1, error_code: 5 }]);
    expect(closeReasonOf(wire.takeEvents())?.code).toBe('auxiliary');
  });

  it('bounds the bytes of the handshake', () => {
    const wire = new Wire({ limits: { handshakeBytes: 20_000 } });
    wire.say(0, hello());
    const big = encoded({ type: 'echo_request', xid: 1, data: new Uint8Array(9000) });
    wire.sayBytes(0, big);
    wire.sayBytes(0, big);
    expect(wire.session.state).toBe('identifying');
    wire.sayBytes(0, big);
    expect(closeReasonOf(wire.takeEvents())?.code).toBe('overflow');
  });

  it('asks for nothing unasked that the caller does not want, and as a slave for port status alone', () => {
    const { ids } = transcript();
    const wire = new Wire({ interest: { packetInReasons: 2, portStatusReasons: 7, flowRemovedReasons: 0 } });
    wire.say(0, hello(), featuresReply(ids.features!));
    expect(wire.hearOnly('set_async')).toMatchObject([
      { packet_in_mask: [2, 0], port_status_mask: [7, 7], flow_removed_mask: [0, 0] },
    ]);
  });

  it('bounds the port status messages that it keeps', () => {
    const { ids } = transcript();
    const wire = new Wire({ limits: { heldMessages: 3 } });
    wire.say(0, hello(), featuresReply(ids.features!), portStatus(1), portStatus(1), portStatus(1));
    expect(wire.session.state).toBe('describing');
    wire.say(0, portStatus(1));
    expect(closeReasonOf(wire.takeEvents())?.code).toBe('overflow');
  });

  it.each([0, 1, 2, 3])(
    'takes at most 5 s in all, also when the peer stops after %i messages or drips bytes',
    (said) => {
      const { ids } = transcript();
      const messages = [
        hello(),
        featuresReply(ids.features!),
        descReply(ids.desc!),
        portDescReply(ids.ports!),
      ];
      const wire = new Wire();
      wire.session.start(100);
      wire.say(101, ...messages.slice(0, said));
      const next = encoded(messages[said]!);
      for (let i = 0; i < 7; i++) wire.sayBytes(101 + i / 2, next.slice(i, i + 1));
      expect(wire.session.nextDeadline()).toBe(105);
      wire.session.timeout(104.9);
      expect(closeReasonOf(wire.takeEvents())).toBeUndefined();
      wire.session.timeout(105);
      expect(closeReasonOf(wire.takeEvents())?.code).toBe('handshakeTimeout');
      expect(wire.session.nextDeadline()).toBeUndefined();
    },
  );
});
