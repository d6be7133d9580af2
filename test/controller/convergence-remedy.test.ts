import { describe, expect, it } from 'vitest';
import {
  bytes,
  bytesPerSecond,
  ConvergenceRemedy,
  instant,
  type LadderRung,
  type Remedy,
  type RemedyInput,
  seconds,
} from '../../controller/index.js';

const copyAt = (dirty: number): RemedyInput['copy'] => ({
  memory: {
    remainingBytes: bytes(50e6),
    dirtyBytesPerSecond: bytesPerSecond(dirty),
    workingSetBytes: bytes(50e6),
  },
  disk: null,
  downtimeLimitSeconds: seconds(0.3),
  fixedDowntimeSeconds: seconds(0),
});

/** What it does, second by second, while the ladder says this. */
function deeds(
  remedy: ConvergenceRemedy,
  from: number,
  to: number,
  rung: LadderRung,
  more: Partial<RemedyInput> = {},
): [number, Remedy][] {
  const done: [number, Remedy][] = [];
  for (let now = from; now <= to; now++) {
    const deed = remedy.step({
      now: instant(now),
      rung,
      pass: 3,
      copy: copyAt(20e6),
      mostBytesPerSecond: bytesPerSecond(10e6),
      ...more,
    });
    if (deed !== null) done.push([now, deed]);
  }
  return done;
}

describe('what is done about a copy that does not converge', () => {
  it('is nothing before two whole passes were measured', () => {
    expect(deeds(new ConvergenceRemedy(), 0, 60, 'post-copy', { pass: 2 })).toEqual([]);
  });

  it('is to slow the machine down once, when that was advised for a while', () => {
    const remedy = new ConvergenceRemedy();
    expect(deeds(remedy, 0, 15, 'throttle')).toEqual([[3, 'throttle']]);
    expect(remedy.throttleIsSpent(instant(15))).toBe(false);
    expect(remedy.throttleIsSpent(instant(24))).toBe(true);
  });

  it('is not done for an advice that comes and goes', () => {
    const remedy = new ConvergenceRemedy();
    for (let at = 0; at < 60; at += 4) {
      expect(deeds(remedy, at, at + 2, 'throttle')).toEqual([]);
      expect(deeds(remedy, at + 3, at + 3, 'more-rate')).toEqual([]);
    }
  });

  it('is to give up where no rate that could be had would do', () => {
    expect(deeds(new ConvergenceRemedy(), 0, 10, 'refuse')).toEqual([[10, 'give-up']]);
    expect(
      deeds(new ConvergenceRemedy(), 0, 60, 'refuse', { mostBytesPerSecond: bytesPerSecond(30e6) }),
    ).toEqual([]);
    // Others' traffic may end, or have gone on for too many passes.
    const could = { mostBytesPerSecond: bytesPerSecond(30e6) };
    const remedy = new ConvergenceRemedy();
    expect(deeds(remedy, 0, 19, 'refuse', { ...could, pass: 3 })).toEqual([]);
    expect(deeds(remedy, 20, 30, 'refuse', { ...could, pass: 5 })).toEqual([]);
    expect(deeds(remedy, 31, 31, 'refuse', { ...could, pass: 6 })).toEqual([[31, 'give-up']]);
    // Passes alone do not tell: those of a small rest are over in no time.
    const quick = new ConvergenceRemedy();
    expect(deeds(quick, 0, 0, 'refuse', { ...could, pass: 3 })).toEqual([]);
    expect(deeds(quick, 1, 19, 'refuse', { ...could, pass: 30 })).toEqual([]);
    expect(deeds(quick, 20, 20, 'none', { ...could, pass: 30 })).toEqual([]);
    expect(deeds(quick, 21, 50, 'refuse', { ...could, pass: 31 })).toEqual([]);
    // rate and circuit are others' to give
    for (const rung of ['none', 'more-rate', 'circuit'] as const)
      expect(deeds(new ConvergenceRemedy(), 0, 60, rung)).toEqual([]);
  });
});
