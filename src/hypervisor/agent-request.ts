/** Reading a request of the agent protocol: every field is checked before anything acts on it. */
import {
  type AgentCommand,
  type AgentRequestLine,
  type MoveDisk,
  type MoveMode,
  mostStreams,
  type TransferStream,
} from './protocol.js';

export interface AgentError {
  readonly code: string;
  readonly detail: string;
}

/**
 * `id` undefined: the line is no request at all and cannot be answered; the connection should be closed.
 * Otherwise the command is refused and the conversation goes on.
 */
export type ParsedRequest =
  | { readonly ok: true; readonly request: AgentRequestLine }
  | { readonly ok: false; readonly id: number | undefined; readonly error: AgentError };

type Fields = Readonly<Record<string, unknown>>;

/** Why a command is not carried out, as an error of the protocol. */
export class Refusal extends Error {
  readonly code: string;
  constructor(code: string, detail: string) {
    super(detail);
    this.code = code;
  }
}

export function parseRequestLine(line: string): ParsedRequest {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { ok: false, id: undefined, error: { code: 'bad-line', detail: 'a line is not JSON' } };
  }
  if (!isObject(value) || !Number.isSafeInteger(value.id) || !isObject(value.command)) {
    const detail = 'a line must be an object with a whole number "id" and an object "command"';
    return { ok: false, id: undefined, error: { code: 'bad-line', detail } };
  }
  const id = value.id as number;
  try {
    return { ok: true, request: { id, command: readCommand(value.command) } };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, id, error: { code: error.code, detail: error.message } };
  }
}

/** `command` as the protocol has it, or the reason why not. */
export function checkCommand(command: AgentCommand): AgentError | undefined {
  const parsed = parseRequestLine(JSON.stringify({ id: 0, command }));
  return parsed.ok ? undefined : parsed.error;
}

function readCommand(fields: Fields): AgentCommand {
  const execute = fields.execute;
  switch (execute) {
    case 'hello':
      return { execute };
    case 'prepare-incoming':
      return {
        execute,
        migration: name(fields, 'migration'),
        vm: name(fields, 'vm'),
        streams: streams(fields),
        ...means(fields),
      };
    case 'migrate':
      return readMigrate(fields);
    case 'set-bandwidth':
      return {
        execute,
        migration: name(fields, 'migration'),
        bytesPerSecond: bandwidth(fields, 'bytesPerSecond'),
      };
    case 'use-streams': {
      const count = quantity(fields, 'count', 1, mostStreams);
      if (!Number.isInteger(count)) throw new Refusal('bad-command', 'count: must be a whole number');
      return { execute, migration: name(fields, 'migration'), count };
    }
    case 'continue':
      return {
        execute,
        migration: name(fields, 'migration'),
        ...(fields.postcopy === true && { postcopy: true }),
        ...(fields.force === true && { force: true }),
      };
    case 'throttle':
      return {
        execute,
        migration: name(fields, 'migration'),
        mostPercent: quantity(fields, 'mostPercent', 1, 99),
      };
    case 'query':
    case 'cancel':
      return { execute, migration: name(fields, 'migration') };
    default:
      throw new Refusal(
        'bad-command',
        `command.execute: ${JSON.stringify(execute) ?? 'missing'} is not a command`,
      );
  }
}

function readMigrate(fields: Fields): AgentCommand {
  const destination = fields.destination;
  if (!isObject(destination)) throw new Refusal('bad-command', 'command.destination: must be an object');
  return {
    execute: 'migrate',
    migration: name(fields, 'migration'),
    vm: name(fields, 'vm'),
    destination: { address: name(destination, 'address') },
    streams: streams(fields),
    memoryBytes: quantity(fields, 'memoryBytes', 1, 2 ** 50),
    dirtyBytesPerSecond: quantity(fields, 'dirtyBytesPerSecond', 0, 2 ** 50),
    workingSetBytes: quantity(fields, 'workingSetBytes', 0, 2 ** 50),
    downtimeLimitMs: quantity(fields, 'downtimeLimitMs', 0, 3_600_000),
    bandwidthBytesPerSecond: bandwidth(fields, 'bandwidthBytesPerSecond'),
    switchoverTimeoutSeconds: quantity(fields, 'switchoverTimeoutSeconds', 0.001, 86_400),
    ...means(fields),
  };
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function name(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value === 'string' && value.length > 0 && value.length <= 200) return value;
  throw new Refusal('bad-command', `${key}: must be a text of 1 to 200 characters`);
}

function quantity(fields: Fields, key: string, low: number, high: number): number {
  const value = fields[key];
  if (typeof value === 'number' && value >= low && value <= high) return value;
  throw new Refusal(
    'bad-command',
    `${key}: must be a number from ${low} to ${high}, not ${JSON.stringify(value)}`,
  );
}

function port(fields: Fields, key: string): number {
  const value = quantity(fields, key, 1, 65_535);
  if (!Number.isInteger(value)) throw new Refusal('bad-command', `${key}: must be a whole number`);
  return value;
}

function streams(fields: Fields): TransferStream[] {
  const value = fields.streams;
  if (!Array.isArray(value) || value.length < 1 || value.length > mostStreams || !value.every(isObject))
    throw new Refusal('bad-command', `streams: must be a list of 1 to ${mostStreams} objects with a "port"`);
  const ports = value.map((stream) => port(stream, 'port'));
  if (new Set(ports).size < ports.length)
    throw new Refusal('bad-command', 'streams: two streams have the same port');
  return ports.map((each) => ({ port: each }));
}

function means(fields: Fields): { mode?: MoveMode; disk?: MoveDisk } {
  const mode = oneOf<MoveMode>(fields, 'mode', ['precopy', 'postcopy', 'hybrid']);
  const disk = oneOf<MoveDisk>(fields, 'disk', ['none', 'mirror', 'replicated']);
  return { ...(mode && { mode }), ...(disk && { disk }) };
}

function oneOf<T extends string>(fields: Fields, key: string, words: readonly T[]): T | undefined {
  const value = fields[key];
  if (value === undefined) return undefined;
  const word = words.find((w) => w === value);
  if (word === undefined)
    throw new Refusal('bad-command', `${key}: must be ${words.join(', ')}, not ${JSON.stringify(value)}`);
  return word;
}

/** null is "no cap"; 0 would mean that in QEMU and must never slip through as a rate. */
function bandwidth(fields: Fields, key: string): number | null {
  const value = fields[key];
  if (value === null) return null;
  if (typeof value === 'number' && value > 0 && value <= 2 ** 50) return value;
  throw new Refusal(
    'bad-bandwidth',
    `${key}: must be more than 0 bytes/s, or null for no cap, not ${JSON.stringify(value)}`,
  );
}
