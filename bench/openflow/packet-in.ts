import { loadavg } from 'node:os';
import { Contestant, type ContestantName, contestantNames, whyAbsent } from './contestants.js';
import { type LoadShape, type MeasuredLoad, runLoad } from './load-run.js';
import { groupBy, median, round, spread, writeResult } from './report.js';
import { markdownTable } from './table.js';

/** Packet-ins against answers: every contestant in turn, round by round, a fresh process each time. */

export interface Discipline {
  readonly name: string;
  readonly shape: Omit<LoadShape, 'version' | 'seconds' | 'warmupSeconds' | 'checks'>;
  readonly contestants: readonly ContestantName[];
}

const all = contestantNames;
const many = all.filter((n) => n !== 'ovs-testcontroller');
/** The test controller takes 16 connections, and one goes to the probe whether it listens. */
export const disciplines: readonly Discipline[] = [
  { name: 'saturation, 15 switches', shape: { switches: 15, window: 4096, quiet: false }, contestants: all },
  { name: 'saturation, 64 switches', shape: { switches: 64, window: 1024, quiet: false }, contestants: many },
  {
    name: 'saturation, 1000 switches',
    shape: { switches: 1000, window: 128, quiet: false },
    contestants: ['steady', 'raw-learning'],
  },
  { name: 'window 1, 1 switch', shape: { switches: 1, window: 1, quiet: false }, contestants: all },
  { name: 'window 1, 15 switches', shape: { switches: 15, window: 1, quiet: false }, contestants: all },
  {
    name: 'window 1 beside 14 at saturation',
    shape: { switches: 14, window: 4096, quiet: true },
    contestants: ['steady', 'ovs-testcontroller', 'os-ken', 'raw-learning'],
  },
  {
    name: '1000 idle switches',
    shape: { switches: 1000, window: 0, quiet: false },
    contestants: ['steady', 'os-ken'],
  },
];

export interface PacketInOptions {
  readonly versions: readonly (1 | 4)[];
  readonly disciplines: readonly Discipline[];
  readonly contestants: readonly string[];
  /** the raw responder with fixed bytes answers nothing rightly, and is counted unchecked unless this is set */
  readonly checkAll: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly controllerCore: number | undefined;
  readonly loadCore: number | undefined;
  readonly out: string | undefined;
}

interface Run {
  readonly discipline: string;
  readonly version: 1 | 4;
  readonly contestant: ContestantName;
  readonly round: number;
  readonly switches: number;
  readonly loadBefore: number;
  readonly idleKib: number;
  readonly result: MeasuredLoad;
}

export async function comparePacketIns(options: PacketInOptions): Promise<string> {
  const runs: Run[] = [];
  for (const version of options.versions)
    for (const discipline of options.disciplines)
      for (let round = 1; round <= options.rounds; round += 1)
        for (const contestant of discipline.contestants.filter((c) => options.contestants.includes(c))) {
          const absent = whyAbsent(contestant);
          if (absent !== undefined) {
            if (round === 1) console.error(`${contestant} does not take part: ${absent}`);
            continue;
          }
          const run = await runOne(options, discipline, version, contestant, round);
          runs.push(run);
          console.error(
            `${discipline.name}, version ${version}, ${contestant}, round ${round}: ${Math.round(run.result.perSecond)}/s, ` +
              `${Math.round(run.result.answersPerCpuSecond)} per CPU second, faults ${JSON.stringify(run.result.faults)}, load ${run.loadBefore}`,
          );
          writeResult(options.out, 'openflow-packet-in.json', { options, runs });
        }
  return tables(runs);
}

async function runOne(
  options: PacketInOptions,
  discipline: Discipline,
  version: 1 | 4,
  name: ContestantName,
  round: number,
): Promise<Run> {
  const { seconds, warmupSeconds } = options;
  const loadBefore = loadavg()[0]!;
  const contestant = await Contestant.start(name, version, options.controllerCore);
  try {
    const { residentKib: idleKib } = contestant.usage();
    // A switch that says nothing has nothing to check.
    const checks = discipline.shape.window > 0 && (options.checkAll || name !== 'raw-fixed');
    const shape = { ...discipline.shape, version, seconds, warmupSeconds, checks };
    const result = await runLoad(contestant, shape, options.loadCore);
    const { switches } = discipline.shape;
    return {
      discipline: discipline.name,
      version,
      contestant: name,
      round,
      switches,
      loadBefore,
      idleKib,
      result,
    };
  } finally {
    await contestant.stop();
  }
}

const thousands = (value: number): string => (value / 1000).toPrecision(3).replace(/\.$/, '');

function tables(runs: readonly Run[]): string {
  const groups = groupBy(runs, (r) => `${r.discipline}, OpenFlow ${r.version === 1 ? '1.0' : '1.3'}`);
  return [...groups].map(([title, group]) => `### ${title}\n\n${tableOf(group)}`).join('\n\n');
}

function tableOf(runs: readonly Run[]): string {
  const byName = groupBy(runs, (r) => r.contestant);
  const perCpu = (name: ContestantName): number =>
    median((byName.get(name) ?? []).map((r) => r.result.answersPerCpuSecond));
  const rows = [...byName].map(([name, group]) => {
    const results = group.map((r) => r.result);
    const rate = results.map((r) => r.perSecond);
    const latency =
      results[0]!.quietUs === null ? results.map((r) => r.latencyUs) : results.map((r) => r.quietUs);
    const quantile = (of: 'p50' | 'p99'): string =>
      String(round(median(latency.map((l) => l?.[of] ?? Number.NaN))));
    const faults = results.reduce((sum, r) => sum + Object.values(r.faults).reduce((a, b) => a + b, 0), 0);
    const own = median(results.map((r) => r.answersPerCpuSecond));
    const ratio = (to: ContestantName): string =>
      byName.has(to) ? `${(own / perCpu(to)).toPrecision(3)}x` : '-';
    return [
      name,
      `${thousands(median(rate))} [${spread(rate, thousands)}]`,
      thousands(own),
      name === 'raw-fixed' ? 'not checked' : String(faults),
      `${quantile('p50')} / ${quantile('p99')}`,
      median(results.flatMap((r) => [...r.fairness])).toFixed(2),
      String(Math.max(...results.map((r) => r.starved))),
      `${round(median(group.map((r) => r.idleKib)) / 1024)} / ${round(median(results.map((r) => r.residentKib)) / 1024)}`,
      String(round(median(group.map((r) => (r.result.residentKib - r.idleKib) / r.switches)))),
      ratio('ovs-testcontroller'),
      ratio('os-ken'),
      ratio('raw-learning'),
      spread(
        group.map((r) => r.loadBefore),
        (l) => l.toFixed(1),
      ),
    ];
  });
  return markdownTable(
    [
      'controller',
      'thousand answers/s [min-max]',
      'per CPU second',
      'wrong answers',
      'p50 / p99 us',
      'fairness',
      'starved',
      'MB idle / after',
      'KiB per switch',
      'to ovs',
      'to os-ken',
      'to raw learning',
      'load average',
    ],
    rows,
  );
}
