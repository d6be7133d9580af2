import type { BottleneckJson, MigrationJson, SystemViewJson } from '../api/schemas/index.js';
import { explainMigration } from '../api/words/migration-explanation.js';
import { formatBytes, formatMs, formatRate, formatSeconds } from '../api/words/quantities.js';
import { doneShare, progressBar } from './progress-bar.js';
import { type Column, formatTable, printable } from './table.js';

const barWidth = 20;
const endedShown = 5;
const eventsShown = 5;

/** What `steady top` shows: controller, queues with their lights, migrations with what limits them, circuits, news. */
export function topLines(view: SystemViewJson): readonly string[] {
  const { switches, bottlenecks, circuits } = view;
  const ready = switches.filter((s) => s.state === 'ready').length;
  const lit = circuits.filter((c) => c.state !== 'dark');
  const migrations = shownMigrations(view);
  const events = [...view.events].sort((a, b) => a.seq - b.seq).slice(-eventsShown);
  return [
    `Steady ${view.version}  ${view.at}  up ${formatSeconds(view.uptimeSeconds)}  ${view.topology ?? 'no site configured'}  policy ${view.policy}${view.mode === 'shadow' ? ', only looking' : ''}  switches ${ready} of ${switches.length} ready`,
    '',
    ...section(bottleneckColumns, bottlenecks, 'No bottleneck is configured.'),
    ...bottlenecks.flatMap(lightLine),
    '',
    ...section(migrationColumns(view), migrations, 'No migration.'),
    ...migrations.filter((m) => m.endedAt === null).flatMap((m) => limitLine(view, m)),
    ...(lit.length === 0 ? [] : ['', ...lit.map((c) => `Circuit ${c.name}: ${c.state}, ${c.reason}`)]),
    '',
    ...events.map(
      ({ at, level, what, detail }) => `${at}  ${level.padEnd(5)}  ${what}${detail && `: ${detail}`}`,
    ),
  ].map(printable);
}

/**
 * As much as a screen shows; the last row is left for what the shell says next. What is one blank apart is a sentence and goes on
 * in the next row, a table is cut.
 */
export const fitted = (lines: readonly string[], columns: number, rows: number): readonly string[] =>
  lines
    .flatMap((line) => (line.includes('  ') ? [line.slice(0, columns)] : wrapped(line, columns)))
    .slice(0, Math.max(1, rows - 1));

function wrapped(sentence: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of sentence.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => each.slice(0, columns));
}

function section<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  none: string,
): readonly string[] {
  return rows.length === 0 ? [none] : formatTable(columns, rows).trimEnd().split('\n');
}

/** Those under way, then the latest that have ended. */
function shownMigrations({ migrations }: SystemViewJson): readonly MigrationJson[] {
  const latestFirst = [...migrations].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  return [
    ...latestFirst.filter((m) => m.endedAt === null),
    ...latestFirst.filter((m) => m.endedAt !== null).slice(0, endedShown),
  ];
}

const quiet: readonly string[] = ['green', 'idle'] satisfies BottleneckJson['certificate']['light'][];

/** A light that is not green, in words. */
function lightLine({ id, certificate: c }: BottleneckJson): readonly string[] {
  return [
    ...(quiet.includes(c.light) ? [] : [`${id}: ${c.sentence}`]),
    ...(c.realQueue === 'inside' || c.realQueue === 'unknown' ? [] : [`${id}: ${c.realQueueSentence}`]),
  ];
}

function limitLine(view: SystemViewJson, { id }: MigrationJson): readonly string[] {
  const [first] = explainMigration(view, id) ?? [];
  return first === undefined ? [] : [`${id}: ${first.sentence}`];
}

const bottleneckColumns: readonly Column<BottleneckJson>[] = [
  { title: 'QUEUE', value: (b) => b.id },
  { title: 'LIGHT', value: (b) => b.certificate.light },
  { title: 'IS', value: (b) => b.certificate.realQueue },
  { title: 'DELAY', value: (b) => formatMs(b.backlogMs), right: true },
  { title: 'BOUND', value: (b) => formatMs(b.boundMs), right: true },
  { title: 'BACKLOG', value: (b) => formatBytes(b.backlogBytes), right: true },
  { title: 'CAPACITY', value: (b) => formatRate(b.capacityBitsPerSecond), right: true },
  { title: 'OTHERS', value: (b) => formatRate(Math.max(0, b.crossBitsPerSecond)), right: true },
  { title: 'GRANTED', value: (b) => formatRate(b.commandedBitsPerSecond), right: true },
  { title: 'MEASURED', value: (b) => formatRate(b.measuredBitsPerSecond), right: true },
  { title: 'AGE', value: (b) => formatMs(b.sampleAgeMs < 0 ? null : b.sampleAgeMs), right: true },
];

const migrationColumns = (view: SystemViewJson): readonly Column<MigrationJson>[] => [
  { title: 'MIGRATION', value: (m) => m.id },
  { title: 'VM', value: (m) => m.vm },
  { title: 'TO', value: (m) => m.destination },
  { title: 'STEP', value: (m) => m.step },
  { title: 'DONE', value: (m) => progressBar(doneShare(m), barWidth) },
  {
    title: 'RATE',
    value: (m) => formatRate(m.endedAt === null ? m.grantedBitsPerSecond : null),
    right: true,
  },
  { title: 'LEFT', value: (m) => formatSeconds(m.predictedSecondsLeft), right: true },
  { title: 'DOWNTIME', value: (m) => formatMs(m.downtimeMs), right: true },
  {
    title: 'LIMITED BY',
    value: (m) => (m.endedAt === null ? (explainMigration(view, m.id)?.[0]?.kind ?? '-') : '-'),
  },
];
