import type { MigrationVerdictJson } from '../api/schemas/index.js';
import { formatRate, formatSeconds } from '../api/words/quantities.js';
import { type Column, formatTable, printable } from './table.js';

type RulePlan = MigrationVerdictJson['rules'][number];

/** What a dry run found out, for people: when it would be done, which way, and which rules would come and go. */
export function verdictText(vm: string, v: MigrationVerdictJson): string {
  const { source, destination, path, predictedSeconds } = v;
  const facts: [string, string][] = [
    ['Verdict', v.verdict],
    [
      'Done',
      predictedSeconds === null
        ? 'never at the rate that is left now: the copy does not converge'
        : `in ${formatSeconds(predictedSeconds)}${v.predictedFinish === null ? '' : `, at ${v.predictedFinish}`}`,
    ],
    ['Left for it', formatRate(v.residualBitsPerSecond)],
    [
      'Way',
      path === null
        ? 'none'
        : `${path.switches.join(' ')}, by ${path.links.join(' ')}, ${path.oneWayDelayMs} ms`,
    ],
    ...v.warnings.map((warning): [string, string] => ['Warning', warning]),
  ];
  const width = Math.max(...facts.map(([label]) => label.length));
  const lines = [
    `${vm} could move from ${source} to ${destination} now`,
    ...facts.map(([label, text]) => `${label.padEnd(width)}  ${text}`),
  ];
  return `${lines.map(printable).join('\n')}\n\n${formatTable(ruleColumns, v.rules)}`;
}

const ruleColumns: readonly Column<RulePlan>[] = [
  { title: 'SWITCH', value: (r) => r.switch },
  { title: 'WHEN', value: (r) => r.when },
  { title: 'CHANGE', value: (r) => r.change },
  { title: 'RULE', value: (r) => r.rule },
];
