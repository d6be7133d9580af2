// The lab's command line: see `usage` below.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readTopology } from '../../src/io/topology-file.js';
import { JobProcesses } from './child-process.js';
import { groupsOf } from './groups.js';
import { type Job, type JobRecord, jobsOf, variantNamed } from './job.js';
import { whyNot } from './limits.js';
import { machineNow } from './machine.js';
import { projectRoot } from './project-root.js';
import { appendLine, rawFileOf, readLines, seriesFileOf } from './raw-file.js';
import { writeReport } from './report.js';
import { coarse, rounded } from './rounding.js';
import { drawnRows, referenceRows, rowNamed, rows } from './rows.js';
import { runJobs } from './run-jobs.js';
import { type DeploymentLetter, type NetworkName, type Scenario, variantsOf } from './scenario.js';
import { absent, scenarioNamed, scenarios } from './scenarios/index.js';
import { casesOf, tableOf } from './table.js';
import { bestOf, firstTuningSeed, readTuned, type Tuned, tunedFileOf, tunedSetting } from './tune.js';

const usage = `npm run lab -- SCENARIO [options]     runs a scenario (${scenarios.map((s) => s.name).join(', ')})
npm run lab -- tune SCENARIO [options]  tries the grids of the rows on seeds ${firstTuningSeed}... and writes tuned.json
npm run lab -- estimator [--plants N]     the estimator on Open vSwitch against tc (root)
npm run lab -- long [options]           every scenario with its own rows, 30 seeds
npm run lab -- report [--out DIR]       rebuilds README.md and the plots from the raw files
npm run lab -- list                     what there is

  --network sim|ovs    simulated in virtual time (default), or Open vSwitch in real time (root)
  --policies A,B,...   rows, or ROW@tuned; ${referenceRows.join(' or ')} is always run, for its times are the reference
  --seeds N            seeds 1 to N (default 5)
  --deployment A|B|C   where the bottleneck is; default: what the scenario says
  --out DIR            default bench/results/lab
  --plants N           queues that are planted, and bursts that are compared, by estimator (default 20)
  --limit SECONDS      of wall time for one run (default 900)

What has a result already is not run again; Ctrl-C keeps what is there.`;

const longSeeds = 30;
/** what a shell shows for a command that was ended by Ctrl-C */
const interrupted = 130;

interface Options {
  /** queues that are planted, and bursts that are compared, by `estimator` */
  readonly plants: number;
  readonly network: NetworkName;
  readonly rowNames: readonly string[] | undefined;
  readonly seeds: number;
  readonly deployment: DeploymentLetter | undefined;
  readonly out: string;
  /** Ctrl-C ends the run that is under way; what was saved stays */
  readonly processes: JobProcesses;
}

async function main(args: string[]): Promise<number> {
  const { options, words } = parse(args);
  const [command, name] = words;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => options.processes.stop());
  switch (command) {
    case undefined:
    case 'help':
      console.log(usage);
      return command === undefined ? 2 : 0;
    case 'list':
      console.log(listing());
      return 0;
    case 'report':
      writeReport(options.out, readTuned(options.out));
      console.log(`wrote ${relative('.', join(options.out, 'README.md'))}`);
      return 0;
    case 'tune':
      return tune(scenarioNamed(name ?? 's2'), options);
    case 'estimator':
      return estimator(options);
    case 'long':
      return long(options);
    default:
      return run(scenarioNamed(command), options);
  }
}

