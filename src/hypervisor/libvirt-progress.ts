import { type JobSeen, noJob } from './virsh-output.js';

/** How far the copy is: what libvirt said last, and what it cannot have counted yet. */
export class LibvirtProgress {
  job: JobSeen = noJob;
  #pass = 0;
  #passSinceMs = Number.POSITIVE_INFINITY;

  /** Numbers of a job that has ended are 0: the last ones stay. */
  see(job: JobSeen, nowMs: number): void {
    if (job.type !== 'active') return;
    this.job = job;
    if (job.iteration <= this.#pass) return;
    this.#pass = job.iteration;
    this.#passSinceMs = nowMs;
  }

  /** the newest, from 1; 0: none yet */
  get pass(): number {
    return this.#pass;
  }
  get totalBytes(): number {
    return this.job.memoryTotalBytes + this.job.diskTotalBytes;
  }
  get processedBytes(): number {
    return this.job.memoryProcessedBytes + this.job.diskProcessedBytes;
  }

  /** What was written during a pass is counted only at its end; until then it is estimated. @param workingSetBytes what can be written at most */
  memoryRemainingBytes(nowMs: number, workingSetBytes: number): number {
    const { memoryTotalBytes, memoryRemainingBytes, dirtyBytesPerSecond } = this.job;
    const seconds = Math.max(0, nowMs - this.#passSinceMs) / 1000;
    const unseen = Math.min(dirtyBytesPerSecond * seconds, workingSetBytes);
    return Math.min(memoryTotalBytes, memoryRemainingBytes + unseen);
  }
}
