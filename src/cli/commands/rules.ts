import type { Command } from 'commander';
import type { RuleComparisonJson } from '../../api/schemas/index.js';
import { exitCodes } from '../exit-codes.js';
import { print } from '../output.js';
import type { Outcome } from '../program.js';
import { type Column, formatTable } from '../table.js';
import type { Terminal } from '../terminal.js';
import { dpidOf } from './network.js';
import { type ClientOptions, clientOf, withClient } from './options.js';

type ComparedRule = RuleComparisonJson['rules'][number];
type Standing = ComparedRule['standing'];

/** Standings with which a switch is not as it should be; rules of others are left alone and are none of them. */
const wrong: readonly Standing[] = ['missing', 'changed', 'extra', 'conflict'];

/** `steady rules`: what a switch should hold beside what it holds. */
export function addRulesCommand(steady: Command, terminal: Terminal, outcome: Outcome): void {
  withClient(
    steady
      .command('rules')
      .description(
        'rules that a switch should hold against those that it holds, read from it now; the exit status is 1 if they differ',
      )
      .argument('<switch>', 'datapath id in any spelling, or name')
      .option('--all', 'also those that are as they should be, and those of others'),
  ).action(async (name: string, options: ClientOptions & { all?: true }) => {
    const client = clientOf(options);
    const comparison = await client.compareRules(await dpidOf(client, name));
    await print(terminal, options.output, comparison, () => text(comparison.rules, options.all ?? false));
    const differs = comparison.rules.some(({ standing }) => wrong.includes(standing));
    outcome.exitCode = differs ? exitCodes.failed : exitCodes.ok;
  });
}

function text(rules: readonly ComparedRule[], all: boolean): string {
  const counts = new Map<Standing, number>();
  for (const { standing } of rules) counts.set(standing, (counts.get(standing) ?? 0) + 1);
  const summary = [...counts].map(([standing, count]) => `${count} ${standing}`).join(', ') || 'no rules';
  const shown = all ? rules : rules.filter(({ standing }) => wrong.includes(standing));
  return `${shown.length === 0 ? '' : formatTable(columns, shown)}${summary}\n`;
}

const columns: readonly Column<ComparedRule>[] = [
  { title: 'STANDING', value: (r) => r.standing },
  { title: 'OWNER', value: (r) => r.owner },
  { title: 'PACKETS', value: (r) => r.packets ?? '-', right: true },
  { title: 'INTENDED', value: (r) => r.intended ?? '-' },
  { title: 'INSTALLED', value: (r) => (r.installed === r.intended ? 'the same' : (r.installed ?? '-')) },
];
