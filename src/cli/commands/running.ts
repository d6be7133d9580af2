import { once } from 'node:events';
import { type Command, Option } from 'commander';
import type { Effect } from '../../io/config-changes.js';
import type { SteadyConfig } from '../../io/config-file.js';
import type { Daemon } from '../daemon.js';
import { CliError, exitCodes } from '../exit-codes.js';
import type { Outcome } from '../program.js';
import type { Terminal } from '../terminal.js';
import { nonNegativeInteger, port, positiveNumber } from './options.js';

const stopLimitMs = 10_000;
const logLevels = ['silent', 'error', 'warn', 'info'] as const;

interface RunOptions {
  readonly config?: string;
  readonly openflowPort?: number;
  readonly httpPort?: number;
  readonly state: string;
  readonly record?: string;
  readonly learningSwitch?: true;
  readonly logLevel: (typeof logLevels)[number];
}
interface DemoCommandOptions {
  readonly once?: true;
  readonly json?: string;
  readonly seed: number;
  readonly memory?: number;
  readonly network: 'embedded' | 'ovs';
  readonly vm: 'transfer' | 'qemu';
  readonly topology?: string;
  readonly farControlDelay: number;
  readonly circuits?: true;
  readonly openflowPort: number;
  readonly httpPort: number;
}

/** Commands that are a controller themselves. */
export function addRunCommands(steady: Command, terminal: Terminal, outcome: Outcome): void {
  steady
    .command('run')
    .description(
      'the controller; once it listens it prints {"openflowPort":...,"httpPort":...} on standard output, the log goes to standard error',
    )
    .option(
      '-c, --config <file>',
      'steady.yaml; without it any switch may attach and be seen, and nothing is installed',
    )
    .option(
      '--openflow-port <port>',
      'listen here for switches; 0 picks a free port (default: as configured, else 6653)',
      port,
    )
    .option(
      '--http-port <port>',
      'listen here for the API and the dashboard (default: as configured, else 8080)',
      port,
    )
    .option('--state <directory>', 'where the journal is kept', '.steady')
    .option(
      '--learning-switch',
      'reactive mode: switches that are in no topology learn where addresses are; OpenFlow 1.0 is spoken too',
    )
    .option('--record <file>', 'write everything that happens to this file, for steady replay')
    .addOption(new Option('--log-level <level>', 'how much to log').choices(logLevels).default('info'))
    .action((options: RunOptions) => run(options, terminal));
  steady
    .command('demo')
    .description(
      'controller, two data centres and traffic on this machine; moves a large VM and shows what happens',
    )
    .option('--once', 'exit after the summary')
    .option('--json <file>', 'also write the summary to this file')
    .option('--seed <n>', 'of the traffic: the same seed is the same load', nonNegativeInteger, 1)
    .option(
      '--memory <MB>',
      'of the machine that moves (default: 100 embedded, 150 on Open vSwitch)',
      positiveNumber,
    )
    .addOption(
      new Option('--network <kind>', 'embedded: simulated; ovs: Open vSwitch in namespaces (root, Linux)')
        .choices(['embedded', 'ovs'])
        .default('embedded'),
    )
    .option('--topology <file>', 'another network with a video stream and a machine that can move')
    .option(
      '--far-control-delay <ms>',
      'on Open vSwitch: one-way delay of the control channels of every site but the first',
      nonNegativeInteger,
      0,
    )
    .option('--circuits', 'Steady may order the circuits of the network (default: they stay dark)')
    .addOption(
      new Option(
        '--vm <kind>',
        'what is moved: transfer, a real TCP transfer with pre-copy; qemu, a real machine (on Open vSwitch)',
      )
        .choices(['transfer', 'qemu'])
        .default('transfer'),
    )
    .option('--openflow-port <port>', '0 picks a free port', port, 6653)
    .option('--http-port <port>', '0 picks a free port', port, 8080)
    .action(async ({ json, ...options }: DemoCommandOptions) => {
      if (options.vm === 'qemu' && options.network !== 'ovs')
        throw new CliError(exitCodes.usage, '--vm qemu runs a real machine: it needs --network ovs');
      const { runDemo } = await import('../demo.js');
      outcome.exitCode = await runDemo({
        ...options,
        once: options.once ?? false,
        circuits: options.circuits ?? false,
        jsonFile: json,
        topologyFile: options.topology,
        farControllerDelayMs: options.farControlDelay,
        memoryBytes: options.memory === undefined ? undefined : options.memory * 1_000_000,
      }).catch(explainStart);
    });
}

