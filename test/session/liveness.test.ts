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
} from './support/fake-switch.js';

const echoRequest = (xid: number, data: Uint8Array = new Uint8Array(0)): Message => ({
  type: 'echo_request',
  xid,
  data,
});

describe('signs of life', () => {
  it('are asked for after 5 s of silence, and 5 s later the session ends', () => {
    const wire = readyWire();
    expect(wire.session.nextDeadline()).toBe(5);
    wire.session.timeout(4.99);
    expect(wire.hear()).toEqual([]);
    wire.session.timeout(5);
    expect(wire.hear().map((m) => m.type)).toEqual(['echo_request']);
    expect(wire.session.nextDeadline()).toBe(10);
    wire.session.timeout(9.99);
    expect(wire.hear()).toEqual([]);
    expect(closeReasonOf(wire.takeEvents())).toBeUndefined();
    wire.session.timeout(10);
    expect(closeReasonOf(wire.takeEvents())?.code).toBe('echoTimeout');
  });

  it.each([
    ['the echo reply', (xid: number): Message => ({ type: 'echo_reply', xid, data: new Uint8Array(0) })],
    ['any other message', () => portStatus(1)],
  ])('are given by %s', (_, answer) => {
    const wire = readyWire();
    wire.session.timeout(5);
    wire.say(9, answer(wire.hear()[0]!.xid));
    expect(wire.session.nextDeadline()).toBe(14);
    wire.session.timeout(10);
    expect(closeReasonOf(wire.takeEvents())).toBeUndefined();
  });

  it('are not missed because the controller itself was held up', () => {
    const wire = readyWire();
    wire.session.timeout(60);
    expect(wire.hear().map((m) => m.type)).toEqual(['echo_request']);
    expect(closeReasonOf(wire.takeEvents())).toBeUndefined();
    expect(wire.session.nextDeadline()).toBe(65);
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

  it('stops after 64 messages and goes on when asked to', () => {
    const wire = readyWire();
    wire.session.receive(flood(150), 0);
    const rounds: number[] = [];
    for (;;) {
      rounds.push(wire.hear().length);
      if (!wire.session.hasMore()) break;
      wire.session.continueReceive(0);
    }
    expect(rounds).toEqual([64, 64, 22]);
    expect(wire.session.counters.inboxMessages).toBe(0);
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
