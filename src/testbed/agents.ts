import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolPath, until } from './command.js';
import { TestbedError } from './errors.js';
import { agentSocket, vmSocket } from './plan.js';
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

/**
 * Starts one hypervisor agent in the namespace of each hypervisor host:
 * `COMMAND --listen unix:DIRECTORY/HOST.agent.sock --host HOST --address IP`, and `--vm-socket VM=PATH` for each
 * VM that `startVms` has started there. Resolves when all accept connections. They live until `down`; an agent
 * that was killed is started again by calling this again.
 * @throws TestbedError not-up, unknown-host, locked (one listens already), command-failed, timeout
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
  const command = options.command ?? builtProgram('transfer-agent');
  return Promise.all(
    stations.map(async ({ name, namespace, ip }): Promise<AgentInfo> => {
      const socket = agentSocket(plan.directory, name);
      const argv = [...command, '--listen', `unix:${socket}`, '--host', name, '--address', ip];
      for (const { vm, host } of plan.stations) {
        const control = vm === undefined ? '' : vmSocket(plan.directory, vm.name, host.name);
        if (vm !== undefined && host.name === name && existsSync(control))
          argv.push('--vm-socket', `${vm.name}=${control}`);
      }
      const service = { name: `${name}.agent`, namespace, argv, socket };
      const id = await startService(plan.directory, service, options.timeoutMs);
      return { host: name, endpoint: `unix:${socket}`, process: id };
    }),
  );
}

export interface VmOptions {
  readonly command?: readonly string[];
  /** where every VM answers probes */
  readonly udpPort?: number;
  /** how long every VM needs to start where it moved to, ms; default 0 */
  readonly resumeMs?: number;
  readonly timeoutMs?: number;
}
export interface VmPlaceInfo {
  /** `vm1@hyp-a` */
  readonly station: string;
  readonly controlPath: string;
  readonly running: boolean;
  readonly process: ProcessId;
}
export const defaultVmUdpPort = 5050;

/**
 * Starts the stand-in of every VM at each of its places, paused everywhere but where the topology says it lives.
 * To be called before `startAgents`, which hands the sockets to the agents. @throws TestbedError as `startAgents`
 */
export function startVms(directory: string, options: VmOptions = {}): Promise<VmPlaceInfo[]> {
  const { plan } = openTestbed(directory);
  const command = options.command ?? builtProgram('vm-standin');
  const places = plan.stations.filter((s) => s.vm !== undefined);
  return Promise.all(
    places.map(async ({ name, namespace, ip, vm, host }): Promise<VmPlaceInfo> => {
      const socket = vmSocket(plan.directory, vm!.name, host.name);
      const running = vm!.at === host.name;
      const argv = [...command, '--place', host.name, '--address', ip];
      argv.push('--port', String(options.udpPort ?? defaultVmUdpPort), '--control', socket);
      if (!running) argv.push('--paused');
      argv.push('--resume-ms', String(options.resumeMs ?? 0));
      const service = { name: `${name}.vm`, namespace, argv, socket };
      const id = await startService(plan.directory, service, options.timeoutMs);
      return { station: name, controlPath: socket, running, process: id };
    }),
  );
}

/** Works from the compiled tree and from the sources: the program itself always runs compiled. */
function builtProgram(name: string): string[] {
  const beside = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const built = fileURLToPath(new URL(`../../dist/src/testbed/${name}.js`, import.meta.url));
  return [process.execPath, existsSync(beside) ? beside : built];
}

interface Service {
  readonly name: string;
  readonly namespace: string;
  readonly argv: readonly string[];
  /** the unix socket at which it accepts connections when it is ready */
  readonly socket: string;
}

/** Starts a program that outlives us inside a namespace, and waits until its socket answers. */
async function startService(
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
