import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Job, JobOutcome } from './job.js';

/** What the child answers with. */
export type ChildAnswer = { readonly outcome: JobOutcome } | { readonly error: string };

/** Time to take down namespaces and switches before the process is killed; a simulation has nothing to take down. */
const graceMs = 45_000;
const jobProgram = fileURLToPath(new URL('./job-process.js', import.meta.url));

/** Runs jobs in a process of their own, so that a run that hangs, crashes or leaks costs one result and no more. */
export class JobProcesses {
  #child: ChildProcess | undefined;
  #mustTidy = false;
  isStopped = false;
  readonly #limitSeconds: number;
  readonly #program: string;

  constructor(limitSeconds: number, program = jobProgram) {
    this.#limitSeconds = limitSeconds;
    this.#program = program;
  }

  /** Rejects when the job fails, dies, or takes too long. */
  run(job: Job): Promise<JobOutcome> {
    return new Promise((resolve, reject) => {
      const child = fork(this.#program, [], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        serialization: 'advanced',
      });
      this.#child = child;
      this.#mustTidy = job.network === 'ovs';
      let answer: ChildAnswer | undefined;
      let isLate = false;
      const limit = setTimeout(() => {
        isLate = true;
        this.#end();
      }, this.#limitSeconds * 1000);
      child.once('message', (message) => {
        answer = message as ChildAnswer;
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        clearTimeout(limit);
        this.#child = undefined;
        if (answer !== undefined && 'outcome' in answer) resolve(answer.outcome);
        else if (isLate) reject(new Error(`not done within ${this.#limitSeconds} s`));
        else if (answer !== undefined) reject(new Error(answer.error));
        else reject(new Error(`the run ended with ${code ?? signal}`));
      });
      child.send(job);
    });
  }

  /** Somebody pressed Ctrl-C: ends the job that is running. */
  stop(): void {
    this.isStopped = true;
    this.#end();
  }

  #end(): void {
    const child = this.#child;
    if (child === undefined) return;
    if (!this.#mustTidy) {
      child.kill('SIGKILL');
      return;
    }
    child.kill('SIGTERM');
    setTimeout(() => child.exitCode === null && child.kill('SIGKILL'), graceMs).unref();
  }
}
