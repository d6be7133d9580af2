import { describe, expect, it } from 'vitest';
import { SafeMode } from '../../controller/index.js';

/** `count` good samples, 20 ms apart */
function good(mode: SafeMode, count: number, from = 10): void {
  for (let k = 0; k < count; k++) mode.sample(from + 0.02 * k, false, false);
}

describe('safe mode', () => {
  it('is entered at once and left after as many good slots as its cause asks for', () => {
    for (const [reason, slots] of [
      ['stale', 3],
      ['certificate', 25],
      ['real-queue', 25],
    ] as const) {
      const mode = new SafeMode();
      expect(mode.reason).toBeNull();
      mode.enter(reason);
      good(mode, slots - 1);
      expect(mode.reason).toBe(reason);
      good(mode, 1);
      expect(mode.reason).toBeNull();
    }
  });
  it('begins to count anew with every new cause, and a lesser one does not shorten the wait', () => {
    const mode = new SafeMode();
    mode.enter('certificate');
    good(mode, 24);
    mode.enter('stale');
    good(mode, 24);
    expect(mode.reason).toBe('certificate');
    good(mode, 1);
    expect(mode.reason).toBeNull();
  });
  it('leaves a contradiction to the drain probe for a second, and takes it for a cause after that', () => {
    const mode = new SafeMode();
    for (let k = 0; k < 50; k++) mode.sample(1 + 0.02 * k, true, false);
    expect(mode.reason).toBeNull();
    mode.sample(2.1, true, false);
    expect(mode.reason).toBe('real-queue');
    for (let k = 0; k < 50; k++) mode.sample(2.2 + 0.02 * k, true, false);
    expect(mode.reason).toBe('real-queue');
    good(mode, 25);
    expect(mode.reason).toBeNull();
    const answered = new SafeMode();
    for (let k = 0; k < 200; k++) answered.sample(0.02 * k, k % 40 !== 0, false);
    expect(answered.reason).toBeNull();
  });
  it('lets a law that failed again soon wait twice as long each time, and one that failed long ago as at first', () => {
    const mode = new SafeMode();
    const waits = [];
    let at = 0;
    for (let failure = 0; failure < 9; failure++) {
      mode.enter('certificate');
      const from = at;
      while (mode.reason !== null) {
        at += 0.02;
        mode.sample(at, false, false);
      }
      waits.push(Math.round((at - from) / 0.02));
      at += 1;
      mode.sample(at, false, false);
    }
    expect(waits).toEqual([25, 50, 100, 200, 400, 800, 1600, 1600, 1600]);
    mode.sample(at + 20, false, false);
    mode.enter('certificate');
    good(mode, 25, at + 21);
    expect(mode.reason).toBeNull();
  });
  it('takes a queue that stays above its bound for a cause', () => {
    const mode = new SafeMode();
    mode.sample(1, false, true);
    expect(mode.reason).toBe('real-queue');
  });
});
