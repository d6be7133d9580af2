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
