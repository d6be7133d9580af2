import { bytes, bytesPerSecond, predictPrecopy, seconds } from '../../controller/index.js';
import type { HypervisorStatus } from './input.js';
import type { ProgressView } from './view.js';

/** shorter intervals say more about the clock than about the rate */
const shortestIntervalSeconds = 0.1;
const smoothingSeconds = 2;

export interface PrecopyFacts {
  readonly dirtyBytesPerSecond: number;
  readonly workingSetBytes: number;
  readonly downtimeLimitMs: number;
}

/** How fast the copy goes, from the bytes that the target acknowledged, and when it will be done at that rate. */
export class MigrationProgress {
  #transferredBytes = -1;
  #movedAt = 0;
  #bytesPerSecond = 0;

  /** A new step: what comes next is compared with what comes then. */
  restart(now: number): void {
    this.#transferredBytes = -1;
    this.#movedAt = now;
  }

  observe(now: number, transferredBytes: number): void {
    if (transferredBytes <= this.#transferredBytes) return;
    const interval = now - this.#movedAt;
    if (this.#transferredBytes >= 0) {
      if (interval <= shortestIntervalSeconds) return;
      const measured = (transferredBytes - this.#transferredBytes) / interval;
      const weight = Math.min(1, interval / smoothingSeconds);
      this.#bytesPerSecond =
        this.#bytesPerSecond === 0 ? measured : this.#bytesPerSecond * (1 - weight) + measured * weight;
    }
    this.#transferredBytes = transferredBytes;
    this.#movedAt = now;
  }

  /** Mean of the last seconds; 0: nothing was acknowledged yet. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /** Since the last acknowledged byte, or since `restart`. */
  idleSeconds(now: number): number {
    return now - this.#movedAt;
  }

  /** null: at this rate the copy does not converge */
  secondsLeft(remainingBytes: number, facts: PrecopyFacts): number | null {
    const prediction = predictPrecopy({
      remainingBytes: bytes(remainingBytes),
      dirtyBytesPerSecond: bytesPerSecond(facts.dirtyBytesPerSecond),
      workingSetBytes: bytes(facts.workingSetBytes),
      rateBytesPerSecond: bytesPerSecond(this.#bytesPerSecond),
      downtimeLimitSeconds: seconds(facts.downtimeLimitMs / 1000),
      fixedDowntimeSeconds: seconds(0),
    });
    return prediction.converges ? prediction.secondsLeft : null;
  }
}

/** The copy of the memory as people are shown it. Agents tell sums with the disk. */
export function memoryProgress(status: KnownStatus, memoryBytes: number, done: boolean): ProgressView {
  const { totalBytes: diskBytes, copiedBytes } = status.disk ?? noDisk;
  const total = Math.max(memoryBytes, status.totalBytes - diskBytes);
  const nothingKnown = status.phase === 'unknown' || status.phase === 'none';
  const transferred = status.transferredBytes - copiedBytes;
  const sent = done && transferred === 0 ? total : transferred;
  const remaining = Math.max(0, status.remainingBytes - (diskBytes - copiedBytes));
  return {
    totalBytes: String(total),
    processedBytes: String(Math.max(0, sent)),
    remainingBytes: String(done ? 0 : nothingKnown ? total : remaining),
  };
}

/** The copy of the disk; zeros: it does not move, or its length is not known yet. */
export function diskProgress({ disk = noDisk }: KnownStatus, done: boolean): ProgressView {
  const { totalBytes, copiedBytes } = disk;
  return {
    totalBytes: String(totalBytes),
    processedBytes: String(done ? totalBytes : copiedBytes),
    remainingBytes: String(done ? 0 : Math.max(0, totalBytes - copiedBytes)),
  };
}

const noDisk = { totalBytes: 0, copiedBytes: 0 };

/** What an agent said last; `unknown`: nothing since its connection came. */
export type KnownStatus = Omit<HypervisorStatus, 'phase'> & {
  readonly phase: HypervisorStatus['phase'] | 'unknown';
};

export const unknownStatus: KnownStatus = {
  phase: 'unknown',
  round: 0,
  totalBytes: 0,
  transferredBytes: 0,
  remainingBytes: 0,
  dirtyBytesPerSecond: 0,
  downtimeMs: null,
  detail: '',
};
