import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Job, JobOutcome } from './job.js';

/** What the child answers with. */
export type ChildAnswer = { readonly outcome: JobOutcome } | { readonly error: string };

/** Time to take down namespaces and switches before the process is killed. */
const graceMs = 45_000;
const program = fileURLToPath(new URL('./job-process.js', import.meta.url));

/** Runs jobs in a process of their own, so that a run that hangs, crashes or leaks costs one result and no more. */
export class JobProcesses {
  #child: ChildProcess | undefined;
  readonly #limitSeconds: number;

  constructor(limitSeconds: number) {
    this.#limitSeconds = limitSeconds;
  }

  /** Rejects when the job fails, dies, or takes too long. */
  run(job: Job): Promise<JobOutcome> {
    return new Promise((resolve, reject) => {
      const child = fork(program, [], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        serialization: 'advanced',
      });
      this.#child = child;
      let answer: ChildAnswer | undefined;
      let isLate = false;
      const limit = setTimeout(() => {
        isLate = true;
        this.stop();
      }, this.#limitSeconds * 1000);
      child.once('message', (message) => {
        answer = message as ChildAnswer;
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        clearTimeout(limit);
        this.#child = undefined;
        if (answer !== undefined && 'outcome' in answer) resolve(answer.outcome);
        else if (answer !== undefined) reject(new Error(answer.error));
        else if (isLate) reject(new Error(`not done within ${this.#limitSeconds} s`));
        else reject(new Error(`the run ended with ${code ?? signal}`));
      });
      child.send(job);
    });
  }

  /** Ends the job that is running: asks first, so that it can take down what it built. */
  stop(): void {
    const child = this.#child;
    if (child === undefined) return;
    child.kill('SIGTERM');
    setTimeout(() => child.exitCode === null && child.kill('SIGKILL'), graceMs).unref();
  }
}
