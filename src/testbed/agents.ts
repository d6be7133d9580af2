import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolPath, until } from './command.js';
import { TestbedError } from './errors.js';
import { agentSocket, type Station } from './plan.js';
import { isAlive, ownerVariable, type ProcessId, processId } from './processes.js';
import { openTestbed } from './state.js';

export interface AgentInfo {
  readonly host: string;
  /** `unix:PATH` */
  readonly endpoint: string;
  readonly process: ProcessId;
}
export interface AgentOptions {
  /** program and leading arguments; the default is the transfer agent that was built with this file */
  readonly command?: readonly string[];
  /** names of hosts; default: every hypervisor */
  readonly hosts?: readonly string[];
  readonly timeoutMs?: number;
}

/** Works from the compiled tree and from the sources: the agent itself always runs compiled. */
function defaultCommand(): string[] {
  const beside = fileURLToPath(new URL('transfer-agent.js', import.meta.url));
  const built = fileURLToPath(new URL('../../dist/src/testbed/transfer-agent.js', import.meta.url));
  return [process.execPath, existsSync(beside) ? beside : built];
}

/**
 * Starts one hypervisor agent in the namespace of each hypervisor host:
 * `COMMAND --listen unix:DIRECTORY/HOST.agent.sock --host HOST --address IP`. Resolves when all accept connections.
 * They live until `down`; an agent that is killed is started again by calling this again.
 * @throws TestbedError not-up, unknown-host, command-failed, timeout
 */
export async function startAgents(directory: string, options: AgentOptions = {}): Promise<AgentInfo[]> {
  const { plan } = openTestbed(directory);
  const hypervisors = plan.stations.filter((s) => s.vm === undefined && s.host.role === 'hypervisor');
  const wanted = options.hosts ?? hypervisors.map((s) => s.name);
  const stations = wanted.map((name) => {
    const station = hypervisors.find((s) => s.name === name);
    if (station === undefined)
      throw new TestbedError('unknown-host', `${name} is no hypervisor of this testbed`);
    return station;
  });
  return Promise.all(stations.map((s) => startAgent(plan.directory, s, options)));
}

async function startAgent(directory: string, station: Station, options: AgentOptions): Promise<AgentInfo> {
  const { name, namespace, ip } = station;
  const socket = agentSocket(directory, name);
  if (await accepts(socket)) throw new TestbedError('locked', `an agent listens at ${socket} already`);
  rmSync(socket, { force: true });
  const [program, ...leading] = options.command ?? defaultCommand();
  const log = openSync(join(directory, `${name}.agent.log`), 'a');
  const argv = ['netns', 'exec', namespace, program!, ...leading];
  argv.push('--listen', `unix:${socket}`, '--host', name, '--address', ip);
  const child = spawn('ip', argv, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, PATH: toolPath, [ownerVariable]: directory },
  });
  closeSync(log);
  child.on('error', () => undefined);
  child.unref();
  const id = child.pid === undefined ? undefined : processId(child.pid);
  if (id === undefined) throw new TestbedError('command-failed', `the agent of ${name} did not start`);
  await until(
    `the agent of ${name} listens`,
    async () => {
      if (!isAlive(id))
        throw new TestbedError(
          'command-failed',
          `the agent of ${name} ended; see ${directory}/${name}.agent.log`,
        );
      return accepts(socket);
    },
    { timeoutMs: options.timeoutMs ?? 15_000 },
  );
  return { host: name, endpoint: `unix:${socket}`, process: id };
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
