import { describe, expect, it } from 'vitest';
import type { Message } from '../../src/openflow/index.js';
import {
  closeReasonOf,
  encoded,
  flowMod,
  joined,
  portStatus,
  raw,
  readyWire,
  type Wire,
} from './support/fake-switch.js';

const echoRequest = (xid: number, data: Uint8Array = new Uint8Array(0)): Message => ({
  type: 'echo_request',
  xid,
  data,
});

const echoReply = (xid: number): Message => ({ type: 'echo_reply', xid, data: new Uint8Array(0) });

describe('signs of life', () => {
  /** Lets the session ask, answers `after` seconds later, and tells how long it was silent and when it asks next. */
  const ask = (wire: Wire, after: number): { idle: number; next: number } => {
    const before = wire.session.nextDeadline()!;
    wire.session.timeout(before);
    const [question] = wire.hear();
    expect(question!.type).toBe('echo_request');
    wire.say(before + after, echoReply(question!.xid));
    return { idle: before, next: wire.session.nextDeadline()! - before - after };
  };

  it('are asked for after silence, which may last longer with every answer, up to 5 s', () => {
    const wire = readyWire();
    expect(ask(wire, 0)).toEqual({ idle: 1, next: 2 });
    expect(ask(wire, 0)).toEqual({ idle: 3, next: 4 });
    expect(ask(wire, 0)).toEqual({ idle: 7, next: 5 });
    expect(ask(wire, 0)).toEqual({ idle: 12, next: 5 });
  });

  it('are asked for sooner again after an answer that was late', () => {
    const wire = readyWire();
    ask(wire, 0);
    expect(ask(wire, 0).next).toBe(4);
    // The wait is 3 s by now: something else was heard in time, the answer itself came later.
    const at = wire.session.nextDeadline()!;
    wire.session.timeout(at);
    const [question] = wire.hear();
    wire.say(at + 2, portStatus(1));
    wire.say(at + 3.5, echoReply(question!.xid));
    expect(wire.session.nextDeadline()! - at - 3.5).toBe(1);
  });

  it('are never asked for while the switch speaks', () => {
    const wire = readyWire();
    for (let now = 0; now < 100; now += 0.9) {
      wire.say(now, portStatus(1));
      expect(wire.session.nextDeadline()).toBe(now + 1);
      wire.session.timeout(now + 0.8);
    }
    expect(wire.hear()).toEqual([]);
  });

  it('are waited for 5 s at first, then by the round trip within 3 to 5 s, and then the session ends', () => {
    const waitOf = (roundTrip: number): number => {
      const wire = readyWire();
      for (let i = 0; i < 20; i++) ask(wire, roundTrip);
      const at = wire.session.nextDeadline()!;
      wire.session.timeout(at);
      return wire.session.nextDeadline()! - at;
    };
    const fresh = readyWire();
    fresh.session.timeout(1);
    expect(fresh.session.nextDeadline()).toBe(6);
    expect(waitOf(0.001)).toBeCloseTo(3, 6);
    expect(waitOf(0.4)).toBeCloseTo(4.05, 1);
    expect(waitOf(2)).toBeCloseTo(5, 6);

    fresh.session.timeout(5.99);
    expect(closeReasonOf(fresh.takeEvents())).toBeUndefined();
    fresh.session.timeout(6);
    expect(closeReasonOf(fresh.takeEvents())?.code).toBe('echoTimeout');
  });

  it('measure the round trip, whatever else is heard meanwhile', () => {
    const wire = readyWire();
    expect(wire.session.counters.roundTripSeconds).toBeUndefined();
    wire.session.timeout(1);
    const [question] = wire.hear();
    wire.say(1.1, portStatus(1), echoReply(question!.xid + 1));
    expect(wire.session.counters.roundTripSeconds).toBeUndefined();
    wire.say(1.25, echoReply(question!.xid));
    expect(wire.session.counters.roundTripSeconds).toBe(0.25);
    wire.say(1.5, echoReply(question!.xid));
    expect(wire.session.counters.roundTripSeconds).toBe(0.25);
  });

  it.each([
    ['the echo reply', echoReply],
    ['any other message', () => portStatus(1)],
  ])('are given by %s', (_, answer) => {
    const wire = readyWire();
    wire.session.timeout(1);
    wire.say(5, answer(wire.hear()[0]!.xid));
    wire.session.timeout(6);
    expect(closeReasonOf(wire.takeEvents())).toBeUndefined();
  });

  it('are not missed because the controller itself was held up, neither before nor after it asked', () => {
    const wire = readyWire();
    wire.session.timeout(60);
    expect(wire.hear().map((m) => m.type)).toEqual(['echo_request']);
    expect(wire.session.nextDeadline()).toBe(65);
    // The answer may lie in the socket; but a second delay is no excuse.
    wire.session.timeout(70);
    expect(closeReasonOf(wire.takeEvents())).toBeUndefined();
    expect(wire.session.nextDeadline()).toBe(75);
    wire.session.timeout(90);
    expect(closeReasonOf(wire.takeEvents())?.code).toBe('echoTimeout');
  });

  it('are returned at once, with the same data, before everything else that waits', () => {
    const wire = readyWire();
    wire.session.transact([flowMod(1), flowMod(2)], 1);
    const data = Uint8Array.from({ length: 100 }, (_, i) => i);
    wire.say(1, echoRequest(77, data), echoRequest(78));
    expect(wire.hear().map((m) => [m.type, m.xid, m.type === 'echo_reply' ? m.data : null])).toEqual([
      ['echo_reply', 77, data],
      ['echo_reply', 78, new Uint8Array(0)],
      ['flow_mod', expect.any(Number), null],
      ['flow_mod', expect.any(Number), null],
      ['barrier_request', expect.any(Number), null],
    ]);
  });
});

