import { once } from 'node:events';
import { type Command, InvalidArgumentError } from 'commander';
import type { CircuitRequest } from '../../circuit/protocol.js';
import type { Fate } from '../../circuit/provider-model.js';
import type { Topology } from '../../network/topology.js';
import type { AgentInfo, TestbedInfo } from '../../testbed/index.js';
import { CliError, exitCodes } from '../exit-codes.js';
import { print } from '../output.js';
import type { Outcome } from '../program.js';
import { formatTable } from '../table.js';
import type { Terminal } from '../terminal.js';
import { nonNegativeInteger, type OutputOption, port, positiveNumber, withOutput } from './options.js';

interface PlaceOptions {
  readonly directory?: string;
}
interface CircuitsOptions extends PlaceOptions {
  readonly port: number;
  readonly setupSeconds?: number;
  readonly refuse: number;
  readonly unanswered: number;
}
interface UpCommandOptions extends PlaceOptions, OutputOption {
  /** `none`, or where the switches look for one */
  readonly controller: string;
  readonly ovsdbPort?: number;
  readonly agents: boolean;
  readonly vm?: boolean;
  readonly clip?: boolean;
}

/** `steady testbed ...`: networks of namespaces and Open vSwitch from a topology file (Linux, root). */
export function addTestbedCommands(steady: Command, terminal: Terminal, outcome: Outcome): void {
  const testbed = steady
    .command('testbed')
    .description('a network of namespaces and a private Open vSwitch from a topology file (Linux, root)')
    .enablePositionalOptions();
  const place = (command: Command): Command =>
    command.option(
      '--directory <path>',
      'private directory of the testbed (default: /tmp/steady-testbed-NAME)',
    );
  addUp(place(withOutput(testbed.command('up').argument('<topology>'))), terminal);
  place(testbed.command('down').argument('<topology>'))
    .description('remove it and all that belongs to it')
    .action((file: string, options: PlaceOptions) =>
      explained(async () => {
        const { down } = await import('../../testbed/index.js');
        await down(await directoryOf(file, options));
      }),
    );
  place(testbed.command('exec').argument('<topology>').argument('<host>').argument('<command...>'))
    .description(
      'run a command in a host (hyp-a) or in a VM at one of its places (vm1@hyp-a); its exit status is ours',
    )
    .passThroughOptions()
    .usage('[options] TOPOLOGY.yaml HOST -- COMMAND...')
    .action((file: string, host: string, command: string[], options: PlaceOptions) =>
      explained(async () => {
        const { exec } = await import('../../testbed/index.js');
        // options after the first operand are the command's; so is what follows --
        const words = command[0] === '--' ? command.slice(1) : command;
        outcome.exitCode = await exec(await directoryOf(file, options), host, words);
      }),
    );
  place(testbed.command('circuits').argument('<topology>'))
    .description(
      'be the provider of its circuits until Ctrl-C: prints {"url":...} for circuits.provider of steady.yaml, and lights and darkens real links',
    )
    .option('--port <port>', 'listen here on 127.0.0.1 (default: a free port)', port, 0)
    .option('--setup-seconds <seconds>', 'from the order to the light (default: as ordered)', positiveNumber)
    .option('--refuse <orders>', 'refuse so many orders first', nonNegativeInteger, 0)
    .option('--unanswered <orders>', 'then carry out so many orders without an answer', nonNegativeInteger, 0)
    .action((file: string, options: CircuitsOptions) =>
      explained(async () => {
        const { TestbedCircuitProvider } = await import('../../testbed/index.js');
        const { port: wanted, setupSeconds } = options;
        const provider = await TestbedCircuitProvider.start(await directoryOf(file, options), {
          port: wanted,
          onProblem: (detail) => terminal.err(`steady: ${detail}\n`),
          fateOf: fates(options),
          ...(setupSeconds !== undefined && { setupSeconds }),
        });
        await terminal.out(`${JSON.stringify({ url: provider.url })}\n`);
        await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
        await provider.close();
      }),
    );
  place(withOutput(testbed.command('agents').argument('<topology>').argument('[hosts...]')))
    .description('start hypervisor agents again, all or those of the named hosts')
    .action((file: string, hosts: string[], options: PlaceOptions & OutputOption) =>
      explained(async () => {
        const { startAgents } = await import('../../testbed/index.js');
        const agents = await startAgents(
          await directoryOf(file, options),
          hosts.length === 0 ? {} : { hosts },
        );
        await print(terminal, options.output, agents, () => agentTable(agents));
      }),
    );
  place(testbed.command('guest').argument('<topology>').argument('<vm>').argument('<command...>'))
    .description(
      'tell a real machine what to do and print what it says: status, check, dirty PAGES_PER_SECOND, set PAGES, ' +
        'video BITS_PER_SECOND IP PORT STREAM, clip IP PORT, clip off',
    )
    .requiredOption('--from <host>', 'the host that asks, over the network of the testbed')
    .action((file: string, vm: string, command: string[], options: PlaceOptions & { from: string }) =>
      explained(async () => {
        const { askGuest } = await import('../../testbed/index.js');
        const asked = { vm, from: options.from };
        const status = await askGuest(await directoryOf(file, options), asked, command.join(' '));
        terminal.out(`${JSON.stringify(status)}\n`);
      }),
    );
}

