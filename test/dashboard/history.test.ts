import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesToMs,
  columnNames,
  defaultLimits,
  History,
  limitsFor,
} from '../../src/dashboard/model/history.js';
import type { BottleneckView } from '../../src/dashboard/model/types.js';
import { FakeWorld } from './fake-world.js';

const runs = 100 * Number(process.env.STEADY_TEST_SCALE ?? 1);

function sample(
  change: Partial<BottleneckView> = {},
  certificate: Partial<BottleneckView['certificate']> = {},
): BottleneckView {
  const base = new FakeWorld('idle', 0).view().bottlenecks[0]!;
  return { ...base, ...change, certificate: { ...base.certificate, ...certificate } };
}

describe('history of a bottleneck', () => {
  it('turns a sample into the units that are drawn', () => {
    const history = new History();
    history.push(
      100,
      sample(
        {
          capacityBitsPerSecond: 8e6,
          backlogMs: 10,
          backlogUncertaintyBytes: 2000,
          commandedBitsPerSecond: 3.5e6,
        },
        { slots: 1, forecastErrorBytesPerSecond: 125_000, measurementErrorBytes: 500 },
      ),
    );
    const at = (name: (typeof columnNames)[number]) => history.columns[name][0];
    expect(bytesToMs(2000, 8e6)).toBe(2);
    expect([at('backlogLowMs'), at('backlogMs'), at('backlogHighMs')]).toEqual([8, 10, 12]);
    expect(at('commandedMbps')).toBe(3.5);
    expect(at('capacityMbps')).toBe(8);
    expect(at('forecastErrorMbps')).toBe(1);
    expect(at('measurementErrorMs')).toBe(0.5);
  });

  it('joins the samples of a recording that is played fast, and breaks where some are missing', () => {
    const history = new History();
    for (const at of [100, 102, 104, 106]) history.push(at, sample({}));
    expect(history.columns.backlogMs.filter((c) => c === null)).toHaveLength(1);
    history.push(120, sample({}));
    expect(history.columns.backlogMs.at(-2)).toBeNull();
  });

  it('claims no bound and no error before a slot was checked, and no traffic below nothing', () => {
    const history = new History();
    history.push(
      100,
      sample({ boundMs: 0, crossBitsPerSecond: -40_000 }, { slots: 0, forecastErrorBytesPerSecond: 0 }),
    );
    const at = (name: (typeof columnNames)[number]) => history.columns[name][0];
    for (const name of ['boundMs', 'lyapunov', 'lyapunovBound', 'drift', 'forecastErrorMbps'] as const)
      expect(at(name), name).toBeNull();
    expect(at('crossMbps')).toBe(0);
  });

  it('an uncertainty larger than the backlog does not draw a negative queue', () => {
    const history = new History();
    history.push(0, sample({ backlogMs: 1, backlogUncertaintyBytes: 1e6 }));
    expect(history.columns.backlogLowMs[0]).toBe(0);
  });

  it('what is not a finite number (JSON has null for infinity) is drawn as nothing', () => {
    const history = new History();
    history.push(0, sample({ boundMs: null as unknown as number }, { lyapunov: Number.NaN }));
    expect(history.columns.boundMs[0]).toBeNull();
    expect(history.columns.lyapunov[0]).toBeNull();
  });

  it('counts become marks where they grow; a restart of the counts makes no mark', () => {
    const history = new History();
    for (const [i, violations] of [3, 3, 5, 0, 1].entries()) history.push(i, sample({}, { violations }));
    expect(history.columns.newViolations).toEqual([0, 0, 2, 0, 1]);
  });

  it('samples far apart are not joined', () => {
    const history = new History();
    for (const at of [0, 0.1, 9]) history.push(at, sample());
    expect(history.times).toHaveLength(4);
    expect(history.columns.backlogMs[2]).toBeNull();
  });

  it('the same instant replaces the sample, an earlier one starts anew', () => {
    const history = new History();
    history.push(5, sample({ backlogMs: 1 }));
    history.push(5, sample({ backlogMs: 2 }));
    expect(history.columns.backlogMs).toEqual([2]);
    history.push(4, sample({ backlogMs: 3 }));
    expect([history.times, history.columns.backlogMs]).toEqual([[4], [3]]);
  });

  it('finds where a window begins, one sample early so that the line enters the picture', () => {
    const history = new History();
    for (const at of [1, 2, 3, 4]) history.push(at, sample());
    expect([0, 1, 2.5, 3, 9].map((from) => history.startOf(from))).toEqual([0, 0, 1, 1, 3]);
    expect([0, 1, 2.5, 3, 9].map((to) => history.endOf(to))).toEqual([0, 1, 2, 3, 4]);
  });

  it('many bottlenecks share what may be kept, and each has at least two minutes of ten samples a second', () => {
    expect(limitsFor(0)).toEqual(defaultLimits);
    expect(limitsFor(2).samples).toBe(8000);
    expect(limitsFor(20).samples).toBe(3000);
    expect(limitsFor(400).samples).toBeGreaterThanOrEqual(1300);
  });

  it('stays within its limits, in order and with columns of one length, for any arrival of samples', () => {
    const limits = { seconds: 20, samples: 200, gapSeconds: 1.5 };
    fc.assert(
      fc.property(fc.array(fc.double({ min: -2, max: 4, noNaN: true }), { maxLength: 600 }), (steps) => {
        const history = new History(limits);
        let at = 0;
        for (const step of steps) {
          at += step;
          history.push(at, sample());
        }
        for (const name of columnNames) expect(history.columns[name]).toHaveLength(history.times.length);
        for (let i = 1; i < history.times.length; i++)
          expect(history.times[i]!).toBeGreaterThan(history.times[i - 1]!);
        expect(history.times.length).toBeLessThanOrEqual(limits.samples);
        if (steps.length > 0) expect(history.times.at(-1)).toBe(at);
      }),
      { numRuns: runs },
    );
  });
});
