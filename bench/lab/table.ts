import { addedP99, type Group, isSameCase, spreadOf, timeRatios, valuesOf } from './groups.js';
import type { Measures } from './measures.js';

export interface Column {
  readonly head: string;
  readonly cell: (group: Group, all: readonly Group[]) => string;
}

const digits = (value: number): number => (Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
export const figure = (value: number): string => value.toFixed(digits(value));

/** `median (lowest to highest)`; only the median when all are equal or there is one. */
export function spreadText(values: readonly number[]): string {
  const spread = spreadOf(values);
  if (spread === null) return '-';
  if (figure(spread.low) === figure(spread.high)) return figure(spread.median);
  return `${figure(spread.median)} (${figure(spread.low)} to ${figure(spread.high)})`;
}
/** `median [95 % interval]` */
export function intervalText(values: readonly number[]): string {
  const spread = spreadOf(values);
  if (spread === null) return '-';
  if (values.length === 1) return figure(spread.median);
  return `${figure(spread.median)} [${figure(spread.interval.low)}, ${figure(spread.interval.high)}]`;
}

const spread = (head: string, of: (m: Measures) => number | null): Column => ({
  head,
  cell: (g) => spreadText(valuesOf(g, of)),
});
const middle = (head: string, of: (m: Measures) => number | null): Column => ({
  head,
  cell: (g) => {
    const found = spreadOf(valuesOf(g, of));
    return found === null ? '-' : figure(found.median);
  },
});

const row: Column = { head: 'row', cell: (g) => g.row };
const runs: Column = {
  head: 'runs',
  cell: (g) => {
    const open = [...g.runs.values()].filter((m) => !m.completed).length;
    return [
      `${g.runs.size - open}`,
      ...(open > 0 ? [`${open} not completed`] : []),
      ...(g.failed > 0 ? [`${g.failed} failed`] : []),
    ].join(', ');
  },
};
const certificate: Column = {
  head: 'certificate: slots, violated, vacuous %',
  cell: (g) => {
    const found = [...g.runs.values()].flatMap((m) => (m.certificate === null ? [] : [m.certificate]));
    if (found.length === 0) return '-';
    const sum = (of: (c: (typeof found)[number]) => number): number => found.reduce((n, c) => n + of(c), 0);
    const slots = sum((c) => c.slots);
    return `${slots}, ${sum((c) => c.violations)}, ${figure((100 * sum((c) => c.vacuous)) / slots)}`;
  },
};

export const columns: readonly Column[] = [
  row,
  runs,
  spread('time s', (m) => m.seconds),
  { head: 'time to CUBIC', cell: (g, all) => intervalText(timeRatios(g, all)) },
  middle('time to bound', (m) => m.seconds / m.boundSeconds),
  middle('time to oracle', (m) => (m.oracle?.seconds ? m.seconds / m.oracle.seconds : null)),
  { head: 'added p99 ms', cell: (g) => intervalText(valuesOf(g, addedP99)) },
  spread('video p99 ms', (m) => m.video.p99Ms),
  middle('alone p99 ms', (m) => m.alone.p99Ms),
  spread('loss %', (m) => m.video.lossPercent),
  spread('frozen s', (m) => m.video.stallSeconds),
  spread('downtime ms', (m) => m.downtimeMs),
  middle('used %', (m) => 100 * m.utilisation),
  middle('sent to memory', (m) => m.movedBytes / m.memoryBytes),
  middle('oscillation', (m) => m.oscillation),
  certificate,
];
/** Added where a scenario has them. */
export const stepColumns: readonly Column[] = [
  spread('peak ms', (m) => m.step?.peakMs ?? null),
  middle('bound ms', (m) => m.step?.boundMs ?? null),
  {
    head: 'peak to bound',
    cell: (g) => intervalText(valuesOf(g, (m) => (m.step?.boundMs ? m.step.peakMs / m.step.boundMs : null))),
  },
  spread('settled s', (m) => m.step?.settlingSeconds ?? null),
];
export const deadlineColumns: readonly Column[] = [
  middle('refused', (m) => m.refused),
  spread('of them wrongly, by LP', (m) => m.oracle?.wronglyRefused ?? null),
  spread('deadlines missed', (m) => m.deadlineMisses),
  {
    head: 'admitted are feasible by LP',
    cell: (g) => {
      const known = [...g.runs.values()].flatMap((m) => m.oracle?.deadlinesFeasible ?? []);
      return known.length === 0 ? '-' : `${known.filter((f) => f).length} of ${known.length}`;
    },
  },
];
export const fairnessColumns: readonly Column[] = [
  spread('Jain index', (m) => m.fairness?.overall ?? null),
  spread('in each second', (m) => m.fairness?.inEachSecond ?? null),
];
export const hostColumns: readonly Column[] = [
  spread('CPU stolen %', (m) => m.host?.stealPercent ?? null),
  spread('sender late p99 ms', (m) => m.host?.senderLatenessMs ?? null),
];

function columnsFor(groups: readonly Group[]): readonly Column[] {
  const measures = groups.flatMap((g) => [...g.runs.values()]);
  return [
    ...columns,
    ...(measures.some((m) => m.step !== null) ? stepColumns : []),
    ...(measures.some((m) => m.deadlineMisses !== null || m.refused > 0) ? deadlineColumns : []),
    ...(measures.some((m) => m.fairness !== null) ? fairnessColumns : []),
    ...(measures.some((m) => m.host !== null) ? hostColumns : []),
  ];
}

/** One Markdown table; groups of one case, one line each. */
export function tableOf(groups: readonly Group[]): string {
  const shown = columnsFor(groups);
  const lines = groups.map((g) => `| ${shown.map((c) => c.cell(g, groups)).join(' | ')} |`);
  return [
    `| ${shown.map((c) => c.head).join(' | ')} |`,
    `|${shown.map(() => '---').join('|')}|`,
    ...lines,
  ].join('\n');
}

/** Groups of the same case together, in order of appearance. */
export function casesOf(groups: readonly Group[]): Group[][] {
  const cases: Group[][] = [];
  for (const group of groups) {
    const found = cases.find((c) => isSameCase(c[0]!, group));
    if (found === undefined) cases.push([group]);
    else found.push(group);
  }
  return cases;
}