async function run(options: RunOptions, terminal: Terminal): Promise<void> {
  const steady = await configOf(options.config);
  const { startDaemon } = await import('../daemon.js');
  const daemon = await startDaemon({
    steady: { ...steady, config: { ...steady.config, learningSwitch: options.learningSwitch ?? false } },
    openflowPort: options.openflowPort,
    httpPort: options.httpPort,
    stateDirectory: options.state,
    recordFile: options.record,
    logLevel: options.logLevel,
    reconfigure: () => configOf(options.config),
  }).catch(explainStart);
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  process.on('SIGHUP', () => void reload(options, daemon, terminal));
  const { openflowPort, httpPort } = daemon;
  await terminal.out(`${JSON.stringify({ openflowPort, httpPort })}\n`);
  await stopped;
  // whoever is in a hurry signals twice
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const late = setTimeout(() => {
    terminal.err(`steady: not everything stopped within ${stopLimitMs / 1000} s; the journal is complete\n`);
    process.exit(exitCodes.failed);
  }, stopLimitMs);
  await daemon.stop();
  clearTimeout(late);
}

/** On SIGHUP: what the file says now, as far as it can be taken up; a file that is wrong changes nothing. */
async function reload({ config }: RunOptions, daemon: Daemon, terminal: Terminal): Promise<void> {
  try {
    const changes = await daemon.reload(await configOf(config));
    const of = (effect: Effect) => changes.filter((c) => c.effect === effect).map((c) => c.setting);
    const said = [
      ['taken up at once', of('warm')],
      ['taken up by a new start of the engine', of('cold')],
      ['waits for the next start of the process', of('restart')],
    ] as const;
    const lines = said
      .filter(([, settings]) => settings.length > 0)
      .map(([how, settings]) => `  ${how}: ${settings.join(', ')}\n`);
    terminal.err(
      `steady: the configuration was read again${lines.length === 0 ? '; nothing changed\n' : `\n${lines.join('')}`}`,
    );
  } catch (error) {
    terminal.err(`steady: the old configuration stays in force: ${(error as Error).message}\n`);
  }
}

async function configOf(file: string | undefined): Promise<SteadyConfig> {
  const { defaultConfig, readConfig } = await import('../../io/config-file.js');
  try {
    return file === undefined ? defaultConfig(process.env) : readConfig(file, process.env);
  } catch (error) {
    const { ConfigError } = await import('../../io/yaml-document.js');
    if (error instanceof ConfigError)
      throw new CliError(exitCodes.failed, `the configuration is wrong:\n${error.message}`);
    throw error;
  }
}

/** What stops a controller from starting is mostly the machine's state: said without a stack, with a way out. */
function explainStart(error: unknown): never {
  const {
    code,
    name,
    message,
    address,
    port: taken,
  } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE')
    throw new CliError(
      exitCodes.failed,
      `${address}:${taken} is in use, perhaps by another controller; choose other ports (--openflow-port 0 --http-port 0 picks free ones)`,
    );
  if (code === 'EACCES') throw new CliError(exitCodes.failed, message);
  if (['AddressNotAllowedError', 'StoreError', 'TestbedError', 'ConfigError', 'TlsError'].includes(name))
    throw new CliError(exitCodes.failed, message);
  throw error;
}
