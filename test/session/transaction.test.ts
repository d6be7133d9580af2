import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../src/openflow/index.js';
import type { Outgoing, SessionEvent } from '../../src/session/index.js';
import { error, flowMod, readyWire, type Wire } from './support/fake-switch.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const mods = (count: number): Outgoing[] => Array.from({ length: count }, (_, i) => flowMod(i + 1));
const barrier = (xid: number): Message => ({ type: 'barrier_reply', xid });
const xidOf = (messages: readonly Message[], type: Message['type']): number =>
  messages.find((m) => m.type === type)!.xid;
const bundleReply = (request: Message, control_type: number): Message => {
  if (request.type !== 'bundle_control') throw new Error(`not a bundle_control: ${request.type}`);
  return { ...request, control_type };
};
const onlyTransaction = (wire: Wire) => {
  const events = wire.takeEvents();
  expect(events).toHaveLength(1);
  const [event] = events;
  if (event?.kind !== 'transaction') throw new Error(`not a transaction: ${event?.kind}`);
  return event;
};

describe('a transaction', () => {
  it('is the messages and a barrier in one piece, and succeeds by the barrier', () => {
    const wire = readyWire();
    const id = wire.session.transact(mods(3), 10);
    const sent = wire.hear();
    expect(sent.map((m) => m.type)).toEqual(['flow_mod', 'flow_mod', 'flow_mod', 'barrier_request']);
    expect(new Set(sent.map((m) => m.xid)).size).toBe(4);
    wire.say(10, barrier(sent[0]!.xid));
    expect(wire.takeEvents()).toEqual([]);
    wire.say(10, barrier(sent[3]!.xid));
    expect(onlyTransaction(wire)).toEqual({
      kind: 'transaction',
      id,
      ok: true,
      outcome: 'applied',
      errors: [],
      rejections: [],
      unsent: 0,
    });
    expect(wire.session.counters.pendingTransactions).toBe(0);
  });

  it('fails by one error before the barrier, although the barrier is answered', () => {
    const wire = readyWire();
    wire.session.transact(mods(3), 10);
    const sent = wire.hear();
    wire.say(10, error(sent[1]!.xid, 5, 1), barrier(sent[3]!.xid));
    expect(onlyTransaction(wire)).toMatchObject({
      ok: false,
      outcome: 'rejected',
      errors: ['message 1 (flow_mod): OFPET_FLOW_MOD_FAILED OFPFMFC_TABLE_FULL'],
      rejections: [{ index: 1, xid: sent[1]!.xid, errorType: 5, errorCode: 1 }],
    });
  });

  it('fails when the barrier itself is refused', () => {
    const wire = readyWire();
    wire.session.transact(mods(1), 10);
    wire.say(10, error(xidOf(wire.hear(), 'barrier_request'), 1, 10));
    expect(onlyTransaction(wire)).toMatchObject({
      ok: false,
      outcome: 'rejected',
      rejections: [{ index: -1 }],
    });
  });

  it('is over with its barrier: an error after it belongs to nobody', () => {
    const wire = readyWire();
    wire.session.transact(mods(1), 10);
    const sent = wire.hear();
    wire.say(10, barrier(sent[1]!.xid), error(sent[0]!.xid, 5, 1));
    expect(wire.takeEvents().map((e) => e.kind)).toEqual(['transaction', 'error']);
  });

  it('keeps apart from others under way', () => {
    const wire = readyWire();
    const [a, b] = [wire.session.transact(mods(2), 10), wire.session.transact(mods(2), 10)];
    const sent = wire.hear();
    const barriers = sent.filter((m) => m.type === 'barrier_request').map((m) => m.xid);
    const secondOfB = sent.filter((m) => m.type === 'flow_mod')[3]!.xid;
    wire.say(10, barrier(barriers[0]!), error(secondOfB, 5, 1), barrier(barriers[1]!));
    expect(wire.takeEvents()).toMatchObject([
      { id: a, ok: true },
      { id: b, ok: false, rejections: [{ index: 1 }] },
    ]);
  });

  it('may be empty: then it is a barrier', () => {
    const wire = readyWire();
    wire.session.transact([], 10);
    wire.say(10, barrier(xidOf(wire.hear(), 'barrier_request')));
    expect(onlyTransaction(wire).ok).toBe(true);
  });

  it('sends a long list in parts of 1000, each after the barrier of the one before', () => {
    const wire = readyWire();
    wire.session.transact(mods(2500), 10);
    const lengths: number[] = [];
    for (let part = 0; part < 3; part++) {
      const sent = wire.hear();
      lengths.push(sent.length - 1);
      expect(sent.at(-1)!.type).toBe('barrier_request');
      expect(wire.takeEvents()).toEqual([]);
      wire.say(10, barrier(sent.at(-1)!.xid));
    }
    expect(lengths).toEqual([1000, 1000, 500]);
    expect(onlyTransaction(wire)).toMatchObject({ ok: true, unsent: 0 });
  });

  it('answers an echo before the rest of a long list', () => {
    const wire = readyWire();
    wire.session.transact(mods(1500), 10);
    const first = wire.hear();
    wire.say(10, barrier(first.at(-1)!.xid), { type: 'echo_request', xid: 7, data: Uint8Array.of(1, 2) });
    const second = wire.hear();
    expect(second[0]).toEqual({ type: 'echo_reply', xid: 7, data: Uint8Array.of(1, 2) });
    expect(second).toHaveLength(502);
  });

  it('leaves the rest unsent after a part with errors', () => {
    const wire = readyWire({ limits: { messagesPerBarrier: 10 } });
    wire.session.transact(mods(35), 10);
    const first = wire.hear();
    wire.say(10, barrier(first.at(-1)!.xid));
    const second = wire.hear();
    wire.say(10, error(second[4]!.xid, 2, 4), barrier(second.at(-1)!.xid));
    expect(wire.hear()).toEqual([]);
    const event = wire.events.find((e) => e.kind === 'transaction');
    expect(event).toMatchObject({ ok: false, outcome: 'rejected', rejections: [{ index: 14 }], unsent: 15 });
  });

  it('ends as unknown at its deadline, which each part has anew', () => {
    const wire = readyWire({ limits: { messagesPerBarrier: 1, echoIdleMinSeconds: 100 } });
    wire.session.transact(mods(2), 10);
    expect(wire.session.nextDeadline()).toBe(20);
    wire.say(19, barrier(wire.hear().at(-1)!.xid));
    expect(wire.session.nextDeadline()).toBe(29);
    wire.session.timeout(28.9);
    expect(wire.takeEvents()).toEqual([]);
    wire.session.timeout(29);
    expect(onlyTransaction(wire)).toMatchObject({
      ok: false,
      outcome: 'unknown',
      errors: ['no answer within 10 s'],
    });
    expect(wire.session.state).toBe('ready');
  });

  it('ends as unknown when the session ends: what was sent may be applied', () => {
    const wire = readyWire();
    const id = wire.session.transact(mods(2), 10);
    wire.session.close('the socket broke');
    expect(wire.takeEvents()).toMatchObject([
      { kind: 'transaction', id, ok: false, outcome: 'unknown' },
      { kind: 'closed' },
    ]);
  });

  it('that cannot be encoded sends nothing', () => {
    const wire = readyWire();
    wire.session.transact([flowMod(1), flowMod(70000)], 10);
    expect(onlyTransaction(wire)).toMatchObject({
      ok: false,
      outcome: 'rejected',
      errors: [expect.stringContaining('priority')],
      unsent: 2,
    });
    expect(wire.hear()).toEqual([]);
  });

  it('is refused when too many are under way', () => {
    const wire = readyWire({ limits: { pendingTransactions: 1 } });
    wire.session.transact(mods(1), 10);
    const second = wire.session.transact(mods(1), 10);
    expect(onlyTransaction(wire)).toMatchObject({ id: second, ok: false, outcome: 'rejected', unsent: 1 });
  });

  it('tells the first hundred rejections and counts all', () => {
    const wire = readyWire();
    wire.session.transact(mods(300), 10);
    const sent = wire.hear();
    wire.say(10, ...sent.slice(0, 250).map((m) => error(m.xid, 5, 1)), barrier(sent.at(-1)!.xid));
    const event = onlyTransaction(wire);
    expect(event.rejections).toHaveLength(100);
    expect(event.errors.at(-1)).toBe('and 150 more');
  });

  it('succeeds exactly when nothing before its barriers is refused, whatever else is said', () => {
    const plan = fc.record({
      count: fc.integer({ min: 0, max: 40 }),
      perBarrier: fc.integer({ min: 1, max: 15 }),
      refused: fc.uniqueArray(fc.nat(39), { maxLength: 3 }),
      noise: fc.array(fc.nat(3), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(plan, ({ count, perBarrier, refused, noise }) => {
        const wire = readyWire({ limits: { messagesPerBarrier: perBarrier } });
        wire.session.transact(mods(count), 10);
        let event: SessionEvent | undefined;
        let sentBefore = 0;
        for (let turn = 0; turn < 100 && !event; turn++) {
          const sent = wire.hear().filter((m) => m.type === 'flow_mod' || m.type === 'barrier_request');
          for (const n of noise)
            wire.say(
              10,
              [
                barrier(0xfffffff0),
                error(0, 1, 1),
                error(0xffffff00, 5, 1),
                { type: 'echo_reply', xid: 3, data: new Uint8Array(0) } as Message,
              ][n]!,
            );
          for (const m of sent) {
            if (m.type === 'barrier_request') wire.say(10, barrier(m.xid));
            else if (refused.includes(sentBefore++)) wire.say(10, error(m.xid, 5, 0));
          }
          event = wire.takeEvents().find((e) => e.kind === 'transaction');
        }
        if (event?.kind !== 'transaction') throw new Error('it did not end');
        const hit = refused.filter((i) => i < count);
        expect(event.ok).toBe(hit.length === 0);
        expect(event.unsent).toBe(count - sentBefore);
        expect(event.rejections.map((r) => r.index)).toEqual(
          hit.filter((i) => i < sentBefore).sort((x, y) => x - y),
        );
        expect(wire.session.counters.pendingTransactions).toBe(0);
      }),
      { numRuns: 100 * scale },
    );
  });
});

describe('a bundle', () => {
  it('opens, adds, and after the barrier commits', () => {
    const wire = readyWire();
    const id = wire.session.bundle(mods(2), 10);
    const sent = wire.hear();
    expect(sent.map((m) => m.type)).toEqual([
      'bundle_control',
      'bundle_add_message',
      'bundle_add_message',
      'barrier_request',
    ]);
    expect(sent[0]).toMatchObject({ control_type: 0, flags: 3 });
    for (const m of sent) if (m.type === 'bundle_add_message') expect(m.message.xid).toBe(m.xid);
    wire.say(10, bundleReply(sent[0]!, 1));
    expect(wire.hear()).toEqual([]);
    wire.say(10, barrier(sent[3]!.xid));
    const [commit] = wire.hear();
    expect(commit).toMatchObject({ type: 'bundle_control', control_type: 4 });
    expect(wire.takeEvents()).toEqual([]);
    wire.say(10, bundleReply(commit!, 5));
    expect(onlyTransaction(wire)).toMatchObject({ id, ok: true, outcome: 'applied' });
  });

  it('is discarded and never committed when one of its messages is refused', () => {
    const wire = readyWire();
    wire.session.bundle(mods(2), 10);
    const sent = wire.hear();
    wire.say(10, bundleReply(sent[0]!, 1), error(sent[2]!.xid, 2, 4), barrier(sent[3]!.xid));
    const [discard, ...rest] = wire.hear();
    expect(discard).toMatchObject({ type: 'bundle_control', control_type: 6 });
    expect(rest).toEqual([]);
    expect(wire.takeEvents()).toEqual([]);
    wire.say(10, bundleReply(discard!, 7));
    expect(onlyTransaction(wire)).toMatchObject({
      ok: false,
      outcome: 'rejected',
      rejections: [{ index: 1, errorType: 2 }],
    });
  });

  it.each([
    ['an error', (wire: Wire, discard: Message) => wire.say(10, error(discard.xid, 0xffff, 2302))],
    ['silence', (wire: Wire) => wire.session.timeout(20)],
    ['the end', (wire: Wire) => wire.session.close('gone')],
  ])('that is discarded counts as not applied, also when the answer is %s', (_, answer) => {
    const wire = readyWire({ limits: { echoIdleMinSeconds: 100 } });
    wire.session.bundle(mods(1), 10);
    const sent = wire.hear();
    wire.say(10, error(sent[1]!.xid, 2, 4), barrier(sent[2]!.xid));
    answer(wire, wire.hear()[0]!);
    expect(wire.takeEvents()[0]).toMatchObject({ kind: 'transaction', ok: false, outcome: 'rejected' });
  });

  it('whose commit is refused is not applied', () => {
    const wire = readyWire();
    wire.session.bundle(mods(1), 10);
    wire.say(10, barrier(wire.hear()[2]!.xid));
    wire.say(10, error(wire.hear()[0]!.xid, 0xffff, 2313));
    expect(onlyTransaction(wire)).toMatchObject({
      ok: false,
      outcome: 'rejected',
      errors: ['the frame of the transaction: OFPET_EXPERIMENTER OFPBFC_MSG_FAILED'],
    });
  });

  it('tells which message made the commit fail, also of an earlier part', () => {
    const wire = readyWire({ limits: { messagesPerBarrier: 2 } });
    wire.session.bundle(mods(3), 10);
    const first = wire.hear();
    wire.say(10, barrier(xidOf(first, 'barrier_request')));
    wire.say(10, barrier(xidOf(wire.hear(), 'barrier_request')));
    const [commit] = wire.hear();
    const second = first.filter((m) => m.type === 'bundle_add_message')[1]!;
    wire.say(10, error(second.xid, 5, 1), error(commit!.xid, 0xffff, 2313));
    expect(onlyTransaction(wire)).toMatchObject({
      outcome: 'rejected',
      rejections: [
        { index: 1, errorType: 5, errorCode: 1 },
        { index: -1, errorType: 0xffff },
      ],
    });
  });

  it('whose commit is not answered may be applied', () => {
    const wire = readyWire({ limits: { echoIdleMinSeconds: 100 } });
    wire.session.bundle(mods(1), 10);
    wire.say(15, barrier(wire.hear()[2]!.xid));
    expect(wire.session.nextDeadline()).toBe(25);
    wire.session.timeout(25);
    expect(onlyTransaction(wire)).toMatchObject({ ok: false, outcome: 'unknown' });
  });

  it.each([1, 3, 4])(
    'that the switch does not know (error 1/%i) is told once, and from then on at once',
    (code) => {
      const wire = readyWire();
      const id = wire.session.bundle(mods(1), 10);
      const sent = wire.hear();
      wire.say(10, error(sent[0]!.xid, 1, code), error(sent[1]!.xid, 1, code), barrier(sent[2]!.xid));
      expect(wire.takeEvents()).toEqual([{ kind: 'bundleUnsupported', id }]);
      expect(wire.hear()).toEqual([]);
      const next = wire.session.bundle(mods(1), 10);
      expect(wire.takeEvents()).toEqual([{ kind: 'bundleUnsupported', id: next }]);
      expect(wire.hear()).toEqual([]);
      expect(wire.session.transact(mods(1), 10)).toBeGreaterThan(next);
      expect(wire.hear()).toHaveLength(2);
    },
  );

  it('of many messages is added in parts and committed once', () => {
    const wire = readyWire({ limits: { messagesPerBarrier: 2 } });
    wire.session.bundle(mods(5), 10);
    const said: string[] = [];
    for (let turn = 0; turn < 5; turn++)
      for (const m of wire.hear()) {
        said.push(m.type === 'bundle_control' ? `control ${m.control_type}` : m.type);
        if (m.type === 'barrier_request') wire.say(10, barrier(m.xid));
        if (m.type === 'bundle_control') wire.say(10, bundleReply(m, m.control_type + 1));
      }
    const add = 'bundle_add_message';
    const end = 'barrier_request';
    expect(said).toEqual(['control 0', add, add, end, add, add, end, add, end, 'control 4']);
    expect(onlyTransaction(wire)).toMatchObject({ ok: true, unsent: 0 });
  });

  it('does not take the answer to another bundle for its own', () => {
    const wire = readyWire();
    wire.session.bundle(mods(1), 10);
    wire.say(10, barrier(wire.hear()[2]!.xid));
    const [commit] = wire.hear();
    wire.say(
      10,
      { ...bundleReply(commit!, 5), bundle_id: 77 } as Message,
      { ...bundleReply(commit!, 5), xid: 1 } as Message,
    );
    expect(wire.takeEvents()).toEqual([]);
    expect(wire.session.counters.droppedMessages).toBe(2);
  });
});
