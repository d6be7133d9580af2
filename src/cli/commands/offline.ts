import type { Command } from 'commander';
import { CliError, exitCodes } from '../exit-codes.js';
import { type OutputFormat, print } from '../output.js';
import type { Outcome } from '../program.js';
import type { Terminal } from '../terminal.js';
import { addOpenflowCommands } from './openflow.js';
import { nonNegativeInteger, type OutputOption, port, positiveNumber, withOutput } from './options.js';

interface ReplayOptions extends OutputOption {
  readonly serve?: true;
  readonly httpPort: number;
  readonly speed: number;
  readonly from: number;
}

/** Commands that need no controller: they read a file or standard input. */
export function addOfflineCommands(steady: Command, terminal: Terminal, outcome: Outcome): void {
  withOutput(
    steady
      .command('check')
      .description(
        'read a steady.yaml (and the topology it names) or a topology; tell every mistake with its place',
      )
      .argument('<file>'),
  ).action(async (file: string, { output }: OutputOption) => {
    outcome.exitCode = await check(file, output, terminal);
  });
  withOutput(
    steady
      .command('replay')
      .description(
        'run a recording (steady run --record) again and compare every output; with --serve, show it on the dashboard',
      )
      .argument('<file>')
      .option('--serve', 'play it at its pace on the dashboard, until Ctrl-C; nothing is compared')
      .option('--http-port <port>', 'with --serve: listen here; 0 picks a free port', port, 8080)
      .option('--speed <factor>', 'with --serve: so many times as fast', positiveNumber, 1)
      .option('--from <seconds>', 'with --serve: begin so late in the recording', nonNegativeInteger, 0),
  ).action(async (file: string, options: ReplayOptions) => {
    const { replay, ReplayError } = await import('../../io/replay.js');
    const explain = (error: NodeJS.ErrnoException): never => {
      if (error instanceof ReplayError) throw new CliError(exitCodes.failed, error.message);
      if (error.code === 'ENOENT') throw new CliError(exitCodes.notFound, `${file}: no such file`);
      if (error.code === 'EADDRINUSE')
        throw new CliError(
          exitCodes.failed,
          `port ${options.httpPort} is in use; --http-port 0 picks a free one`,
        );
      throw error;
    };
    if (options.serve) {
      const { serveRecording } = await import('../serve-recording.js');
      const { speed, from, httpPort } = options;
      await serveRecording(file, { speed, fromSeconds: from, httpPort }, terminal).catch(explain);
      return;
    }
    const result = await replay(file).catch(explain);
    const { firstDifference: first } = result;
    const told = [
      `${result.steps} steps, ${result.outputs} outputs: ${result.equal ? 'equal to the bit' : 'NOT equal'}`,
      ...(first === null
        ? []
        : [`${file}:${first.line}: the first step that differs, at ${first.now} s, input ${first.input}`]),
      ...(result.torn ? ['The recording ends in the middle of a line: the recorder was killed.'] : []),
    ];
    await print(terminal, options.output, result, () => `${told.join('\n')}\n`);
    outcome.exitCode = result.equal ? exitCodes.ok : exitCodes.failed;
  });
  addOpenflowCommands(steady, terminal);
}

async function check(file: string, output: OutputFormat, terminal: Terminal): Promise<number> {
  const { readConfig } = await import('../../io/config-file.js');
  const { readTopology } = await import('../../io/topology-file.js');
  const { ConfigError, formatProblem, readYaml } = await import('../../io/yaml-document.js');
  try {
    const { value } = readYaml(file);
    const isTopology = typeof value === 'object' && value !== null && 'sites' in value;
    const topology = isTopology ? readTopology(file) : readConfig(file, process.env).config.topology;
    const counts = topology && {
      name: topology.name,
      switches: topology.switches.length,
      links: topology.links.length,
      vms: topology.vms.length,
    };
    const found = { file, ok: true, topology: counts ?? null, problems: [] };
    await print(terminal, output, found, () => {
      const network =
        counts === undefined
          ? 'no topology: switches are seen, nothing is installed'
          : `topology ${counts.name}: ${counts.switches} switches, ${counts.links} links, ${counts.vms} VMs`;
      return `${file}: ok (${network})\n`;
    });
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems } = error;
    if (output === 'table') for (const problem of problems) terminal.err(`${formatProblem(problem)}\n`);
    else await print(terminal, output, { file, ok: false, topology: null, problems }, () => '');
    return exitCodes.failed;
  }
}
