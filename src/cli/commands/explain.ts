import type { Command } from 'commander';
import type { MigrationJson, SystemViewJson } from '../../api/schemas/index.js';
import { explainMigration, type Limit } from '../../api/words/migration-explanation.js';
import type { ApiClient } from '../client.js';
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
      .argument('[id]', 'left out: every one under way, or the newest that has ended'),
  ).action(async (id: string | undefined, options: ClientOptions) => {
    const explained = await explanations(clientOf(options), id);
    await print(terminal, options.output, id === undefined ? explained : explained[0], () =>
      explained.length === 0 ? 'There is no migration.\n' : explained.map(paragraph).join(''),
    );
  });
}

type Explanation = Pick<MigrationJson, 'id' | 'vm' | 'source' | 'destination' | 'state' | 'step'> & {
  readonly limits: readonly Limit[];
};

async function explanations(client: ApiClient, id: string | undefined): Promise<readonly Explanation[]> {
  const view = await client.state();
  if (id !== undefined) {
    const wanted = await client.migration(id);
    // one that was admitted a moment ago may not be in a view yet
    const others = view.migrations.filter((m) => m.id !== id);
    return [explanation({ ...view, migrations: [wanted, ...others] }, wanted)];
  }
  const latestFirst = [...view.migrations].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  const underWay = latestFirst.filter((m) => m.endedAt === null);
  return (underWay.length > 0 ? underWay : latestFirst.slice(0, 1)).map((m) => explanation(view, m));
}

function explanation(view: SystemViewJson, m: MigrationJson): Explanation {
  const { id, vm, source, destination, state, step } = m;
  return { id, vm, source, destination, state, step, limits: explainMigration(view, id) ?? [] };
}

function paragraph({ id, vm, source, destination, state, step, limits }: Explanation): string {
  const head = `${id}: ${vm} from ${source} to ${destination}, ${state}${step === state ? '' : ` (${step})`}`;
  return [head, ...limits.map(({ sentence }) => `- ${sentence}`)]
    .map((line) => `${printable(line)}\n`)
    .join('');
}