/** What becomes of the orders, in the order in which they come. */
function fates({ refuse, unanswered }: CircuitsOptions): (request: CircuitRequest) => Fate {
  let orders = 0;
  return ({ kind }) => {
    if (kind !== 'request') return { kind: 'answered' };
    orders += 1;
    if (orders <= refuse) return { kind: 'refused', detail: `order ${orders} of ${refuse} to be refused` };
    return { kind: orders <= refuse + unanswered ? 'unanswered' : 'answered' };
  };
}

function addUp(command: Command, terminal: Terminal): void {
  command
    .description('build it and leave it running; prints its endpoints and where its steady.yaml is')
    .option(
      '--controller <target>',
      'where the switches look for a controller: tcp:IPV4:PORT or none',
      target,
      'tcp:127.0.0.1:6653',
    )
    .option('--ovsdb-port <port>', 'OVSDB also on this port of 127.0.0.1', port)
    .option('--no-agents', 'do not start the hypervisor agents')
    .option('--vm', 'real machines: QEMU with a small guest made from Debian packages, and no agents')
    .option('--clip', 'with --vm: a clip made by ffmpeg that the guests can play')
    .action((file: string, options: UpCommandOptions) =>
      explained(async () => {
        const { down, startAgents, startMachines, up } = await import('../../testbed/index.js');
        const stop = new AbortController();
        const interrupt = () => stop.abort();
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
        try {
          const info = await up(await topologyOf(file), {
            onProgress: (step) => terminal.err(`${step}\n`),
            controller: options.controller === 'none' ? null : options.controller,
            machines: options.vm === true ? 'qemu' : 'standin',
            signal: stop.signal,
            ...(options.directory === undefined ? {} : { directory: options.directory }),
            ...(options.ovsdbPort === undefined ? {} : { ovsdbPort: options.ovsdbPort }),
          });
          const onProgress = (step: string) => terminal.err(`${step}\n`);
          try {
            if (options.vm === true)
              await startMachines(info.directory, {
                onProgress,
                signal: stop.signal,
                clip: options.clip === true,
              });
            else if (options.agents) {
              onProgress('hypervisor agents');
              await startAgents(info.directory);
            }
          } catch (error) {
            await down(info.directory);
            throw error;
          }
          await print(terminal, options.output, info, () => endpoints(info));
        } finally {
          for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
        }
      }),
    );
}

function endpoints(info: TestbedInfo): string {
  const table = formatTable(
    [
      { title: 'HOST', value: (s) => s.name },
      { title: 'IP', value: (s) => s.ip },
      { title: 'NAMESPACE', value: (s) => s.namespace },
      { title: 'AGENT', value: (s) => s.agent ?? '-' },
    ],
    info.stations,
  );
  const machines = formatTable(
    [
      { title: 'MACHINE', value: (m) => m.name },
      { title: 'IP', value: (m) => m.ip },
      { title: 'QMP', value: (m) => m.qmp },
    ],
    info.machines,
  );
  return [
    `controller  ${info.controller ?? 'none'}`,
    `ovsdb       ${info.ovsdb}`,
    `switches    ${info.switches.map(({ name, dpid }) => `${name} (${dpid})`).join(', ')}`,
    `namespace   ${info.switchNamespace} (switches)`,
    `config      ${info.configPath}`,
    '',
    table,
    ...(info.machines.length === 0 ? [] : [machines]),
    `Next: steady run --config ${info.configPath}`,
    '',
  ].join('\n');
}

const agentTable = (agents: readonly AgentInfo[]): string =>
  formatTable(
    [
      { title: 'HOST', value: (a) => a.host },
      { title: 'AGENT', value: (a) => a.endpoint },
      { title: 'PID', value: (a) => a.process.pid, right: true },
    ],
    agents,
  );

async function directoryOf(file: string, options: PlaceOptions): Promise<string> {
  if (options.directory !== undefined) return options.directory;
  const { defaultDirectory } = await import('../../testbed/index.js');
  return defaultDirectory((await topologyOf(file)).name);
}

async function topologyOf(file: string): Promise<Topology> {
  const { readTopology } = await import('../../io/topology-file.js');
  return readTopology(file);
}

/** Errors of the topology file and of the testbed are told without a stack. */
async function explained(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { ConfigError } = await import('../../io/yaml-document.js');
    const { TestbedError } = await import('../../testbed/index.js');
    if (error instanceof ConfigError) throw new CliError(exitCodes.failed, error.message);
    if (!(error instanceof TestbedError)) throw error;
    const missing = ['not-up', 'unknown-host', 'unknown-switch'].includes(error.code);
    throw new CliError(missing ? exitCodes.notFound : exitCodes.failed, error.message);
  }
}

/** Not null for none: an option without value is what commander would take that for. */
function target(text: string): string {
  if (text === 'none' || /^tcp:[0-9.]+:[0-9]+$/.test(text)) return text;
  throw new InvalidArgumentError('Write tcp:IPV4:PORT, or none.');
}