function parse(args: string[]): { options: Options; words: string[] } {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      network: { type: 'string', default: 'sim' },
      policies: { type: 'string' },
      seeds: { type: 'string' },
      deployment: { type: 'string' },
      out: { type: 'string' },
      limit: { type: 'string', default: '900' },
      plants: { type: 'string', default: '20' },
    },
  });
  const { network, deployment } = values;
  if (network !== 'sim' && network !== 'ovs') throw new RangeError(`--network is sim or ovs, not ${network}`);
  if (deployment !== undefined && !/^[ABC]$/.test(deployment))
    throw new RangeError(`--deployment is A, B or C, not ${deployment}`);
  const seeds = Number(values.seeds ?? (positionals[0] === 'long' ? longSeeds : 5));
  if (!Number.isInteger(seeds) || seeds < 1 || seeds >= firstTuningSeed)
    throw new RangeError(`--seeds is a number from 1 to ${firstTuningSeed - 1}, not ${values.seeds}`);
  const plants = Number(values.plants);
  if (!Number.isInteger(plants) || plants < 1)
    throw new RangeError(`--plants is a number of queues, not ${values.plants}`);
  const limitSeconds = Number(values.limit);
  if (!(limitSeconds > 0)) throw new RangeError(`--limit is a number of seconds, not ${values.limit}`);
  const options: Options = {
    network,
    rowNames: values.policies?.split(','),
    seeds,
    deployment: deployment as DeploymentLetter | undefined,
    out: resolve(values.out ?? join(projectRoot(), 'bench', 'results', 'lab')),
    plants,
    processes: new JobProcesses(limitSeconds),
  };
  for (const row of options.rowNames ?? []) rowNamed(row);
  return { options, words: positionals };
}

function listing(): string {
  const lines = scenarios.map(
    (s) =>
      `${s.name.padEnd(16)} ${s.title} (${s.networks.join(', ')}; deployment ${s.deployments.join(', ')}; ${variantsOf(s).length} variants)`,
  );
  return [...lines, ...Object.values(absent), '', ...rows.map((r) => `${r.name.padEnd(16)} ${r.title}`)].join(
    '\n',
  );
}

async function run(scenario: Scenario, options: Options): Promise<number> {
  const jobs = jobsFor(scenario, options);
  if (jobs.length === 0) return 1;
  const failed = await execute(scenario, jobs, options);
  const wanted = new Set(jobs.map((j) => j.variant));
  const records = readLines<JobRecord>(rawFileOf(options.out, scenario.name, options.network));
  for (const group of casesOf(groupsOf(newest(records)))) {
    const { deployment, variant } = group[0]!;
    if (wanted.has(variant)) console.log(`\n${scenario.name} ${deployment} ${variant}\n\n${tableOf(group)}`);
  }
  if (options.processes.isStopped) return interrupted;
  return failed === 0 ? 0 : 1;
}

const newest = (records: readonly JobRecord[]): JobRecord[] => [
  ...new Map(records.map((r) => [r.key, r])).values(),
];

/** Without what cannot be run there; the reasons are printed. */
function jobsFor(scenario: Scenario, options: Options): Job[] {
  const { network, rowNames, deployment } = options;
  const names = rowNames ?? scenario.rows;
  const reference = scenario.setting.machines === undefined ? referenceRows[0] : referenceRows[1];
  const isCompared = scenario.plant === 'network' && !names.includes(reference);
  const jobs = jobsOf(scenario, {
    network,
    deployments: deployment === undefined ? scenario.deployments : [deployment],
    rows: isCompared ? [reference, ...names] : names,
    seeds: Array.from({ length: options.seeds }, (_, i) => i + 1),
  });
  const reasons = new Set<string>();
  const possible = jobs.filter((job) => {
    const { setting } = variantNamed(scenario, job.variant);
    const reason = whyNot(network, { ...job, scenario, setting, row: rowNamed(job.row) });
    if (reason !== undefined) reasons.add(reason);
    return reason === undefined;
  });
  for (const reason of reasons) console.error(`left out: ${reason}`);
  const tuned = readTuned(options.out);
  return possible.map((job) => ({ ...job, setting: tunedSetting(tuned, job.row) }));
}

async function execute(scenario: Scenario, jobs: readonly Job[], options: Options): Promise<number> {
  const { out, network, processes } = options;
  const file = rawFileOf(out, scenario.name, network);
  mkdirSync(out, { recursive: true });
  const isDrawn = variantsOf(scenario).length <= 4;
  return runJobs({
    jobs,
    done: readLines<JobRecord>(file),
    execute: (job) => processes.run(job),
    save: (record, series) => {
      appendLine(file, rounded(record));
      if (series === null || record.seed !== 1 || !isDrawn || !drawnRows.includes(record.row)) return;
      const { queueMs, ownMbps, crossMbps } = series;
      const drawn = {
        ...series,
        queueMs: coarse(queueMs),
        ownMbps: coarse(ownMbps),
        crossMbps: coarse(crossMbps),
      };
      appendLine(seriesFileOf(out, scenario.name, network), { key: record.key, series: drawn });
    },
    machine: machineNow,
    now: () => new Date(),
    say: (line) => console.error(line),
    isStopped: () => processes.isStopped,
  });
}

