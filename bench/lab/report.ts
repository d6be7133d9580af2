import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addedP99, type Group, groupsOf, timeRatios, valuesOf } from './groups.js';
import type { JobRecord } from './job.js';
import { plantError } from './plant-error.js';
import { course, scatter, sweep } from './plots.js';
import { readRecords, readSeries } from './raw-file.js';
import { betterRivals } from './rivals.js';
import { drawnRows, rows } from './rows.js';
import type { Scenario } from './scenario.js';
import { scenarios } from './scenarios/index.js';
import { quantile } from './statistics.js';
import { type Plot, renderPlots } from './svg-plot.js';
import { casesOf, figure, tableOf } from './table.js';
import type { Tuned } from './tune.js';

/** What stands in a report and in the files beside it. */
interface Drawn {
  readonly file: string;
  readonly alt: string;
  readonly plots: readonly Plot[];
}

/** Rebuilds README.md and the plots of a directory from its raw files. @returns the text of README.md */
export function writeReport(directory: string, tuned: Tuned | undefined): string {
  const records = readRecords(directory);
  const parts = [intro(tuned), betterRivals(groupsOf(records))];
  mkdirSync(join(directory, 'plots'), { recursive: true });
  for (const scenario of scenarios)
    for (const network of ['sim', 'ovs'] as const) {
      const own = records.filter((r) => r.scenario === scenario.name && r.network === network);
      if (own.length === 0) continue;
      const drawn = plotsOf(directory, scenario, own);
      for (const { file, plots } of drawn) writeFileSync(join(directory, 'plots', file), renderPlots(plots));
      parts.push(section(scenario, network, own, drawn));
    }
  parts.push(plantError(groupsOf(records)), missing(records));
  const text = `${parts.filter((p) => p !== '').join('\n\n')}\n`;
  writeFileSync(join(directory, 'README.md'), text);
  return text;
}

function intro(tuned: Tuned | undefined): string {
  const lines = rows.map((row) => {
    const grid = row.grid === undefined ? '-' : gridText(row.grid);
    const best = tuned?.rows.find((t) => t.row === row.name);
    const text = best === undefined ? '-' : `${settingsText(best.best)} (${best.why})`;
    return `| ${row.name} | ${row.title} | ${grid} | ${text} |`;
  });
  return `# Results of the lab

Made by \`npm run lab -- report\` from the raw files beside this page (\`*.jsonl\`, one run a line, every quantity with its
unit in the name); do not edit. How to read it, and how to run it again: [bench/README.md](../../README.md).

\`a (b to c)\`: median, lowest and highest over the seeds. \`a [b, c]\`: median and its 95 % bootstrap interval by run.
*time to CUBIC* is paired by seed. *time to bound*: the bound is memory / (capacity - mean cross traffic of the run's own window).
*added p99*: p99 of the video less p99 of the same load without a migration over the same window; *frozen*: pictures that did not
come whole within 2 s. Runs that did not complete are counted and are in no figure.

| row | what it is | grid | tuned on other seeds |
|---|---|---|---|
${lines.join('\n')}`;
}

/** `a 1, 2; b 3, 4`: every combination. */
/** The values that a setting gives, by their own names: a rival's stand three objects deep. */
const leavesOf = (setting: object): [name: string, value: unknown][] =>
  Object.entries(setting).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null ? leavesOf(value) : [[name, value]],
  );

function gridText(grid: readonly object[]): string {
  const values = new Map<string, Set<unknown>>();
  for (const setting of grid)
    for (const [name, value] of leavesOf(setting))
      values.set(name, (values.get(name) ?? new Set()).add(value));
  return [...values].map(([name, found]) => `${name} ${[...found].join(', ')}`).join('; ');
}
const settingsText = (settings: object): string =>
  leavesOf(settings)
    .map(([k, v]) => `${k} ${v}`)
    .join(', ');

function section(
  scenario: Scenario,
  network: string,
  records: readonly JobRecord[],
  drawn: readonly Drawn[],
): string {
  const groups = groupsOf(records);
  const tables = casesOf(groups).map((cases) => {
    const { deployment, variant } = cases[0]!;
    return `### ${[`Deployment ${deployment}`, variant.replaceAll('=', ' ')].filter((t) => t !== '').join(', ')}\n\n${tableOf(cases)}`;
  });
  const images = drawn.map(({ file, alt }) => `![${alt}](plots/${file})`);
  return [
    `## ${scenario.name.toUpperCase()} ${scenario.title}, ${network}`,
    scenario.question,
    provenance(scenario, network, records),
    ...tables,
    ...images,
  ].join('\n\n');
}

