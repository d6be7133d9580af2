import { type Bytes, type BytesPerSecond, bytesPerSecond, type Seconds, seconds } from './units.js';
import { durationAt, neededRate, type VmCopy } from './vm-phase.js';

/** What is asked of the network and what the network has left. */
export interface AdmissionRequest {
  readonly memoryBytes: Bytes;
  readonly dirtyBytesPerSecond: BytesPerSecond;
  readonly workingSetBytes: Bytes;
  readonly downtimeLimitSeconds: Seconds;
  readonly fixedDowntimeSeconds: Seconds;
  /** null: as soon as possible */
  readonly deadlineSeconds: Seconds | null;
  /** cap asked for by the caller; null: none */
  readonly maxBytesPerSecond: BytesPerSecond | null;
  readonly capacityBytesPerSecond: BytesPerSecond;
  /** rho */
  readonly targetUtilisation: number;
  /** what others are expected to use; a high quantile makes the promise safe */
  readonly crossBytesPerSecond: BytesPerSecond;
  /** rates already promised to admitted migrations (their nu) */
  readonly committedBytesPerSecond: BytesPerSecond;
  /** kept back from the deadline for the switch-over and for forecasts that err */
  readonly guardSeconds: Seconds;
}
export interface AdmissionVerdict {
  readonly feasible: boolean;
  /** the earliest deadline that would be accepted, whole seconds; Infinity: none, the copy cannot converge */
  readonly earliestDeadlineSeconds: Seconds;
  /** with all that is left of the path */
  readonly predictedSeconds: Seconds;
  /** the rate that the deadline needs, 0 without a deadline */
  readonly requiredBytesPerSecond: BytesPerSecond;
  /** rho c - x - committed, capped by the caller's own limit */
  readonly residualBytesPerSecond: BytesPerSecond;
  /** one sentence for the caller */
  readonly reason: string;
}

/** Is the deadline feasible on what the path has left? Refusal names the earliest deadline that is. */
export function admit(request: AdmissionRequest): AdmissionVerdict {
  const left =
    request.targetUtilisation * request.capacityBytesPerSecond -
    request.crossBytesPerSecond -
    request.committedBytesPerSecond;
  const residual = Math.max(0, Math.min(left, request.maxBytesPerSecond ?? Number.POSITIVE_INFINITY));
  const predicted = durationAt(copyOf(request), bytesPerSecond(residual));
  const earliest = Number.isFinite(predicted)
    ? Math.ceil(predicted + request.guardSeconds)
    : Number.POSITIVE_INFINITY;
  const verdict = (feasible: boolean, required: number, reason: string): AdmissionVerdict => ({
    feasible,
    earliestDeadlineSeconds: seconds(earliest),
    predictedSeconds: seconds(predicted),
    requiredBytesPerSecond: bytesPerSecond(required),
    residualBytesPerSecond: bytesPerSecond(residual),
    reason,
  });
  if (!Number.isFinite(predicted))
    return verdict(
      false,
      0,
      `the path leaves ${megabits(residual)} Mbit/s and the machine dirties ${megabits(request.dirtyBytesPerSecond)} Mbit/s: the copy cannot converge; raise the rate, the downtime limit or lower the load`,
    );
  const deadline = request.deadlineSeconds;
  if (deadline === null) return verdict(true, 0, 'no deadline: as soon as the path allows');
  const usable = deadline - request.guardSeconds;
  if (predicted > usable)
    return verdict(
      false,
      0,
      `needs ${predicted.toFixed(1)} s at the ${megabits(residual)} Mbit/s that are left, and ${request.guardSeconds} s of guard; the earliest feasible deadline is ${earliest} s`,
    );
  const required = neededRate(copyOf(request), seconds(usable), bytesPerSecond(residual));
  return verdict(true, required, 'the path leaves enough for this deadline');
}

const copyOf = (request: AdmissionRequest): VmCopy => ({
  memory: {
    remainingBytes: request.memoryBytes,
    dirtyBytesPerSecond: request.dirtyBytesPerSecond,
    workingSetBytes: request.workingSetBytes,
  },
  disk: null,
  downtimeLimitSeconds: request.downtimeLimitSeconds,
  fixedDowntimeSeconds: request.fixedDowntimeSeconds,
});

const megabits = (rate: number): string => ((rate * 8) / 1e6).toFixed(1);
