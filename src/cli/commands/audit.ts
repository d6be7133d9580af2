import type { Command } from 'commander';
import type { AuditEntryJson } from '../../api/schemas/index.js';
import { print } from '../output.js';
import { type Column, formatTable } from '../table.js';
import type { Terminal } from '../terminal.js';
import { type ClientOptions, clientOf, positiveInteger, withClient } from './options.js';

/** the most that the controller gives at once */
const largestPage = 500;

interface AuditOptions extends ClientOptions {
  readonly limit: number;
  readonly all?: true;
}

/** `steady audit`: who did what, when and why. */
export function addAuditCommand(steady: Command, terminal: Terminal): void {
  withClient(
    steady
      .command('audit')
      .description('what was done or refused, by whom and why, newest first; needs a token of scope admin')
      .option('--limit <n>', 'so many entries at most', positiveInteger, 50)
      .option('--all', 'every entry that is kept'),
  ).action(async ({ limit, all, ...options }: AuditOptions) => {
    const most = all ? Number.POSITIVE_INFINITY : limit;
    const entries: AuditEntryJson[] = [];
    for await (const entry of clientOf(options).audit(Math.min(most, largestPage))) {
      entries.push(entry);
      if (entries.length >= most) break;
    }
    await print(terminal, options.output, entries, () => formatTable(columns, entries));
  });
}

const columns: readonly Column<AuditEntryJson>[] = [
  { title: 'NUMBER', value: (e) => e.number, right: true },
  { title: 'AT', value: (e) => e.at },
  { title: 'ACTOR', value: (e) => e.actor },
  { title: 'ACTION', value: (e) => e.action },
  { title: 'TARGET', value: (e) => e.target ?? '-' },
  { title: 'OUTCOME', value: (e) => e.outcome },
  { title: 'DETAIL', value: (e) => e.detail || '-' },
];
