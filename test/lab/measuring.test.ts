import { describe, expect, it } from 'vitest';
import { oscillationOf } from '../../bench/lab/meter.js';
import { stallSeconds } from '../../bench/lab/playout.js';
import { stepResponse } from '../../bench/lab/step-response.js';
import { acceptableMs, bestOf, firstTuningSeed, tunedSetting } from '../../bench/lab/tune.js';
import { measures } from './fixtures.js';

describe('the step response', () => {
  /** 2 s of a level of 1 ms, a triangle of this height after 0.1 s, then 1 ms again */
  const record = (height: number) => {
    const values = Array.from({ length: 1250 }, () => 1);
    for (let i = 0; i < 20; i++) values[210 + i] = 1 + height * (1 - i / 20);
    return {
      backlogMs: values,
      stepSeconds: 0.01,
      informationDelaySeconds: 0.02,
      byBitsPerSecond: 16e6,
      headroomBitsPerSecond: 2.5e6,
      capacityBitsPerSecond: 50e6,
    };
  };

  it('is held against (dx - (1 - rho) c) tau', () => {
    const figures = stepResponse(record(8));
    expect(figures.boundMs).toBeCloseTo((13.5 / 50) * 20, 9);
    expect(figures.beforeMs).toBe(1);
    expect(figures.peakMs).toBe(8);
  });

  it('has settled when the queue is back, and not before', () => {
    // above 1 ms + 1 ms of tolerance until 17 of the 20 samples of the triangle are over
    expect(stepResponse(record(8)).settlingSeconds).toBeCloseTo(0.1 + 0.18, 9);
    expect(stepResponse(record(0.5)).settlingSeconds).toBe(0);
    const endless = record(8);
    endless.backlogMs.fill(9, 200);
    expect(stepResponse(endless).settlingSeconds).toBeNull();
  });

  it('has no bound without a controller', () => {
    expect(stepResponse({ ...record(8), informationDelaySeconds: null }).boundMs).toBeNull();
  });
});

describe('the play-out buffer', () => {
  const window = { fromSeconds: 0, toSeconds: 10 };
  const packet = (atSeconds: number, delaySeconds: number) => ({ atSeconds, delaySeconds });

  it('freezes one period for each picture that is not whole in time', () => {
    const packets = [
      packet(0, 0.02),
      packet(0, 0.02),
      packet(0.04, -1),
      packet(0.04, -1),
      packet(0.08, 0.03),
      packet(0.12, 2.5),
      packet(0.16, 1.9),
    ];
    expect(stallSeconds(packets, window, 25)).toBeCloseTo(2 * 0.04, 9);
  });

  it('counts the last picture too, and none outside the window', () => {
    const packets = [packet(1, 0.02), packet(9.96, -1), packet(10, -1), packet(11, -1)];
    expect(stallSeconds(packets, window, 25)).toBeCloseTo(0.04, 9);
    expect(stallSeconds([], window, 25)).toBe(0);
  });
});

describe('oscillation', () => {
  it('is the mean change over the mean', () => {
    expect(oscillationOf([1, 3, 1, 3])).toBe(1);
    expect(oscillationOf([5, 5, 5])).toBe(0);
    expect(oscillationOf([0, 0])).toBeNull();
    expect(oscillationOf([4])).toBeNull();
  });
});

describe('tuning', () => {
  const runs = (addedMs: number, seconds: number, completed = true) =>
    [1, 2].map(() => {
      const usual = measures();
      const video = { ...usual.video, p99Ms: usual.alone.p99Ms + addedMs };
      return measures({ video, seconds, completed });
    });
  const setting = (staticShare: number) => ({ staticShare });

  it('takes the fastest setting that the video does not feel', () => {
    const best = bestOf('r', [
      { setting: setting(0.2), measures: runs(1, 90) },
      { setting: setting(0.3), measures: runs(acceptableMs, 70) },
      { setting: setting(0.4), measures: runs(acceptableMs + 1, 50) },
      { setting: setting(0.5), measures: runs(0, 10, false) },
    ]);
    expect(best.best).toEqual(setting(0.3));
    expect(best.tried).toHaveLength(4);
  });

  it('takes the gentlest when the video feels all of them, and says so', () => {
    const best = bestOf('r', [
      { setting: setting(0.4), measures: runs(80, 50) },
      { setting: setting(0.5), measures: runs(20, 60) },
    ]);
    expect(best.best).toEqual(setting(0.5));
    expect(best.why).toContain('none adds at most');
    expect(() => bestOf('r', [{ setting: setting(0.4), measures: runs(0, 1, false) }])).toThrow(RangeError);
  });

  it('is found by the name of a row, where there is one', () => {
    const row = bestOf('static-cap', [{ setting: setting(0.3), measures: runs(0, 9) }]);
    const tuned = { scenario: 's2', deployment: 'B', seeds: [1001], date: '', rows: [row] };
    expect(tunedSetting(tuned, 'static-cap@tuned')).toEqual(setting(0.3));
    expect(tunedSetting(tuned, 'static-cap')).toBeUndefined();
    expect(() => tunedSetting(tuned, 'steady@tuned')).toThrow('not tuned yet');
    expect(() => tunedSetting(tuned, 'nobody@tuned')).toThrow('no row');
  });

  it('uses seeds that no test has', () => expect(firstTuningSeed).toBeGreaterThan(1000));
});
