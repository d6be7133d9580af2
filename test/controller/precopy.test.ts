import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AdmissionRequest,
  admit,
  bytes,
  bytesPerSecond,
  type PrecopyInput,
  predictPrecopy,
  seconds,
} from '../../controller/index.js';

const vm: PrecopyInput = {
  remainingBytes: bytes(4e9),
  dirtyBytesPerSecond: bytesPerSecond(5e6),
  workingSetBytes: bytes(Number.POSITIVE_INFINITY),
  rateBytesPerSecond: bytesPerSecond(25e6),
  downtimeLimitSeconds: seconds(0.3),
  fixedDowntimeSeconds: seconds(0.1),
};

describe('pre-copy', () => {
  it('agrees with the closed form of rounds, time and bytes', () => {
    for (const lambda of [0.2, 0.5, 0.8, 0.9]) {
      const r = vm.rateBytesPerSecond;
      const p = predictPrecopy({ ...vm, dirtyBytesPerSecond: bytesPerSecond(lambda * r) });
      const threshold = r * 0.2;
      const formula = Math.ceil(Math.log(vm.remainingBytes / threshold) / Math.log(1 / lambda));
      expect(Math.abs(p.rounds - 1 - formula)).toBeLessThanOrEqual(1);
      expect(p.bytesLeft).toBeLessThanOrEqual(vm.remainingBytes / (1 - lambda));
      expect(p.bytesLeft).toBeGreaterThan((vm.remainingBytes - threshold) / (1 - lambda) - threshold);
      expect(p.secondsLeft).toBeCloseTo(p.bytesLeft / r, 6);
      expect(p.downtimeSeconds).toBeLessThanOrEqual(0.3 + 1e-9);
      expect(p.dirtyRatio).toBeCloseTo(lambda, 9);
    }
  });
  it('does not converge when memory gets dirty faster than it is sent', () => {
    const p = predictPrecopy({ ...vm, dirtyBytesPerSecond: bytesPerSecond(30e6) });
    expect(p).toMatchObject({ converges: false, secondsLeft: Number.POSITIVE_INFINITY });
  });
  it('converges all the same when the working set fits into the downtime', () => {
    const p = predictPrecopy({
      ...vm,
      dirtyBytesPerSecond: bytesPerSecond(30e6),
      workingSetBytes: bytes(4e6),
    });
    expect(p.converges).toBe(true);
    expect(p.downtimeSeconds).toBeCloseTo(0.1 + 4e6 / 25e6, 9);
  });
  it('has an answer for a rate of 0', () => {
    expect(predictPrecopy({ ...vm, rateBytesPerSecond: bytesPerSecond(0) }).converges).toBe(false);
    const nothing = predictPrecopy({
      ...vm,
      rateBytesPerSecond: bytesPerSecond(0),
      remainingBytes: bytes(0),
    });
    expect(nothing).toMatchObject({ converges: true, secondsLeft: 0, downtimeSeconds: 0.1 });
  });
});

const request: AdmissionRequest = {
  memoryBytes: bytes(150e6),
  dirtyBytesPerSecond: bytesPerSecond(250_000),
  workingSetBytes: bytes(8e6),
  downtimeLimitSeconds: seconds(0.3),
  fixedDowntimeSeconds: seconds(0.1),
  deadlineSeconds: null,
  maxBytesPerSecond: null,
  capacityBytesPerSecond: bytesPerSecond(6_250_000),
  targetUtilisation: 0.98,
  crossBytesPerSecond: bytesPerSecond(2_500_000),
  committedBytesPerSecond: bytesPerSecond(0),
  guardSeconds: seconds(2),
};

describe('admission', () => {
  it('needs no deadline', () => {
    const verdict = admit(request);
    expect(verdict.feasible).toBe(true);
    expect(verdict.residualBytesPerSecond).toBeCloseTo(3_625_000, 6);
    expect(verdict.predictedSeconds).toBeGreaterThan(150 / 3.625);
  });
  it('refuses a deadline with the earliest that is feasible, and accepts that one', () => {
    const refused = admit({ ...request, deadlineSeconds: seconds(20) });
    expect(refused.feasible).toBe(false);
    expect(refused.reason).toContain(`${refused.earliestDeadlineSeconds} s`);
    const accepted = admit({ ...request, deadlineSeconds: refused.earliestDeadlineSeconds });
    expect(accepted.feasible).toBe(true);
    expect(
      admit({ ...request, deadlineSeconds: seconds(refused.earliestDeadlineSeconds - 1) }).feasible,
    ).toBe(false);
  });
  it('never refuses the earliest deadline it names', () => {
    const rate = fc.double({ min: 0, max: 6e6, noNaN: true }).map(bytesPerSecond);
    fc.assert(
      fc.property(rate, rate, rate, (cross, dirty, committed) => {
        const asked = {
          ...request,
          crossBytesPerSecond: cross,
          dirtyBytesPerSecond: dirty,
          committedBytesPerSecond: committed,
          deadlineSeconds: seconds(1),
        };
        const first = admit(asked);
        expect(first.feasible).toBe(false);
        if (!Number.isFinite(first.earliestDeadlineSeconds)) return;
        const second = admit({ ...asked, deadlineSeconds: first.earliestDeadlineSeconds });
        expect(second.feasible).toBe(true);
        expect(second.requiredBytesPerSecond).toBeLessThanOrEqual(second.residualBytesPerSecond);
      }),
      { numRuns: Math.round(200 * Number(process.env.STEADY_TEST_SCALE ?? 1)) },
    );
  });
  it('says that a machine cannot converge instead of naming a deadline', () => {
    const verdict = admit({
      ...request,
      dirtyBytesPerSecond: bytesPerSecond(3_500_000),
      workingSetBytes: bytes(1e9),
    });
    expect(verdict).toMatchObject({ feasible: false, earliestDeadlineSeconds: Number.POSITIVE_INFINITY });
    expect(verdict.reason).toMatch(/cannot converge/);
  });
  it('counts what others were promised and what the caller allows', () => {
    expect(
      admit({ ...request, committedBytesPerSecond: bytesPerSecond(3_600_000) }).residualBytesPerSecond,
    ).toBeCloseTo(25_000, 3);
    expect(admit({ ...request, maxBytesPerSecond: bytesPerSecond(1e6) }).residualBytesPerSecond).toBe(1e6);
  });
});
