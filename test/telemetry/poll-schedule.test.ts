import { describe, expect, it } from 'vitest';
import { PollSchedule } from '../../src/telemetry/index.js';

describe('PollSchedule', () => {
  it('keeps its times whatever the calls are late by', () => {
    const schedule = new PollSchedule(0.02);
    expect(schedule.due(5)).toBe(true);
    schedule.sent(5);
    schedule.answered();
    for (let k = 1; k < 50; k++) {
      expect(schedule.nextDue()).toBeCloseTo(5 + k * 0.02, 9);
      expect(schedule.due(5 + k * 0.02 - 0.001)).toBe(false);
      schedule.sent(5 + k * 0.02 + 0.007);
      schedule.answered();
    }
    expect(schedule.overruns).toBe(0);
  });

  it('has one request out, skips slots meanwhile and counts them', () => {
    const schedule = new PollSchedule(0.02);
    schedule.sent(0);
    expect(schedule.due(1)).toBe(false);
    expect(schedule.nextDue()).toBe(Number.POSITIVE_INFINITY);
    schedule.answered();
    expect(schedule.due(0.075)).toBe(true);
    schedule.sent(0.075);
    expect(schedule.overruns).toBe(2);
    schedule.answered();
    expect(schedule.due(0.076)).toBe(false);
    expect(schedule.nextDue()).toBeCloseTo(0.08, 9);
  });

  it('has as many requests out as a far channel holds at its best, eight at most', () => {
    const schedule = new PollSchedule(0.02);
    const outAfter = (roundTripSeconds: number): number => {
      schedule.forget();
      schedule.roundTripIs(roundTripSeconds);
      let out = 0;
      while (schedule.nextDue() < Number.POSITIVE_INFINITY) {
        schedule.sent(schedule.nextDue());
        out += 1;
      }
      return out;
    };
    schedule.sent(0);
    expect([0, 0.019, 0.045, 0.1, 3].map(outAfter)).toEqual([1, 1, 3, 6, 8]);
    schedule.answered();
    expect(schedule.nextDue()).toBeLessThan(Number.POSITIVE_INFINITY);
    schedule.sent(schedule.nextDue());
    schedule.forget();
    schedule.sent(schedule.nextDue());
    expect(schedule.nextDue()).toBe(Number.POSITIVE_INFINITY);
  });

  it('takes a call at the very time of a slot for that slot', () => {
    const schedule = new PollSchedule(0.1);
    schedule.sent(0.3);
    schedule.answered();
    for (let k = 1; k <= 20; k++) {
      expect(schedule.due(schedule.nextDue())).toBe(true);
      schedule.sent(schedule.nextDue());
      schedule.answered();
    }
    expect(schedule.overruns).toBe(0);
  });

  it('refuses a slot that is no time', () => {
    expect(() => new PollSchedule(0)).toThrow(RangeError);
  });
});
