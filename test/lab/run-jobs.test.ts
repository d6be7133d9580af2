import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Job, type JobRecord, jobsOf, keyOf } from '../../bench/lab/job.js';
import { appendLine, rawFileOf, readLines, readRecords } from '../../bench/lab/raw-file.js';
import { type RunOptions, runJobs } from '../../bench/lab/run-jobs.js';
import { scenarioNamed } from '../../bench/lab/scenarios/index.js';
import { measures } from './fixtures.js';

const jobs = jobsOf(scenarioNamed('s2'), {
  network: 'sim',
  deployments: ['B'],
  rows: ['cubic', 'steady'],
  seeds: [1, 2],
});

describe('running jobs', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'steady-lab-test-'));
    file = rawFileOf(directory, 's2', 'sim');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const run = async (execute: RunOptions['execute'], isStopped?: () => boolean) => {
    const executed: string[] = [];
    const failed = await runJobs({
      jobs,
      done: readLines<JobRecord>(file),
      execute: (job) => {
        executed.push(keyOf(job));
        return execute(job);
      },
      save: (record) => appendLine(file, record),
      machine: () => ({ cores: 1, model: 'm', node: 'n', load: 0 }),
      now: () => new Date(0),
      say: () => {},
      isStopped,
    });
    return { executed, failed };
  };
  const succeed = async (_job: Job) => ({ measures: measures(), series: null });

  it('does not run again what has a result', async () => {
    expect((await run(succeed)).executed).toEqual(jobs.map(keyOf));
    expect((await run(succeed)).executed).toEqual([]);
    expect(readRecords(directory)).toHaveLength(4);
  });

  it('goes on with the next job after a failure, and tries the failed one again the next time', async () => {
    const breakOne = async (job: Job) => {
      if (job.row === 'cubic' && job.seed === 1) throw new Error('no luck');
      return succeed(job);
    };
    expect((await run(breakOne)).failed).toBe(1);
    const broken = readRecords(directory).filter((r) => r.error !== null);
    expect(broken).toMatchObject([{ error: 'no luck', measures: null }]);
    const again = await run(succeed);
    expect(again.executed).toEqual([keyOf(jobs[0]!)]);
    expect(readRecords(directory).filter((r) => r.error !== null)).toEqual([]);
  });

  it('keeps what is there when it is stopped, and says nothing about the run that was interrupted', async () => {
    let stopped = false;
    const interrupt = async (job: Job) => {
      if (job.seed === 2) {
        stopped = true;
        throw new Error('killed');
      }
      return succeed(job);
    };
    const first = await run(interrupt, () => stopped);
    expect(first.executed).toHaveLength(3);
    expect(readRecords(directory).map((r) => r.seed)).toEqual([1, 1]);
    expect((await run(succeed)).executed).toEqual(jobs.slice(2).map(keyOf));
  });

  it('takes a torn last line for nothing, and writes on after it', async () => {
    await run(succeed);
    appendFileSync(file, '{"key":"s2/sim');
    expect(readRecords(directory)).toHaveLength(4);
    appendLine(file, { ...readLines<JobRecord>(file)[0]!, key: 'another' });
    expect(readRecords(directory)).toHaveLength(5);
  });
});
