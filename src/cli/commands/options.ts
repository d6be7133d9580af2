import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ApiClient, usualServer } from '../client.js';
import { CliError, exitCodes } from '../exit-codes.js';
import { type OutputFormat, outputFormats } from '../output.js';

export interface OutputOption {
  readonly output: OutputFormat;
}
export interface ClientOptions extends OutputOption {
  readonly server: string;
  readonly tokenFile?: string;
}

export interface ReasonOption {
  readonly reason?: string;
}

export const withOutput = (command: Command): Command =>
  command.addOption(
    new Option('-o, --output <format>', 'how to print').choices(outputFormats).default('table'),
  );

/** Options of every command that asks a controller. */
export const withClient = (command: Command): Command =>
  withOutput(command)
    .addOption(
      new Option('--server <url>', 'address of the controller').default(usualServer).env('STEADY_SERVER'),
    )
    .addOption(
      new Option(
        '--token-file <file>',
        'file with the token to send, for a controller that asks for one',
      ).env('STEADY_TOKEN_FILE'),
    );

/** Of every command that asks a controller to change something. */
export const withReason = (command: Command): Command =>
  command.option('--reason <text>', 'why; it stands in the audit', reasonText);

export const clientOf = ({ server, tokenFile }: ClientOptions): ApiClient =>
  new ApiClient(server, tokenFile === undefined ? undefined : tokenIn(tokenFile));

/** A token is read from a file, because the arguments of a process are there for everyone on the machine to see. */
function tokenIn(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new CliError(exitCodes.usage, `--token-file ${file}: ${(error as Error).message}`);
  }
  if (/^[\x21-\x7e]{1,512}$/.test(text)) return text;
  throw new CliError(exitCodes.usage, `--token-file ${file}: it must hold one token and nothing else`);
}

/** Parsers for option values; commander turns what they throw into a usage error. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a positive number.');
}
/** It travels in a header, which carries ASCII without doubt about what is meant. */
export function reasonText(text: string): string {
  if (/^[\x20-\x7e]{1,200}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 200 ASCII characters.');
}
export function positiveInteger(text: string): number {
  const value = nonNegativeInteger(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('It must be a whole number, 1 or more.');
}
export function nonNegativeInteger(text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number, 0 or more.');
}
export function port(text: string): number {
  const value = nonNegativeInteger(text);
  if (value <= 65_535) return value;
  throw new InvalidArgumentError('A port is at most 65535; 0 picks a free one.');
}