describe('the outbox', () => {
  it('is one piece for each turn', () => {
    const wire = readyWire();
    wire.session.send(flowMod(1));
    wire.session.request({ type: 'barrier_request' }, 1, 0);
    wire.session.receive(encoded(echoRequest(5)), 0);
    expect(wire.session.takeBytes()!.length).toBe(8 + 56 + 8);
    expect(wire.session.takeBytes()).toBeUndefined();
  });

  it('gives nothing away while the socket is blocked, and ends the session at its bound', () => {
    const wire = readyWire({ limits: { outboxBytes: 1000 } });
    wire.session.setBlocked(true);
    wire.session.send(flowMod(1));
    expect(wire.session.takeBytes()).toBeUndefined();
    wire.session.setBlocked(false);
    expect(wire.hear().map((m) => m.type)).toEqual(['flow_mod']);
    wire.session.setBlocked(true);
    for (let i = 0; i < 17; i++) wire.session.send(flowMod(1));
    expect(closeReasonOf(wire.takeEvents())).toBeUndefined();
    wire.session.send(flowMod(1));
    expect(closeReasonOf(wire.takeEvents())).toMatchObject({
      code: 'overflow',
      detail: expect.stringContaining('1008 bytes'),
    });
  });

  it('is bounded against echo requests whose answers are never read', () => {
    const wire = readyWire({ limits: { outboxBytes: 100_000 } });
    wire.session.setBlocked(true);
    const request = encoded(echoRequest(1, new Uint8Array(60_000)));
    wire.sayBytes(0, request);
    expect(wire.session.state).toBe('ready');
    wire.sayBytes(0, request);
    expect(closeReasonOf(wire.takeEvents())?.code).toBe('overflow');
  });

  it('drops commands, and not the farewell, when the session ends', () => {
    const wire = readyWire();
    wire.session.send(flowMod(1));
    wire.session.setBlocked(true);
    wire.sayBytes(0, raw(4, 99, 3));
    expect(wire.hear().map((m) => m.type)).toEqual(['error']);
  });
});

describe('the budget of a turn', () => {
  const flood = (count: number): Uint8Array =>
    joined(...Array.from({ length: count }, (_, i) => encoded(echoRequest(i))));

  it('stops after the messages of a turn and goes on when asked to', () => {
    const wire = readyWire();
    wire.session.receive(flood(300), 0);
    const rounds: number[] = [];
    for (;;) {
      rounds.push(wire.hear().filter((m) => m.type === 'echo_reply').length);
      if (!wire.session.hasMore()) break;
      wire.session.continueReceive(0);
    }
    expect(rounds).toEqual([128, 128, 44]);
    wire.session.receive(
      joined(...Array.from({ length: 64 }, () => encoded(echoRequest(1, new Uint8Array(99))))),
      0,
    );
    expect(wire.hear().filter((m) => m.type !== 'echo_reply')).toEqual([]);
    expect(wire.session.counters.inboxBytes).toBe(0);
  });

  it('stops after the bytes of a turn', () => {
    const wire = readyWire({ limits: { turnBytes: 1000 } });
    const big = encoded(echoRequest(1, new Uint8Array(592)));
    wire.session.receive(joined(big, big, big, big, big), 0);
    expect(wire.hear()).toHaveLength(2);
    wire.session.continueReceive(0);
    expect(wire.hear()).toHaveLength(2);
    wire.session.continueReceive(0);
    expect(wire.hear()).toHaveLength(1);
    expect(wire.session.hasMore()).toBe(false);
  });

  it('keeps the order over chunks, also of a message that spans them', () => {
    const wire = readyWire({ limits: { turnMessages: 2 } });
    const bytes = flood(9);
    wire.session.receive(bytes.slice(0, 43), 0);
    wire.session.receive(bytes.slice(43), 0);
    const xids: number[] = [];
    do {
      wire.session.continueReceive(0);
      xids.push(...wire.hear().map((m) => m.xid));
    } while (wire.session.hasMore());
    expect(xids).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('bounds what has not been worked on', () => {
    const wire = readyWire({ limits: { inboxBytes: 10_000, turnMessages: 1 } });
    const chunk = flood(500);
    for (let i = 0; i < 2; i++) wire.session.receive(chunk, 0);
    expect(wire.session.state).toBe('ready');
    wire.session.receive(chunk, 0);
    expect(closeReasonOf(wire.takeEvents())?.code).toBe('overflow');
    expect(wire.session.hasMore()).toBe(false);
  });

  it('lets an error in the framing wait for the messages before it', () => {
    const wire = readyWire({ limits: { turnMessages: 1 } });
    wire.session.receive(joined(flood(2), Uint8Array.of(4, 2, 0, 7, 0, 0, 0, 0)), 0);
    expect(wire.session.state).toBe('ready');
    wire.session.continueReceive(0);
    expect(wire.session.state).toBe('closed');
    expect(wire.hear().map((m) => m.type)).toEqual(['echo_reply', 'echo_reply', 'error']);
  });
});
