import { type Command, InvalidArgumentError, Option } from 'commander';
import { ApiClient } from '../client.js';
import { type OutputFormat, outputFormats } from '../output.js';

export interface OutputOption {
  readonly output: OutputFormat;
}
export interface ClientOptions extends OutputOption {
  readonly server: string;
}

export const withOutput = (command: Command): Command =>
  command.addOption(
    new Option('-o, --output <format>', 'how to print').choices(outputFormats).default('table'),
  );

/** Options of every command that asks a controller. */
export const withClient = (command: Command): Command =>
  withOutput(command).addOption(
    new Option('--server <url>', 'address of the controller')
      .default('http://127.0.0.1:8080')
      .env('STEADY_SERVER'),
  );

export const clientOf = (options: ClientOptions): ApiClient => new ApiClient(options.server);

/** Parsers for option values; commander turns what they throw into a usage error. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a positive number.');
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
