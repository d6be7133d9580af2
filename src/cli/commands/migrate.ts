import { randomUUID } from 'node:crypto';
import { type Command, Option } from 'commander';
import type { MigrationJson, MigrationRequestJson } from '../../api/schemas/index.js';
import { formatBytes, formatMs, formatRate, formatSeconds } from '../../api/words/quantities.js';
import type { ApiClient } from '../client.js';
import { exitCodes } from '../exit-codes.js';
import { type OutputFormat, print, printNext } from '../output.js';
import type { Outcome } from '../program.js';
import { doneShare, progressBar } from '../progress-bar.js';
import { type Column, formatTable, printable } from '../table.js';
import type { Screen, Terminal } from '../terminal.js';
import { verdictText } from '../verdict-text.js';
import {
  type ClientOptions,
  clientOf,
  nonNegativeInteger,
  positiveNumber,
  type ReasonOption,
  withClient,
  withReason,
} from './options.js';

interface StartOptions extends ClientOptions, ReasonOption {
  readonly source?: string;
  readonly deadline?: number;
  readonly priority?: number;
  readonly mode?: MigrationRequestJson['mode'];
  readonly downtimeLimit?: number;
  readonly maxBandwidth?: number;
  readonly disk?: MigrationRequestJson['disk'];
  readonly idempotencyKey?: string;
  readonly dryRun?: true;
  readonly watch?: true;
}

/** `steady migrate ...` */
export function addMigrateCommands(steady: Command, terminal: Terminal, outcome: Outcome): void {
  const migrate = steady.command('migrate').description('start, follow and stop migrations');
  addStart(migrate, terminal, outcome);
  withClient(
    migrate
      .command('list')
      .description('migrations, newest first')
      .option('--status <states>', 'only these, separated by commas')
      .option('--vm <name>', 'only of this VM'),
  ).action(async (options: ClientOptions & { status?: string; vm?: string }) => {
    const list: MigrationJson[] = [];
    for await (const migration of clientOf(options).migrations(options)) list.push(migration);
    await print(terminal, options.output, list, () => formatTable(columns, list));
  });
  withClient(migrate.command('show').description('one migration').argument('<id>')).action(
    async (id: string, options: ClientOptions) => {
      const migration = await clientOf(options).migration(id);
      await print(terminal, options.output, migration, () => details(migration));
    },
  );
  withClient(
    migrate
      .command('watch')
      .description('follow a migration to its end; the exit status is 0 if it completed')
      .argument('<id>'),
  ).action(async (id: string, options: ClientOptions) => {
    outcome.exitCode = await watch(clientOf(options), id, terminal, options.output);
  });
  addAction(
    migrate.command('cancel').description('stop a migration; the VM goes on at its source'),
    terminal,
    (client, id, reason) => client.cancelMigration(id, reason),
  );
  addAction(
    migrate
      .command('force')
      .alias('force-complete')
      .description('switch over now, whatever downtime that costs; with a driver that can'),
    terminal,
    (client, id, reason) => client.forceComplete(id, reason),
  );
}

function addStart(migrate: Command, terminal: Terminal, outcome: Outcome): void {
  const command = migrate
    .command('start')
    .description('move a VM')
    .argument('<vm>')
    .argument('<destination>', 'a hypervisor host, or a site where the VM has exactly one')
    .option('--source <place>', 'refuse unless the VM is there now')
    .option('--deadline <seconds>', 'refuse unless it can be done in this time', positiveNumber)
    .option('--priority <n>', 'weight among migrations', nonNegativeInteger)
    .addOption(new Option('--mode <mode>', 'how memory is moved').choices(['precopy', 'postcopy', 'hybrid']))
    .option('--downtime-limit <ms>', 'how long the VM may stand still', positiveNumber)
    .option('--max-bandwidth <bytes>', 'bytes per second it may use at most', positiveNumber)
    .addOption(
      new Option('--disk <how>', 'what to do about its disk').choices(['none', 'mirror', 'replicated']),
    )
    .option(
      '--idempotency-key <key>',
      'the same key and request start one migration, however often they are sent',
    )
    .option('--dry-run', 'only ask whether it would be admitted')
    .option('--watch', 'follow it to its end; the exit status is 0 if it completed');
  withClient(withReason(command)).action(async (vm: string, destination: string, options: StartOptions) => {
    const client = clientOf(options);
    const request = requestOf(vm, destination, options);
    if (options.dryRun) {
      const verdict = await client.tryMigration(request);
      await print(terminal, options.output, verdict, () => verdictText(vm, verdict));
      return;
    }
    const started = await client.startMigration(
      request,
      options.idempotencyKey ?? randomUUID(),
      options.reason,
    );
    const told = (): string => `${started.id}: ${vm} moves from ${started.source} to ${started.destination}`;
    if (!options.watch) {
      await print(
        terminal,
        options.output,
        started,
        () => `${told()}\nFollow it: steady migrate watch ${started.id}\n`,
      );
      return;
    }
    if (options.output === 'table') await terminal.out(`${told()}\n`);
    outcome.exitCode = await watch(client, started.id, terminal, options.output);
  });
}

/** Only what was said on the command line; the rest is the controller's default. */
function requestOf(vm: string, destination: string, options: StartOptions): MigrationRequestJson {
  const { source, deadline, priority, mode, downtimeLimit, maxBandwidth, disk } = options;
  return {
    vm,
    destination,
    ...(source === undefined ? {} : { source }),
    ...(deadline === undefined ? {} : { deadlineSeconds: deadline }),
    ...(priority === undefined ? {} : { priority }),
    ...(mode === undefined ? {} : { mode }),
    ...(downtimeLimit === undefined ? {} : { downtimeLimitMs: downtimeLimit }),
    ...(maxBandwidth === undefined ? {} : { maxBandwidthBytesPerSecond: maxBandwidth }),
    ...(disk === undefined ? {} : { disk }),
  };
}

