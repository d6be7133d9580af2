import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { History, trailingSeconds } from '../../src/dashboard/model/history.js';
import type { BottleneckView } from '../../src/dashboard/model/types.js';
import { readingsAbove, waitQuantiles } from '../../src/dashboard/model/wait-quantiles.js';
import { bottleneckView } from '../api/fake-application.js';

const runs = 100 * Number(process.env.STEADY_TEST_SCALE ?? 1);

describe('quantiles of the wait', () => {
  it('of the numbers 1 to 100, in any order and with holes, are the 50th, 95th and 99th', () => {
    const cells = Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) + 1).flatMap((n) => [n, null]);
    expect(waitQuantiles(cells)).toEqual({ count: 100, p50Ms: 50, p95Ms: 95, p99Ms: 99, largestMs: 100 });
  });

  it('are not claimed from too few readings', () => {
    expect(waitQuantiles([])).toEqual({
      count: 0,
      p50Ms: null,
      p95Ms: null,
      p99Ms: null,
      largestMs: null,
    });
    const few = waitQuantiles(new Array<number>(99).fill(3));
    expect([few.p50Ms, few.p95Ms, few.p99Ms]).toEqual([3, 3, null]);
    expect(waitQuantiles(new Array<number>(19).fill(3)).p95Ms).toBeNull();
  });

  it('leave at most the share above them that they name, and are readings', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 100, maxLength: 400 }),
        (cells) => {
          const { p50Ms, p95Ms, p99Ms } = waitQuantiles(cells);
          for (const [share, at] of [
            [0.5, p50Ms],
            [0.05, p95Ms],
            [0.01, p99Ms],
          ] as const) {
            expect(cells).toContain(at);
            expect(cells.filter((c) => c > at!).length).toBeLessThanOrEqual(share * cells.length);
            // one reading lower it would be too many
            expect(cells.filter((c) => c >= at!).length).toBeGreaterThan(share * cells.length);
          }
        },
      ),
      { numRuns: runs },
    );
  });

  it('a reading at the promise keeps it; without a promise nothing is above', () => {
    expect(readingsAbove([59, 60, 61, null, 99], [60, 60, 60, 60, null])).toBe(1);
    expect(readingsAbove([59, 60, 61, 62], [60, 60, 60, 60], 1, 3)).toBe(1);
  });
});

describe('the wait in the history of a bottleneck', () => {
  const waits = (change: Partial<BottleneckView>): BottleneckView => bottleneckView(change);
  /** ten readings a second */
  function played(seconds: number, backlogMsAt: (i: number) => number): History {
    const history = new History();
    for (let i = 0; i < seconds * 10; i++) history.push(1000 + i / 10, waits({ backlogMs: backlogMsAt(i) }));
    return history;
  }

  it('has the quantiles of the last seconds at each instant: what is longer ago is forgotten', () => {
    const history = played(60, (i) => (i < 100 ? 50 : 2));
    const at = (second: number) => history.columns.waitP95Ms[second * 10];
    expect(at(9)).toBe(50);
    // a tenth of the last twenty seconds was still slow
    expect(at(8 + trailingSeconds)).toBe(50);
    expect(at(11 + trailingSeconds)).toBe(2);
    expect(history.columns.waitP50Ms[25 * 10]).toBe(2);
  });

  it('knows nothing where the counters are old or were never read, and draws the promise all the same', () => {
    const history = new History();
    history.push(1, waits({ backlogMs: 7 }));
    history.push(1.1, waits({ backlogMs: 7, sampleAgeMs: -1 }));
    history.push(1.2, waits({ backlogMs: 7, safeMode: true, safeReason: 'stale' }));
    history.push(1.3, waits({ backlogMs: 7, safeMode: true, safeReason: 'certificate' }));
    history.push(1.4, waits({ delayPromise: null }));
    expect(history.columns.waitMs).toEqual([7, null, null, 7, 2]);
    expect(history.columns.promiseMs).toEqual([60, 60, 60, 60, null]);
  });

  it('begins anew when time runs backwards', () => {
    const history = played(30, () => 5);
    history.push(3, waits({ backlogMs: 1 }));
    expect(history.columns.waitP50Ms).toEqual([null]);
  });
});
