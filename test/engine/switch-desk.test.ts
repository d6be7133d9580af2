import { describe, expect, it } from 'vitest';
import { HalfOpen } from '../../src/engine/half-open.js';
import { encoded, flowMod, joined, portStatus } from '../session/support/fake-switch.js';
import { DeskRig } from './desk-rig.js';

const dpid = '0000000000001234';

describe('two connections with one datapath id', () => {
  it('ask the one that holds it: it keeps it by an echo reply, and the other one is refused with an alarm', () => {
    const rig = new DeskRig();
    const first = rig.join(0x1234n, '192.0.2.1:1');
    const second = rig.join(0x1234n, '192.0.2.2:2');
    expect(second.closed).toBeUndefined();
    rig.answerEchoes(first);
    expect(second.closed).toBe(`datapath id ${dpid} is connected from 192.0.2.1:1`);
    expect(first.closed).toBeUndefined();
    expect(rig.ready).toEqual([dpid]);
    expect(rig.lost).toEqual([]);
    expect(rig.logged('error')).toEqual(['a second switch with the same datapath id was refused']);
    expect(rig.desk.link(dpid)!.address).toBe('192.0.2.1:1');
  });

  it('let the new one in when the old one does not answer the echo for 2 s, whatever else it said', () => {
    const rig = new DeskRig();
    const first = rig.join(0x1234n, '192.0.2.1:1');
    const second = rig.join(0x1234n, '192.0.2.2:2');
    rig.say(first, portStatus(1));
    rig.wait(1.9);
    expect([first.closed, second.closed]).toEqual([undefined, undefined]);
    rig.wait(0.1);
    expect(first.closed).toBe('replaced by 192.0.2.2:2');
    expect(rig.ready).toEqual([dpid, dpid]);
    expect(rig.lost).toEqual([dpid]);
    expect(rig.desk.link(dpid)!.address).toBe('192.0.2.2:2');
    // What the old one says now is nobody's.
    rig.say(first, portStatus(1));
    expect(rig.states()).toEqual([`${dpid} ready`]);
  });

  it('let the new one in at once when the old one goes, and forget the new one if it goes', () => {
    const rig = new DeskRig();
    const first = rig.join(0x1234n, '192.0.2.1:1');
    const second = rig.join(0x1234n, '192.0.2.2:2');
    rig.lose(second);
    rig.wait(3);
    rig.answerEchoes(first);
    expect(rig.desk.link(dpid)!.address).toBe('192.0.2.1:1');
    rig.join(0x1234n, '192.0.2.3:3');
    rig.lose(first);
    expect(rig.desk.link(dpid)!.address).toBe('192.0.2.3:3');
    expect(rig.desk.nextDeadline(rig.now)).toBeGreaterThan(rig.now);
  });

  it('refuse a third at once', () => {
    const rig = new DeskRig();
    rig.join(0x1234n, '192.0.2.1:1');
    rig.join(0x1234n, '192.0.2.2:2');
    const third = rig.join(0x1234n, '192.0.2.3:3');
    expect(third.closed).toContain('another connection claims it already');
  });
});

describe('connections that do not finish their handshake', () => {
  it('make room for others beyond the limit: the oldest of the host that has most', () => {
    const links = Array.from({ length: 8 }, (_, i) => ({ address: `192.0.2.${i < 3 ? 1 : 2}:${i}` }));
    const half = new HalfOpen<{ address: string }>(7);
    for (const link of links.slice(0, 7)) half.add(link);
    expect(half.victim()).toBeUndefined();
    half.add(links[7]!);
    expect(half.victim()).toBe(links[3]);
    half.delete(links[3]!);
    expect([half.size, half.victim()]).toEqual([7, undefined]);
    for (const link of links) half.delete(link);
    expect(half.size).toBe(0);
  });

  it('cannot keep a switch out, and are gone after 5 s', () => {
    const rig = new DeskRig();
    const idle = Array.from({ length: 2048 }, (_, i) => rig.connect(`198.51.100.1:${i}`));
    rig.now = 4;
    for (const end of idle.slice(0, 50)) rig.sayBytes(end, Uint8Array.of(4));
    rig.join();
    expect(rig.ready).toEqual([dpid]);
    expect(idle.filter((end) => end.closed !== undefined).map((end) => end.connection)).toEqual([1]);
    rig.wait(1);
    expect(idle.every((end) => end.closed !== undefined)).toBe(true);
    expect(rig.states()).toEqual([`${dpid} ready`]);
  });
});

describe('reading', () => {
  const echo = encoded({ type: 'echo_request', xid: 5, data: new Uint8Array(1000) });

  it('stops while a chunk is more than the budget of a turn, and goes on when it is worked off', () => {
    const rig = new DeskRig();
    const end = rig.join();
    rig.sayBytes(end, joined(...Array.from({ length: 300 }, () => echo)));
    expect(end.reading).toBe(false);
    rig.wait(0);
    expect(end.reading).toBe(false);
    rig.wait(0);
    expect(end.reading).toBe(true);
    expect(end.take('echo_reply')).toHaveLength(300);
  });

  it('stops while more than a mark waits to be sent to a switch that reads nothing, and goes on when it reads', () => {
    const rig = new DeskRig();
    const end = rig.join();
    const chunk = joined(...Array.from({ length: 60 }, () => echo));
    rig.desk.blocked(end.connection, true);
    let chunks = 0;
    for (; end.reading && chunks < 100; chunks++) rig.sayBytes(end, chunk);
    expect(chunks).toBe(Math.ceil((1_048_576 + 1) / chunk.length));
    expect(end.closed).toBeUndefined();
    rig.turn(() => rig.desk.blocked(end.connection, false));
    expect(end.reading).toBe(true);
    expect(end.take('echo_reply')).toHaveLength(60 * chunks);
  });

  it('does not go on for ever: a switch that reads nothing is ended by the echo that it does not answer', () => {
    const rig = new DeskRig();
    const end = rig.join();
    rig.desk.blocked(end.connection, true);
    rig.wait(1);
    expect(rig.desk.nextDeadline(rig.now)).toBeGreaterThan(rig.now);
    rig.wait(5);
    expect(end.closed).toContain('nothing was heard');
    expect(rig.lost).toEqual([dpid]);
  });

  it('goes on undisturbed at the other switches', () => {
    const rig = new DeskRig();
    const slow = rig.join(1n);
    const good = rig.join(2n);
    rig.desk.blocked(slow.connection, true);
    const session = rig.desk.link('0000000000000001')!.session;
    for (let i = 0; i < 80_000; i++) session.send(flowMod(1));
    rig.turn(() => rig.desk.touch(rig.desk.link('0000000000000001')!));
    expect(slow.closed).toContain('bytes wait to be sent');
    rig.sayBytes(good, echo);
    expect(good.take('echo_reply')).toHaveLength(1);
    expect(rig.states()).toEqual(['0000000000000002 ready']);
  });
});