function provenance(scenario: Scenario, network: string, records: readonly JobRecord[]): string {
  const names = [...new Set(records.map((r) => r.row))].join(',');
  const seeds = [...new Set(records.map((r) => r.seed))];
  const dates = records.map((r) => r.date).sort();
  const { machine } = records[0]!;
  const loads = records.map((r) => r.machine.loadBefore);
  const failed = records.filter((r) => r.error !== null);
  return [
    `    npm run lab -- ${scenario.name} --network ${network} --policies ${names} --seeds ${seeds.length}`,
    `Raw data: [${scenario.name}-${network}.jsonl](${scenario.name}-${network}.jsonl). ${records.length} runs, ${dates[0]!.slice(0, 16)}Z to ${dates.at(-1)!.slice(0, 16)}Z, ${machine.cores} cores (${machine.model}), Node ${machine.node}, load of the machine ${figure(quantile(loads, 0))} to ${figure(quantile(loads, 1))}.${network === 'sim' ? ' Virtual time: the load of the machine does not enter the figures.' : ''}`,
    ...failed.map((r) => `Failed: \`${r.key}\`: ${r.error}`),
  ].join('\n\n');
}

function plotsOf(directory: string, scenario: Scenario, records: readonly JobRecord[]): Drawn[] {
  const drawn: Drawn[] = [];
  const { network } = records[0]!;
  const groups = groupsOf(records);
  const cases = casesOf(groups);
  if (scenario.plant === 'network' && cases.length <= 4)
    for (const one of cases) {
      const { deployment, variant } = one[0]!;
      const title = [scenario.title, deployment, variant].filter((t) => t !== '').join(', ');
      const plot = scatter(title, one);
      if (plot.series.some((s) => s.points.length > 0))
        drawn.push({
          file: fileName(scenario.name, network, deployment, variant, 'scatter'),
          alt: `time against added p99, ${title}`,
          plots: [plot],
        });
    }
  const axis = scenario.axes.find((a) => a.values.every((v) => typeof v.value === 'number'));
  if (axis !== undefined && scenario.plant === 'network')
    for (const deployment of new Set(groups.map((g) => g.deployment)))
      drawn.push({
        file: fileName(scenario.name, network, deployment, '', `over-${axis.name}`),
        alt: `sweep of ${axis.name}, deployment ${deployment}`,
        plots: sweepPlots(
          scenario,
          axis.name,
          groups.filter((g) => g.deployment === deployment),
        ),
      });
  return [...drawn, ...courses(directory, scenario, records)];
}

function sweepPlots(scenario: Scenario, axis: string, groups: readonly Group[]): Plot[] {
  const added = { label: 'added video p99, ms', of: (g: Group) => valuesOf(g, addedP99), isLog: true };
  const time = { label: 'time / time by CUBIC', of: (g: Group) => timeRatios(g, groups), isLog: false };
  return [sweep(scenario, axis, groups, added), sweep(scenario, axis, groups, time)];
}

/** The course of the seed that was kept, for the rows that are drawn. */
function courses(directory: string, scenario: Scenario, records: readonly JobRecord[]): Drawn[] {
  const kept = readSeries(directory);
  return records.flatMap((record) => {
    const series = kept.get(record.key);
    if (series === undefined || record.measures === null || !drawnRows.includes(record.row)) return [];
    const { row, deployment, variant, network, measures, seed } = record;
    const begin = scenario.leadSeconds;
    const title = [row, deployment, variant, `seed ${seed}`].filter((t) => t !== '').join(', ');
    return [
      {
        file: fileName(scenario.name, network, deployment, variant, `course-${row}`),
        alt: `course of one run: ${title}`,
        plots: course(title, series, {
          boundMs: measures.step?.boundMs ? measures.step.beforeMs + measures.step.boundMs : null,
          migrationSeconds: [begin, begin + measures.seconds],
          names:
            scenario.plant === 'loops'
              ? ['first controller', 'second controller']
              : ['migration', 'everybody else'],
        }),
      },
    ];
  });
}

const fileName = (...parts: readonly string[]): string =>
  `${parts
    .filter((p) => p !== '')
    .join('-')
    .replaceAll(/[^A-Za-z0-9.-]+/g, '-')
    .toLowerCase()}.svg`;

function missing(records: readonly JobRecord[]): string {
  const lines = scenarios
    .filter((s) => !records.some((r) => r.scenario === s.name))
    .map((s) => `* ${s.name.toUpperCase()} ${s.title}: no run here yet.`);
  return lines.length === 0 ? '' : `## Without results\n\n${lines.join('\n')}`;
}
