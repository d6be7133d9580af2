import { existsSync } from 'node:fs';
import { TestbedError } from './errors.js';
import { agentSocket, vmSocket } from './plan.js';
import type { ProcessId } from './processes.js';
import { builtProgram, startService } from './services.js';
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
      if (options.resumeMs !== undefined) argv.push('--resume-ms', String(options.resumeMs));
      const service = { name: `${name}.vm`, namespace, argv, socket };
      const id = await startService(plan.directory, service, options.timeoutMs);
      return { station: name, controlPath: socket, running, process: id };
    }),
  );
}
