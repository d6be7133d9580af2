import type { Command } from 'commander';
import { explainMigration } from '../../api/words/migration-explanation.js';
import { print } from '../output.js';
import { printable } from '../table.js';
import type { Terminal } from '../terminal.js';
import { type ClientOptions, clientOf, withClient } from './options.js';

/** `steady explain ...`: why something is as it is, in sentences. */
export function addExplainCommands(steady: Command, terminal: Terminal): void {
  const explain = steady.command('explain').description('why something is as it is, in sentences');
  withClient(
    explain
      .command('migration')
      .description('what limits a migration now, the most limiting first')
      .argument('<id>'),
  ).action(async (id: string, options: ClientOptions) => {
    const client = clientOf(options);
    const [view, migration] = await Promise.all([client.state(), client.migration(id)]);
    // one that was admitted a moment ago may not be in a view yet
    const others = view.migrations.filter((m) => m.id !== id);
    const limits = explainMigration({ ...view, migrations: [migration, ...others] }, id) ?? [];
    const { vm, source, destination, state, step } = migration;
    const head = `${id}: ${vm} from ${source} to ${destination}, ${state}${step === state ? '' : ` (${step})`}`;
    const lines = [head, ...limits.map(({ sentence }) => `- ${sentence}`)];
    await print(
      terminal,
      options.output,
      { id, vm, source, destination, state, step, limits },
      () => `${lines.map(printable).join('\n')}\n`,
    );
  });
}
