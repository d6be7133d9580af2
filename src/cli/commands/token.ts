import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { hashToken, newToken, type Scope, scopes } from '../../api/index.js';
import { CliError, exitCodes } from '../exit-codes.js';
import type { Terminal } from '../terminal.js';

interface TokenOptions {
  readonly scope: Scope;
  readonly file: string;
  readonly expires?: string;
}

/** `steady token`: the token goes to standard output, once; the file gets its digest. */
export function addTokenCommand(steady: Command, terminal: Terminal): void {
  steady
    .command('token')
    .description(
      'make a token for the HTTP interface: print it on standard output, once, and add its digest to the file that http.tokens in steady.yaml names',
    )
    .argument('<name>', 'of the person or program; it stands in the audit')
    .addOption(
      new Option(
        '--scope <scope>',
        'read: look; operate: also start and stop migrations; admin: also audit and reload',
      )
        .choices(scopes)
        .default('read'),
    )
    .option('--file <file>', 'where the digest goes', 'tokens.yaml')
    .option('--expires <date>', 'like 2027-01-31 or 2027-01-31T12:00:00Z; left out: never')
    .action(async (name: string, { scope, file, expires }: TokenOptions) => {
      const { addToken } = await import('../../io/token-file.js');
      const { ConfigError } = await import('../../io/yaml-document.js');
      const token = newToken();
      try {
        addToken(file, { name, scope, sha256: hashToken(token) }, expires);
      } catch (error) {
        if (error instanceof ConfigError)
          throw new CliError(exitCodes.failed, `nothing was added:\n${error.message}`);
        throw new CliError(exitCodes.failed, `${resolve(file)}: ${(error as Error).message}`);
      }
      terminal.err(`${file}: ${name} may ${scope}; a running controller notices within two seconds\n`);
      await terminal.out(`${token}\n`);
    });
}
