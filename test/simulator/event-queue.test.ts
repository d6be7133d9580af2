import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/simulator/event-queue.js';
import { scale } from './fixtures.js';

describe('event queue', () => {
  it('fires in order of time, and at one instant in order of scheduling', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 600 }), (instants) => {
        const events = new EventQueue();
        const fired: { at: number; number: number }[] = [];
        const handler = { fire: (at: number, number: number) => fired.push({ at, number }) };
        for (const [number, at] of instants.entries()) events.schedule(at, handler, number);
        while (events.fireNext());
        const expected = instants
          .map((at, number) => ({ at, number }))
          .sort((a, b) => a.at - b.at || a.number - b.number);
        expect(fired).toEqual(expected);
      }),
      { numRuns: 50 * scale },
    );
  });

  it('fires what was scheduled while firing, at the same instant after the others', () => {
    const events = new EventQueue();
    const seen: string[] = [];
    events.call(1, (now) => {
      seen.push('first');
      events.call(now, () => seen.push('added'));
    });
    events.call(1, () => seen.push('second'));
    events.runUntil(1);
    expect(seen).toEqual(['first', 'second', 'added']);
    expect(events.now).toBe(1);
  });

  it('refuses the past and what is no time', () => {
    const events = new EventQueue();
    events.runUntil(5);
    expect(() => events.call(4.9, () => {})).toThrow(RangeError);
    expect(() => events.call(Number.NaN, () => {})).toThrow(RangeError);
  });
});
