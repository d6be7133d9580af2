import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyEnvelope,
  emptyState,
  parseEnvelope,
  reconnected,
  type StreamState,
} from '../../src/dashboard/model/stream-state.js';
import { FakeWorld } from './fake-world.js';

const runs = 100 * Number(process.env.STEADY_TEST_SCALE ?? 1);
const view = () => new FakeWorld('idle', Date.UTC(2026, 0, 1)).view();
const started = (): StreamState => {
  const applied = applyEnvelope(emptyState, { type: 'snapshot', seq: 0, data: { ...view() } });
  if (applied.kind !== 'applied') throw new Error(`the snapshot was not applied: ${applied.kind}`);
  return applied.state;
};

describe('messages of the stream', () => {
  it('a snapshot replaces everything and sets the count', () => {
    expect(started()).toEqual({ view: view(), seq: 0 });
  });

  it('a delta replaces the members it names and leaves the others as they were', () => {
    const before = started();
    const applied = applyEnvelope(before, {
      type: 'delta',
      seq: 1,
      data: { at: '2026-01-01T00:00:05.000Z', vms: [] },
    });
    expect(applied).toEqual({
      kind: 'applied',
      state: { view: { ...view(), at: '2026-01-01T00:00:05.000Z', vms: [] }, seq: 1 },
    });
    if (applied.kind === 'applied') expect(applied.state.view?.switches).toBe(before.view?.switches);
  });

  it.each([0, 2, 7])('a delta %i after message 0 is a gap unless it is the next', (seq) => {
    expect(applyEnvelope(started(), { type: 'delta', seq, data: {} })).toEqual({
      kind: 'gap',
      expected: 1,
      got: seq,
    });
  });

  it('a delta before any snapshot is a gap, also after a reconnect that kept the old view', () => {
    expect(applyEnvelope(emptyState, { type: 'delta', seq: 0, data: {} }).kind).toBe('gap');
    const again = reconnected(started());
    expect(again.view).not.toBeNull();
    expect(applyEnvelope(again, { type: 'delta', seq: 1, data: {} }).kind).toBe('gap');
  });

  it('a snapshot in the middle is taken whatever its number: the server sends one to a reader that fell behind', () => {
    expect(applyEnvelope(started(), { type: 'snapshot', seq: 9, data: { ...view() } })).toMatchObject({
      kind: 'applied',
      state: { seq: 9 },
    });
  });

  it('members and messages that a newer server adds are passed over, and counted', () => {
    const applied = applyEnvelope(started(), { type: 'delta', seq: 1, data: { weather: 'fine' } });
    expect(applied).toEqual({ kind: 'applied', state: { view: view(), seq: 1 } });
    expect(applyEnvelope(started(), { type: 'notice', seq: 1, data: { text: 'hello' } })).toEqual({
      kind: 'applied',
      state: { view: view(), seq: 1 },
    });
  });

  it('a member of the wrong kind and an incomplete snapshot are refused by name', () => {
    expect(applyEnvelope(started(), { type: 'delta', seq: 1, data: { links: null } })).toMatchObject({
      kind: 'invalid',
      reason: expect.stringContaining('links'),
    });
    const { events, ...rest } = view();
    expect(events).toBeDefined();
    expect(applyEnvelope(emptyState, { type: 'snapshot', seq: 0, data: rest })).toMatchObject({
      kind: 'invalid',
      reason: expect.stringContaining('events'),
    });
  });

  it('a topology may be null, other texts may not', () => {
    expect(applyEnvelope(started(), { type: 'delta', seq: 1, data: { topology: null } }).kind).toBe(
      'applied',
    );
    expect(applyEnvelope(started(), { type: 'delta', seq: 1, data: { policy: null } }).kind).toBe('invalid');
  });

  it('parses what the server writes and says in words what it cannot read', () => {
    expect(parseEnvelope('{"id":"1","source":"x","type":"delta","time":"t","seq":3,"data":{}}')).toEqual({
      type: 'delta',
      seq: 3,
      data: {},
    });
    for (const text of [
      '',
      'nonsense',
      '[]',
      'null',
      '{"type":"delta"}',
      '{"type":"delta","seq":1.5,"data":{}}',
      '{"type":"delta","seq":1,"data":[]}',
    ])
      expect(parseEnvelope(text)).toMatch(/message of the stream|of the stream has no/);
  });

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const envelope = parseEnvelope(text);
        if (typeof envelope !== 'string') applyEnvelope(started(), envelope);
      }),
      { numRuns: runs },
    );
  });

  it('snapshot and deltas in order give the view that the server has; any loss is noticed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), fc.integer({ min: 0, max: 29 }), (length, lost) => {
        const world = new FakeWorld('running', Date.UTC(2026, 0, 1));
        let state = applyEnvelope(emptyState, { type: 'snapshot', seq: 0, data: { ...world.view() } });
        let gap = false;
        for (let seq = 1; seq <= length; seq++) {
          for (let i = 0; i < 5; i++) world.step();
          if (state.kind !== 'applied') break;
          if (seq === lost) continue;
          state = applyEnvelope(state.state, { type: 'delta', seq, data: { ...world.view() } });
          gap ||= state.kind === 'gap';
        }
        expect(gap).toBe(lost >= 1 && lost < length);
        if (!gap && lost !== length && state.kind === 'applied')
          expect(state.state.view).toEqual(world.view());
      }),
      { numRuns: Math.ceil(runs / 5) },
    );
  });
});
