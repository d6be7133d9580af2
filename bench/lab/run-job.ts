import { join } from 'node:path';
import { readTopology } from '../../src/io/topology-file.js';
import { type Job, type JobOutcome, variantNamed } from './job.js';
import { whyNot } from './limits.js';
import { runLoops } from './loops-job.js';
import { projectRoot } from './project-root.js';
import { rowNamed } from './rows.js';
import { scenarioNamed } from './scenarios/index.js';
import { runSimulated } from './sim-job.js';

/** Runs one job in this process. @throws RangeError for names that do not exist, and for what cannot be run there */
export async function runJob(job: Job, signal: AbortSignal): Promise<JobOutcome> {
  const base = readTopology(join(projectRoot(), 'topologies', 'two-dc.yaml'));
  const scenario = scenarioNamed(job.scenario);
  const { setting } = variantNamed(scenario, job.variant);
  const row = rowNamed(job.row);
  const tried = job.setting === undefined ? row : { ...row, control: { ...row.control, ...job.setting } };
  const named = { scenario, setting, row: tried, deployment: job.deployment, seed: job.seed };
  const reason = whyNot(job.network, named);
  if (reason !== undefined) throw new RangeError(reason);
  if (scenario.plant === 'loops') return runLoops(base, named);
  if (job.network === 'sim') return runSimulated(base, named);
  // Only here: it brings the testbed and a whole daemon along.
  const { runOnOvs } = await import('./ovs-job.js');
  return runOnOvs(base, named, signal);
}
