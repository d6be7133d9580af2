import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Message, OFPBRC_BAD_TYPE, OFPBRC_BAD_VERSION, OFPBRC_EPERM } from '../../src/openflow/index.js';
import { RandomStream } from '../../src/traffic/random.js';
import {
  descReply,
  encoded,
  featuresReply,
  hello,
  portDescReply,
  raw,
} from '../session/support/fake-switch.js';
import { DeskRig, type FarEnd } from './desk-rig.js';

/**
 * The controller cases of DELTA, a penetration test for SDN (Lee et al., NDSS 2017), under its numbers. 2.1.070 to
 * 2.1.072, which need TLS, are in test/io/openflow-tls.test.ts. Beside each attacked connection stands another switch
 * that must notice nothing.
 */
describe('the controller cases of DELTA', () => {
  let rig: DeskRig;
  let bystander: FarEnd;

  beforeEach(() => {
    rig = new DeskRig();
    bystander = rig.join(0xb5n, '192.0.2.99:1');
  });

  afterEach(() => {
    rig.say(bystander, { type: 'echo_request', xid: 77, data: Uint8Array.of(1) });
    expect(bystander.take('echo_reply')).toEqual([{ type: 'echo_reply', xid: 77, data: Uint8Array.of(1) }]);
    expect(bystander.closed).toBeUndefined();
    expect(rig.lost).not.toContain('00000000000000b5');
  });

  const refusedWith = (end: FarEnd, code: number, text: string): void => {
    expect(end.take('error')).toMatchObject([{ error_type: 1, error_code: code }]);
    expect(end.closed).toContain(text);
  };

  it('2.1.010: a version that was not negotiated', () => {
    const end = rig.connect();
    rig.say(end, hello());
    const [asked] = end.take('features_request');
    const reply = encoded({ ...featuresReply(asked!.xid) } as Message);
    rig.sayBytes(end, Uint8Array.from([5, ...reply.slice(1)]));
    refusedWith(end, OFPBRC_BAD_VERSION, 'OpenFlow 1.4 after 1.3 was agreed');
    expect(rig.states()).toEqual(['00000000000000b5 ready']);
  });

  it('2.1.020: a message type that does not exist', () => {
    const end = rig.join();
    rig.sayBytes(end, raw(4, 99, 7));
    refusedWith(end, OFPBRC_BAD_TYPE, 'bad_type');
  });

  it('2.1.030: no HELLO', () => {
    const end = rig.connect();
    rig.wait(4.9);
    rig.answerEchoes(bystander);
    expect(end.closed).toBeUndefined();
    rig.wait(0.1);
    expect(end.closed).toContain('no complete handshake within 5 s (state greeting)');
  });

  it('2.1.040: a message before HELLO', () => {
    const end = rig.connect();
    rig.say(end, { type: 'packet_in', xid: 0, ...emptyPacketIn });
    refusedWith(end, OFPBRC_BAD_TYPE, 'before HELLO');
  });

  it('2.1.050: several main connections of one switch', () => {
    const first = rig.join(0x1234n, '192.0.2.1:1');
    const others = [2, 3, 4].map((n) => rig.join(0x1234n, `192.0.2.1:${n}`));
    rig.answerEchoes(first);
    expect(others.map((end) => end.closed !== undefined)).toEqual([true, true, true]);
    expect(first.closed).toBeUndefined();
    expect(rig.desk.link('0000000000001234')!.address).toBe('192.0.2.1:1');
    expect(rig.logged('error')).toEqual(['a second switch with the same datapath id was refused']);
  });

  it('2.1.060: FLOW_REMOVED of a rule that never asked for it changes nothing', () => {
    const end = rig.join();
    const before = JSON.stringify(rig.desk.views(rig.now));
    rig.say(end, {
      type: 'flow_removed',
      xid: 0,
      cookie: 0x5354_0000_0000_0001n,
      priority: 10,
      reason: 2,
      table_id: 1,
      duration_sec: 1,
      duration_nsec: 0,
      idle_timeout: 0,
      hard_timeout: 0,
      packet_count: 1n,
      byte_count: 1n,
      match: [],
    });
    expect(end.closed).toBeUndefined();
    expect(end.heard).toEqual([]);
    expect(JSON.stringify(rig.desk.views(rig.now))).toBe(before);
  });

  it('2.1.073: packets that were changed on their way', () => {
    const random = RandomStream.of(2073, 'flips');
    for (let run = 0; run < 300; run++) {
      const end = rig.connect();
      rig.say(end, hello());
      const [asked] = end.take('features_request');
      rig.say(end, { ...featuresReply(asked!.xid), datapath_id: 0x1234n } as Message);
      const [desc, ports] = end.take('multipart_request');
      const bytes = encoded(run % 2 === 0 ? descReply(desc!.xid) : portDescReply(ports!.xid));
      for (let flips = 0; flips < 3; flips++)
        bytes[random.nextUint32() % bytes.length]! ^= 1 << (random.nextUint32() % 8);
      rig.sayBytes(end, bytes);
      if (end.closed === undefined) {
        // Nothing that the format forbids was hit: the stream goes on, or waits for bytes that never come.
        rig.lose(end);
      } else expect(end.closed.length).toBeGreaterThan(10);
    }
    expect(rig.ready).toEqual(['00000000000000b5']);
  });

  it('2.1.080: an auxiliary connection is refused by name, with and without a main one', () => {
    for (const main of [false, true]) {
      if (main) rig.join();
      const end = rig.connect();
      rig.say(end, hello());
      rig.say(end, featuresReply(end.take('features_request')[0]!.xid, 3));
      refusedWith(end, OFPBRC_EPERM, 'auxiliary connection 3 of switch 0000000000001234');
      expect(rig.desk.link('0000000000001234') !== undefined).toBe(main);
    }
  });
});

const emptyPacketIn = {
  buffer_id: 0xffffffff,
  total_len: 0,
  reason: 0,
  table_id: 0,
  cookie: 0n,
  match: [],
  data: new Uint8Array(0),
} as const;
