import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addAuditCommand } from './commands/audit.js';
import { addCompletionCommand } from './commands/completion.js';
import { addExplainCommands } from './commands/explain.js';
import { addMigrateCommands } from './commands/migrate.js';
import { addNetworkCommands } from './commands/network.js';
import { addOfflineCommands } from './commands/offline.js';
import { addRulesCommand } from './commands/rules.js';
import { addRunCommands } from './commands/running.js';
import { addTestbedCommands } from './commands/testbed.js';
import { addTokenCommand } from './commands/token.js';
import { addTopCommand } from './commands/top.js';
import { CliError, exitCodes } from './exit-codes.js';
import type { Terminal } from './terminal.js';

/** @returns the exit status; never throws, never exits */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  const outcome: Outcome = { exitCode: exitCodes.ok };
  try {
    await program(terminal, outcome).parseAsync(args, { from: 'user' });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (error instanceof CliError) {
      terminal.err(`steady: ${error.message}\n`);
      return error.exitCode;
    }
    terminal.err(`steady: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return exitCodes.failed;
  }
}

/** What a command that did its work found out. */
export interface Outcome {
  exitCode: number;
}

const epilogue = `
Exit status:
  0  done
  1  refused, failed, or not as it should be
  2  the command line is wrong
  3  no controller answers at --server
  4  there is no such thing (migration, switch, ...)

Environment:
  STEADY_SERVER      address of the controller, as --server
  STEADY_TOKEN_FILE  file with the token to send, as --token-file
  STEADY_HTTP_PORT, STEADY_CONTROL_SLOT_MS, ...  of steady run: override http.port, control.slotMs, ... of steady.yaml

Try: npm run demo`;

function program(terminal: Terminal, outcome: Outcome): Command {
  const steady = new Command('steady')
    .description('Moves virtual machines between data centres while the network stays steady.')
    .version(version(), '-V, --version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => void terminal.out(text), writeErr: (text) => terminal.err(text) })
    .showHelpAfterError('(steady --help tells more)')
    .enablePositionalOptions()
    .addHelpText('after', epilogue);
  addRunCommands(steady, terminal, outcome);
  addNetworkCommands(steady, terminal);
  addRulesCommand(steady, terminal, outcome);
  addTopCommand(steady, terminal);
  addMigrateCommands(steady, terminal, outcome);
  addExplainCommands(steady, terminal);
  addAuditCommand(steady, terminal);
  addOfflineCommands(steady, terminal, outcome);
  addTokenCommand(steady, terminal);
  addTestbedCommands(steady, terminal, outcome);
  addCompletionCommand(steady, terminal);
  return steady;
}

/** From the package.json above, which is at another height for compiled and for plain sources. */
function version(): string {
  for (const path of ['../../../package.json', '../../package.json'])
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Record<
        string,
        string
      >;
      if (name === 'steady' && version !== undefined) return version;
    } catch {
      // not at this height
    }
  return 'unknown';
}
