import { join } from 'node:path';
import { readTopology } from '../../src/io/topology-file.js';
import { type Job, type JobOutcome, variantNamed } from './job.js';
import { projectRoot } from './project-root.js';
import { rowNamed } from './rows.js';
import { scenarioNamed } from './scenarios/index.js';
import { runSimulated } from './sim-job.js';

/** Runs one job in this process. @throws RangeError for names that do not exist */
export async function runJob(job: Job, _signal: AbortSignal): Promise<JobOutcome> {
  const base = readTopology(join(projectRoot(), 'topologies', 'two-dc.yaml'));
  const scenario = scenarioNamed(job.scenario);
  const { setting } = variantNamed(scenario, job.variant);
  const row = rowNamed(job.row);
  const tried = job.setting === undefined ? row : { ...row, control: { ...row.control, ...job.setting } };
  return runSimulated(base, { scenario, setting, row: tried, deployment: job.deployment, seed: job.seed });
}