/** Bars: median |error| 1 ms, mean 5 ms, every planted queue seen and gone within 2 s. */
async function estimator({ out, plants, processes }: Options): Promise<number> {
  const base = readTopology(join(projectRoot(), 'topologies', 'two-dc.yaml'));
  const topology = { ...base, vms: base.vms.map((vm) => ({ ...vm, memoryBytes: 300_000_000 })) };
  const say = (line: string): void => console.error(line);
  // Only here: it brings the testbed and a whole daemon along.
  const { measureEstimator } = await import('./estimator-ovs.js');
  const isStopped = (): boolean => processes.isStopped;
  const result = await measureEstimator(topology, { bursts: plants, plants, seed: 1, say, isStopped });
  if (processes.isStopped) return interrupted;
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'estimator-ovs.json'), `${JSON.stringify(rounded(result), null, 1)}\n`);
  const late = result.drains.filter(
    (d) => !((d.seenSeconds ?? Infinity) <= 2 && (d.drainedSeconds ?? Infinity) <= 2),
  );
  const { medianMs, meanMs } = result.truth;
  say(`${plants - late.length} of ${plants} planted queues were seen and gone within 2 s`);
  return late.length === 0 && medianMs <= 1 && meanMs <= 5 ? 0 : 1;
}

async function long(options: Options): Promise<number> {
  let failed = 0;
  for (const scenario of scenarios.filter((s) => s.networks.includes(options.network))) {
    if (options.processes.isStopped) break;
    console.error(`== ${scenario.name} ${scenario.title}`);
    failed += await execute(scenario, jobsFor(scenario, options), options);
  }
  if (options.network === 'ovs' && !options.processes.isStopped) failed += await estimator(options);
  writeReport(options.out, readTuned(options.out));
  if (options.processes.isStopped) return interrupted;
  return failed === 0 ? 0 : 1;
}

async function tune(scenario: Scenario, options: Options): Promise<number> {
  const seeds = Array.from({ length: options.seeds }, (_, i) => firstTuningSeed + i);
  const deployment = options.deployment ?? scenario.deployments[0]!;
  const chosen = rows.filter((r) => r.grid !== undefined && (options.rowNames?.includes(r.name) ?? true));
  const [variant] = variantsOf(scenario);
  const before = readTuned(options.out);
  const same =
    before?.scenario === scenario.name &&
    before.deployment === deployment &&
    before.seeds.length === seeds.length;
  const found = new Map((same ? before.rows : []).map((r) => [r.row, r]));
  const { processes } = options;
  for (const row of chosen) {
    const runs = [];
    for (const setting of row.grid!) {
      const measures = [];
      for (const seed of seeds) {
        if (processes.isStopped) return interrupted;
        const job = { scenario: scenario.name, network: options.network, deployment, row: row.name, seed };
        const outcome = await processes.run({ ...job, variant: variant!.label, setting });
        measures.push(outcome.measures);
      }
      runs.push({ setting, measures });
    }
    const tuned = bestOf(row.name, runs);
    found.set(row.name, tuned);
    console.error(`${row.name}: ${JSON.stringify(tuned.best)} (${tuned.why})`);
    const file: Tuned = {
      scenario: scenario.name,
      deployment,
      seeds,
      date: new Date().toISOString(),
      rows: [...found.values()],
    };
    mkdirSync(options.out, { recursive: true });
    writeFileSync(tunedFileOf(options.out), `${JSON.stringify(rounded(file), null, 1)}\n`);
  }
  return 0;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`lab: ${error instanceof Error ? error.message : String(error)}`);
  return error instanceof RangeError || error instanceof TypeError ? 2 : 1;
});
