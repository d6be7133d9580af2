import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CircuitRequest } from '../../src/circuit/protocol.js';
import { ProviderModel } from '../../src/circuit/provider-model.js';

const terms = { ends: ['gw-a', 'gw-b'], capacityBitsPerSecond: 1e8, setupSeconds: 2 } as const;
const order = (id: string, link = 'one'): CircuitRequest => ({ kind: 'request', id, link, terms });
const release = (id: string): CircuitRequest => ({ kind: 'release', id });

function modelOf(links = ['one', 'two']) {
  const lit = new Map<string, boolean>();
  return { lit, model: new ProviderModel(links, (link, on) => lit.set(link, on)) };
}

describe('the model of a provider', () => {
  it('lights after the set-up, darkens at once and confirms later', () => {
    const { lit, model } = modelOf();
    expect(model.handle(order('me.1'), 10)).toMatchObject({ circuits: [{ state: 'signalling' }] });
    expect(model.advance(11.9)).toEqual([]);
    expect(lit.get('one')).toBeUndefined();
    expect(model.advance(12)).toEqual([{ kind: 'ready', id: 'me.1' }]);
    expect(lit.get('one')).toBe(true);
    expect(model.handle(release('me.1'), 20)).toMatchObject({ circuits: [{ state: 'releasing' }] });
    expect(lit.get('one')).toBe(false);
    expect(model.handle({ kind: 'list', owner: 'me' }, 20)!.circuits).toHaveLength(1);
    expect(model.advance(20.1)).toEqual([{ kind: 'released', id: 'me.1' }]);
    expect(model.handle({ kind: 'status', id: 'me.1' }, 21)).toEqual({ error: null, circuits: [] });
  });

  it('carries an order out once, and refuses what was released before it came', () => {
    const { model } = modelOf();
    model.handle(order('me.1'), 0);
    expect(model.handle(order('me.1'), 1)).toMatchObject({ error: null, circuits: [{ id: 'me.1' }] });
    expect(model.circuits()).toHaveLength(1);
    model.handle(release('me.2'), 1);
    expect(model.handle(order('me.2', 'two'), 2)).toMatchObject({ error: { code: 'refused' } });
    expect(model.circuits()).toHaveLength(1);
  });

  it('refuses a link that is taken or that it has not', () => {
    const { model } = modelOf();
    model.handle(order('me.1'), 0);
    expect(model.handle(order('you.1'), 0)).toMatchObject({ error: { detail: 'link one is taken by me.1' } });
    expect(model.handle(order('me.3', 'none'), 0)).toMatchObject({ error: { code: 'refused' } });
  });

  it('lists the circuits of one customer alone', () => {
    const { model } = modelOf();
    model.handle(order('me.1'), 0);
    model.handle(order('me-too.1', 'two'), 0);
    expect(model.handle({ kind: 'list', owner: 'me' }, 0)!.circuits.map((c) => c.id)).toEqual(['me.1']);
  });

  it('keeps a circuit that failed on its books until it is released, and forgets one that vanished', () => {
    const { lit, model } = modelOf();
    model.handle(order('me.1'), 0);
    model.handle(order('me.2', 'two'), 0);
    model.advance(2);
    expect(model.fail('one', 'fibre cut')).toEqual([{ kind: 'failed', id: 'me.1', reason: 'fibre cut' }]);
    expect(model.vanish('two')).toEqual([{ kind: 'gone', id: 'me.2' }]);
    expect([...lit.values()]).toEqual([false, false]);
    expect(model.circuits()).toMatchObject([{ id: 'me.1', state: 'failed', reason: 'fibre cut' }]);
    expect(model.fail('two', 'again')).toEqual([]);
    model.handle(release('me.1'), 3);
    model.advance(4);
    expect(model.circuits()).toEqual([]);
  });

  it('has at most one circuit on a link and light only where one is up, whatever is asked in which order', () => {
    const step = fc.record({
      kind: fc.constantFrom('request', 'release', 'fail', 'vanish'),
      id: fc.integer({ min: 1, max: 5 }),
      link: fc.constantFrom('one', 'two'),
      wait: fc.double({ min: 0, max: 3, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { lit, model } = modelOf();
        let now = 0;
        for (const { kind, id, link, wait } of steps) {
          now += wait;
          model.advance(now);
          if (kind === 'request') model.handle(order(`me.${id}`, link), now);
          else if (kind === 'release') model.handle(release(`me.${id}`), now);
          else if (kind === 'fail') model.fail(link, 'cut');
          else model.vanish(link);
          const held = model.circuits();
          expect(new Set(held.map((c) => c.link)).size).toBe(held.length);
          for (const name of ['one', 'two'])
            expect(lit.get(name) ?? false).toBe(held.some((c) => c.link === name && c.state === 'up'));
        }
      }),
    );
  });
});
