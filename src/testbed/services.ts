import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolPath, until } from './command.js';
import { TestbedError } from './errors.js';
import { isAlive, ownerVariable, type ProcessId, processId } from './processes.js';

/** Programs of a testbed that outlive the command that starts them and end with the testbed. */

/** Works from the compiled tree and from the sources: the program itself always runs compiled. */
export function builtProgram(name: string): string[] {
  const beside = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const built = fileURLToPath(new URL(`../../dist/src/testbed/${name}.js`, import.meta.url));
  return [process.execPath, existsSync(beside) ? beside : built];
}

export interface Service {
  readonly name: string;
  readonly namespace: string;
  readonly argv: readonly string[];
  /** the unix socket at which it accepts connections when it is ready */
  readonly socket: string;
}

/** Starts a program that outlives us inside a namespace, and waits until its socket answers. */
export async function startService(
  directory: string,
  { name, namespace, argv, socket }: Service,
  timeoutMs = 15_000,
): Promise<ProcessId> {
  if (await accepts(socket))
    throw new TestbedError('locked', `${name}: something listens at ${socket} already`);
  rmSync(socket, { force: true });
  const logPath = join(directory, `${name}.log`);
  const log = openSync(logPath, 'a');
  const child = spawn('ip', ['netns', 'exec', namespace, ...argv], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, PATH: toolPath, [ownerVariable]: directory },
  });
  closeSync(log);
  child.on('error', () => undefined);
  child.unref();
  const id = child.pid === undefined ? undefined : processId(child.pid);
  if (id === undefined) throw new TestbedError('command-failed', `${name} did not start`);
  await until(
    `${name} listens`,
    async () => {
      if (!isAlive(id)) throw new TestbedError('command-failed', `${name} ended; see ${logPath}`);
      return accepts(socket);
    },
    { timeoutMs },
  );
  return id;
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