function addAction(
  command: Command,
  terminal: Terminal,
  act: (client: ApiClient, id: string, reason: string | undefined) => Promise<MigrationJson>,
): void {
  withClient(withReason(command.argument('<id>'))).action(
    async (id: string, options: ClientOptions & ReasonOption) => {
      const migration = await act(clientOf(options), id, options.reason);
      await print(terminal, options.output, migration, () => `${progressLine(migration)}\n`);
    },
  );
}

/** Follows it to its end, as a line that is drawn again and again where somebody looks. */
async function watch(
  client: ApiClient,
  id: string,
  terminal: Terminal,
  format: OutputFormat,
): Promise<number> {
  const { screen } = terminal;
  const show =
    screen !== undefined && format === 'table' ? drawn(terminal, screen) : printed(terminal, format);
  let migration = await client.migration(id);
  for await (const view of client.views()) {
    // a fresh one may not be in a view yet
    migration = view.migrations.find((candidate) => candidate.id === id) ?? migration;
    await show(migration);
    if (migration.endedAt !== null) break;
  }
  return migration.state === 'completed' ? exitCodes.ok : exitCodes.failed;
}

const phaseOf = ({ state, step, round }: MigrationJson): string => `${state} ${step} ${round}`;

/** One line each time that something happens, and at least one a second while it is copying. */
function printed(terminal: Terminal, format: OutputFormat): (m: MigrationJson) => Promise<void> {
  let shown: { readonly phase: string; readonly at: number } | undefined;
  return async (migration) => {
    const phase = phaseOf(migration);
    const at = performance.now();
    if (shown?.phase === phase && at - shown.at < 1_000) return;
    await printNext(terminal, format, migration, () => progressLine(migration));
    shown = { phase, at };
  };
}

const barWidth = 30;

/** One line with a bar, over itself; each round and step leaves its last one behind. */
function drawn(terminal: Terminal, screen: Screen): (m: MigrationJson) => Promise<void> {
  let phase: string | undefined;
  return async (migration) => {
    const bar = migration.endedAt === null ? `${progressBar(doneShare(migration), barWidth)}  ` : '';
    const line = `${bar}${progressLine(migration)}`.slice(0, screen.columns - 1);
    const before = phase === undefined || phase === phaseOf(migration) ? '' : '\n';
    phase = phaseOf(migration);
    await terminal.out(`${before}\r\u001b[K${line}${migration.endedAt === null ? '' : '\n'}`);
  };
}

function progressLine(m: MigrationJson): string {
  const { memory, disk } = m.progress;
  const total = Number(memory.totalBytes) + Number(disk.totalBytes);
  const remaining = Number(memory.remainingBytes) + Number(disk.remainingBytes);
  const parts = [
    m.id,
    m.step === m.state ? m.state : `${m.state} (${m.step})`,
    ...(m.endedAt === null && total > 0 ? [`${formatBytes(remaining)} of ${formatBytes(total)} left`] : []),
    ...(m.endedAt === null ? [`at ${formatRate(m.grantedBitsPerSecond)}`] : []),
    ...(m.round > 0 ? [`round ${m.round}`] : []),
    ...(m.predictedSecondsLeft !== null && m.endedAt === null
      ? [`about ${formatSeconds(m.predictedSecondsLeft)} more`]
      : []),
    ...(m.downtimeMs === null ? [] : [`downtime ${formatMs(m.downtimeMs)}`]),
    ...(m.failureReason === null ? [] : [m.failureReason]),
  ];
  return printable(parts.join('  '));
}

const columns: readonly Column<MigrationJson>[] = [
  { title: 'ID', value: (m) => m.id },
  { title: 'VM', value: (m) => m.vm },
  { title: 'FROM', value: (m) => m.source },
  { title: 'TO', value: (m) => m.destination },
  { title: 'STATE', value: (m) => m.state },
  { title: 'STEP', value: (m) => m.step },
  { title: 'LEFT', value: (m) => formatBytes(m.progress.memory.remainingBytes), right: true },
  {
    title: 'RATE',
    value: (m) => formatRate(m.endedAt === null ? m.grantedBitsPerSecond : null),
    right: true,
  },
  { title: 'DOWNTIME', value: (m) => formatMs(m.downtimeMs), right: true },
  { title: 'CREATED', value: (m) => m.createdAt },
];

function details(m: MigrationJson): string {
  const limit = m.maxBandwidthBytesPerSecond;
  const rows: [string, string][] = [
    ['Migration', m.id],
    ['VM', `${m.vm}, from ${m.source} to ${m.destination}`],
    ['State', m.step === m.state ? m.state : `${m.state} (${m.step})`],
    ['Mode', `${m.mode}, downtime at most ${m.downtimeLimitMs} ms, priority ${m.priority}`],
    ['Bandwidth', limit === null ? 'what the network allows' : `at most ${formatBytes(limit)}/s`],
    ['Deadline', m.deadlineSeconds === null ? 'none' : formatSeconds(m.deadlineSeconds)],
    [
      'Memory',
      `${formatBytes(m.progress.memory.remainingBytes)} of ${formatBytes(m.progress.memory.totalBytes)} left`,
    ],
    ['Downtime', formatMs(m.downtimeMs)],
    ...(m.failureReason === null ? [] : [['Failed', m.failureReason] as [string, string]]),
    ...m.phaseTransitions.map(({ at, state, step, note }): [string, string] => [
      at,
      `${state} (${step})${note === '' ? '' : `: ${note}`}`,
    ]),
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return `${rows.map(([label, text]) => printable(`${label.padEnd(width)}  ${text}`)).join('\n')}\n`;
}
