import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SystemView } from '../../src/dashboard/model/types.js';
import { ringLimits, secondsOf, ViewRing } from '../../src/dashboard/model/view-ring.js';
import { bottleneckView, viewOf } from '../api/fake-application.js';

const runs = 100 * Number(process.env.STEADY_TEST_SCALE ?? 1);
const base = viewOf({});
const at = (seconds: number, change: Partial<SystemView> = {}): SystemView => ({
  ...base,
  at: new Date(seconds * 1000).toISOString(),
  ...change,
});
const filled = (seconds: number, ring = new ViewRing()): ViewRing => {
  for (let tenth = 0; tenth <= seconds * 10; tenth++) ring.push(at(1000 + tenth / 10));
  return ring;
};

describe('the views that are kept to look back', () => {
  it('are one a second of a stream with ten, the very objects that came', () => {
    const ring = filled(30);
    expect(ring.count).toBe(31);
    expect(ring.span).toEqual({ from: 1000, to: 1030 });
    expect(ring.at(1007)).toBe(ring.at(1007.4));
    const view = at(1031);
    ring.push(view);
    expect(ring.at(1031)).toBe(view);
  });

  it('the last one up to a time is what was shown then; before all it is the oldest', () => {
    const ring = filled(30);
    expect(secondsOf(ring.at(1010.9)!)).toBe(1010);
    expect(secondsOf(ring.at(3)!)).toBe(1000);
    expect(secondsOf(ring.at(9e9)!)).toBe(1030);
    expect(new ViewRing().at(0)).toBeNull();
    expect(new ViewRing().span).toBeUndefined();
  });

  it('a hole in the stream shows what was there before it', () => {
    const ring = filled(5);
    ring.push(at(1200));
    expect(secondsOf(ring.at(1100)!)).toBe(1005);
    // and a step over it is one step
    expect(secondsOf(ring.nth(ring.indexAt(1100) + 1)!)).toBe(1200);
  });

  it('are those of ten minutes', () => {
    const ring = filled(700);
    expect(ring.span).toEqual({ from: 1100, to: 1700 });
    expect(ring.count).toBe(ringLimits.seconds + 1);
  });

  it('are fewer where a view is large, and what did not change is counted once', () => {
    const bottlenecks = Array.from({ length: 200 }, (_, i) => bottleneckView({ id: `${i}` }));
    const ring = new ViewRing({ seconds: 600, parts: 1000 });
    for (let i = 0; i < 30; i++) ring.push(at(1000 + i, { bottlenecks: [...bottlenecks] }));
    expect(ring.count).toBeLessThanOrEqual(5);
    expect(ring.count).toBeGreaterThanOrEqual(3);
    const same = new ViewRing({ seconds: 600, parts: 1000 });
    for (let i = 0; i < 30; i++) same.push(at(1000 + i, { bottlenecks }));
    expect(same.count).toBe(30);
  });

  it('begin anew when time runs backwards, and a time that is none is passed over', () => {
    const ring = filled(30);
    ring.push(at(0, { at: 'yesterday' }));
    expect(ring.count).toBe(31);
    ring.push(at(900));
    expect(ring.span).toEqual({ from: 900, to: 900 });
  });

  it('stay within the limits, in order, for any arrival, and the newest is always there', () => {
    const limits = { seconds: 20, parts: 100 };
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: -2, max: 6, noNaN: true }), fc.nat({ max: 60 })), {
          maxLength: 120,
        }),
        (steps) => {
          const ring = new ViewRing(limits);
          let now = 5000;
          for (const [step, links] of steps) {
            now += step;
            ring.push(at(now, { bottlenecks: new Array(links).fill(bottleneckView()) }));
            const { from, to } = ring.span!;
            expect(to - from).toBeLessThanOrEqual(limits.seconds);
            expect(ring.count).toBeLessThanOrEqual(limits.seconds / 0.95 + 1);
            expect(Math.abs(now - to)).toBeLessThan(0.96);
          }
        },
      ),
      { numRuns: runs },
    );
  });
});
