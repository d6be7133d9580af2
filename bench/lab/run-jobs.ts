import { type Job, type JobOutcome, type JobRecord, keyOf, type Machine } from './job.js';
import type { Series } from './measures.js';

export interface RunOptions {
  readonly jobs: readonly Job[];
  /** what is there already */
  readonly done: readonly JobRecord[];
  /** runs one job, in a process of its own */
  readonly execute: (job: Job) => Promise<JobOutcome>;
  readonly save: (record: JobRecord, series: Series | null) => void;
  readonly machine: () => Omit<Machine, 'loadBefore' | 'loadAfter'> & { readonly load: number };
  readonly now: () => Date;
  readonly say: (line: string) => void;
  readonly isStopped?: () => boolean;
}

/**
 * Runs the jobs that have no result yet, one after the other, and saves each result as soon as it is there. A job
 * that failed is written down too, and is run again the next time. @returns how many failed
 */
export async function runJobs(options: RunOptions): Promise<number> {
  const { jobs, say } = options;
  const done = new Set(options.done.filter((r) => r.measures !== null).map((r) => r.key));
  const open = jobs.filter((j) => !done.has(keyOf(j)));
  say(`${jobs.length} runs, ${jobs.length - open.length} of them done before`);
  let failed = 0;
  for (const [i, job] of open.entries()) {
    if (options.isStopped?.() === true) break;
    const record = await runOne(job, options);
    if (record === undefined) break;
    if (record.error !== null) failed += 1;
    say(`[${i + 1}/${open.length}] ${lineOf(record)}`);
  }
  return failed;
}

async function runOne(job: Job, options: RunOptions): Promise<JobRecord | undefined> {
  const { load: loadBefore } = options.machine();
  const begin = options.now();
  let outcome: JobOutcome | undefined;
  let error: string | null = null;
  try {
    outcome = await options.execute(job);
  } catch (reason) {
    error = reason instanceof Error ? reason.message : String(reason);
  }
  // An interrupted run says nothing about its job.
  if (outcome === undefined && options.isStopped?.() === true) return undefined;
  const { load: loadAfter, ...machine } = options.machine();
  const end = options.now();
  const record: JobRecord = {
    ...job,
    key: keyOf(job),
    date: begin.toISOString(),
    wallSeconds: (end.getTime() - begin.getTime()) / 1000,
    machine: { ...machine, loadBefore, loadAfter },
    measures: outcome?.measures ?? null,
    error,
  };
  options.save(record, outcome?.series ?? null);
  return record;
}

function lineOf({ key, measures, error, wallSeconds }: JobRecord): string {
  if (measures === null) return `${key}: failed after ${wallSeconds.toFixed(0)} s: ${error}`;
  const added = measures.video.p99Ms - measures.alone.p99Ms;
  const state = measures.completed ? '' : ' (not completed)';
  return `${key}: ${measures.seconds.toFixed(1)} s${state}, video p99 ${added < 0 ? '' : '+'}${added.toFixed(1)} ms, loss ${measures.video.lossPercent.toFixed(2)} %`;
}
