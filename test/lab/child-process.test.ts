import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { JobProcesses } from '../../bench/lab/child-process.js';
import type { Job } from '../../bench/lab/job.js';

const directory = mkdtempSync(join(tmpdir(), 'steady-lab-child-'));
const job: Job = { scenario: 's2', network: 'sim', deployment: 'B', variant: '', row: 'cubic', seed: 7 };

/** A program that does this with its job. */
function program(name: string, body: string): string {
  const file = join(directory, `${name}.mjs`);
  writeFileSync(file, `import fs from 'node:fs';\nprocess.once('message', (job) => { ${body} });`);
  return file;
}

describe('a job in a process of its own', () => {
  afterAll(() => rmSync(directory, { recursive: true }));

  it('gives its outcome, or its error in words', async () => {
    const good = program(
      'good',
      'process.send({ outcome: { measures: job, series: null } }, () => process.exit())',
    );
    expect(await new JobProcesses(30, good).run(job)).toEqual({ measures: job, series: null });
    const bad = program('bad', "process.send({ error: 'no such row' }, () => process.exit())");
    await expect(new JobProcesses(30, bad).run(job)).rejects.toThrow('no such row');
  });

  it('that dies costs one job, not the lab', async () => {
    const dying = program('dying', 'process.exit(3)');
    await expect(new JobProcesses(30, dying).run(job)).rejects.toThrow('ended with 3');
  });

  it('that hangs is ended at its limit, also when it does not listen', async () => {
    const hanging = program('hanging', 'for (;;);');
    await expect(new JobProcesses(0.5, hanging).run(job)).rejects.toThrow('not done within 0.5 s');
  });

  it('is asked to tidy up when it has a network to take down, and ended when somebody stops the lab', async () => {
    const tidied = join(directory, 'tidied');
    const tidying = program(
      'tidying',
      `process.on('SIGTERM', () => { fs.writeFileSync('${tidied}', ''); process.exit(); }); setInterval(() => {}, 1000);`,
    );
    const processes = new JobProcesses(3, tidying);
    await expect(processes.run({ ...job, network: 'ovs' })).rejects.toThrow('not done within 3 s');
    expect(existsSync(tidied)).toBe(true);
    expect(processes.isStopped).toBe(false);
    const stopped = new JobProcesses(60, program('waiting', 'setInterval(() => {}, 1000)'));
    const result = expect(stopped.run(job)).rejects.toThrow('SIGKILL');
    stopped.stop();
    await result;
    expect(stopped.isStopped).toBe(true);
  });
});
