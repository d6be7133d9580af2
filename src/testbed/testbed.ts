import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { portsOf, type Topology } from '../network/topology.js';
import { run, toolPath } from './command.js';
import { writeConfig } from './config-writer.js';
import { applyController, type ControllerOptions } from './controller-target.js';
import { TestbedError } from './errors.js';
import { compileHelper, startRelay } from './helpers-in-c.js';
import { waitForLock } from './lock.js';
import { makeDevices, makeNamespaces, namespacesWith, removeNamespaces } from './network.js';
import { makeBridges, ovsEnvironment, startDatabase, startSwitchDaemon } from './ovs.js';
import {
  agentSocket,
  databaseSocket,
  defaultDirectory,
  type MachineKind,
  machineEvents,
  planTestbed,
  prefixOf,
  qmpSocket,
  type Station,
  stateFile,
  type TestbedPlan,
} from './plan.js';
import { endProcessesOf, ownerVariable, processesOf } from './processes.js';
import { shapePorts } from './shaping.js';
import { restoreSocketBuffers, withLargeSocketBuffers } from './socket-buffers.js';
import { checkPaths } from './startup-check.js';
import { openTestbed, readState, type TestbedState, writeState } from './state.js';
import { makeTunnelEnds } from './tunnels.js';

export interface UpOptions {
  /** private directory of the testbed; default: /tmp/steady-testbed-NAME */
  readonly directory?: string;
  /** told what is being done, one short line a step */
  readonly onProgress?: (step: string) => void;
  /** `tcp:IPV4:PORT`; default tcp:127.0.0.1:6653, null: no controller for now */
  readonly controller?: string | null;
  /** default: stand-ins. `qemu`: the VMs' ports are TAP devices, for `startMachines` */
  readonly machines?: MachineKind;
  readonly controllerDelayMs?: ControllerOptions['delayMs'];
  /** OVSDB on 127.0.0.1 too; default: on its unix socket only */
  readonly ovsdbPort?: number;
  /** ends the work and removes what was made (Ctrl-C) */
  readonly signal?: AbortSignal;
}

export interface TestbedInfo {
  readonly directory: string;
  readonly topologyPath: string;
  /** a configuration with which the controller can be started as it is */
  readonly configPath: string;
  /** OVSDB of all switches, `unix:PATH` */
  readonly ovsdb: string;
  /** where the switches look for their controller; null: nowhere */
  readonly controller: string | null;
  readonly switchNamespace: string;
  readonly switches: readonly {
    readonly name: string;
    readonly dpid: string;
    readonly ports: readonly { readonly portNumber: number; readonly portName: string }[];
  }[];
  /** hosts, and VMs as `vm@host` */
  readonly stations: readonly {
    readonly name: string;
    readonly namespace: string;
    readonly mac: string;
    readonly ip: string;
    /** where the agent of a hypervisor will listen */
    readonly agent: string | undefined;
  }[];
  /** places of real machines; none: stand-ins */
  readonly machines: readonly MachineInfo[];
}

export interface MachineInfo {
  /** `vm1@hyp-a` */
  readonly name: string;
  readonly vm: string;
  readonly host: string;
  readonly mac: string;
  readonly ip: string;
  /** QMP, `unix:PATH` */
  readonly qmp: string;
  /** a second QMP socket, for those who only look */
  readonly watch: string;
  /** what QEMU and its keeper said, a JSON object a line */
  readonly eventsPath: string;
}

/**
 * Builds a testbed. What an earlier one left in the same directory is removed first; when something fails, or on
 * `signal`, what was made is removed again. @throws TestbedError
 */
export async function up(topology: Topology, options: UpOptions = {}): Promise<TestbedInfo> {
  const { machines = 'standin' } = options;
  const plan = planTestbed(topology, options.directory ?? defaultDirectory(topology.name), machines);
  requireRoot();
  return locked(plan.directory, async () => {
    await remove(plan.directory);
    mkdirSync(plan.directory, { recursive: true, mode: 0o755 });
    const controller = options.controller === undefined ? 'tcp:127.0.0.1:6653' : options.controller;
    const state: TestbedState = { version: 1, phase: 'building', topology, machines, controller };
    writeState(plan.directory, state);
    try {
      await build(topology, plan, controller, options);
      writeState(plan.directory, { ...state, phase: 'up' });
    } catch (e) {
      await remove(plan.directory);
      throw e;
    }
    return infoOf(plan, { ...state, phase: 'up' });
  });
}

async function build(
  topology: Topology,
  plan: TestbedPlan,
  controller: string | null,
  { onProgress = () => undefined, signal, ovsdbPort, controllerDelayMs }: UpOptions,
): Promise<void> {
  const step = (text: string) => {
    if (signal?.aborted) throw new TestbedError('aborted', `stopped before: ${text}`);
    onProgress(text);
  };
  const { directory } = plan;
  // Every command carries the mark of the testbed: should we be killed, those still running are found by it.
  const context = { signal, env: ovsEnvironment(directory) };
  writeConfig(topology, plan, controller);
  step(`${plan.stations.length + 1} namespaces`);
  await makeNamespaces(plan, context);
  step('links');
  await makeDevices(plan, context);
  await withLargeSocketBuffers(async () => {
    step('Open vSwitch');
    await startDatabase(directory, ovsdbPort, context);
    await startSwitchDaemon(plan, context);
    step(`${topology.switches.length} switches`);
    await makeBridges(topology, directory, context);
    await makeTunnelEnds(plan, context);
    step(`queues of ${plan.shapedPorts.length} ports`);
    await shapePorts(plan, context);
    const relayed = plan.wires.filter((w) => w.relayEnds !== undefined);
    if (relayed.length > 0) {
      step(`delay of ${relayed.length} links`);
      await compileHelper(directory, 'relay', context);
      for (const wire of relayed) await startRelay(plan, wire, context);
    }
    // Inside, because Open vSwitch makes its sending socket when it first sends.
    step('check of links and queues');
    await checkPaths(plan, context);
  });
  if (controller === null) return;
  step(`controller ${controller}`);
  await applyController(plan, topology, controller, { delayMs: controllerDelayMs, signal });
}

/** Removes a testbed, whatever state it is in; nothing to do if there is none. @throws TestbedError locked, not-removed */
export async function down(directory: string): Promise<void> {
  requireRoot();
  const path = resolve(directory);
  await locked(path, () => remove(path));
}

const removalRounds = 10;

async function remove(directory: string): Promise<void> {
  if (existsSync(directory) && readdirSync(directory).length > 0 && !isTestbedDirectory(directory))
    throw new TestbedError('bad-directory', `${directory} holds other files; name a directory of its own`);
  // Again while there is something: the command that a killed `up` had just started may go on making namespaces.
  for (let round = 0; round < removalRounds; round++) {
    await endProcessesOf(directory);
    if ((await removeNamespaces(prefixOf(directory))) === 0) break;
  }
  restoreSocketBuffers();
  if (existsSync(directory)) {
    // The state file last: killed half-way, the directory is still known as ours.
    for (const name of readdirSync(directory))
      if (join(directory, name) !== stateFile(directory)) rmSync(join(directory, name), { recursive: true });
    rmSync(directory, { recursive: true });
  }
  const left = [
    ...processesOf(directory).map((p) => `process ${p.pid}`),
    ...(await namespacesWith(prefixOf(directory))),
  ];
  if (left.length > 0) throw new TestbedError('not-removed', `still there: ${left.join(', ')}`);
}

/** Only what `up` made is ever deleted: its state file is written before anything else. */
const isTestbedDirectory = (directory: string): boolean =>
  existsSync(stateFile(directory)) || existsSync(`${stateFile(directory)}.new`);

/** What is up in a directory. @throws TestbedError not-up */
export function info(directory: string): TestbedInfo {
  const { plan, state } = openTestbed(directory);
  return infoOf(plan, state);
}

/** Is there anything of a testbed, in whatever state? */
export async function exists(directory: string): Promise<boolean> {
  const path = resolve(directory);
  if (readState(path) !== undefined || processesOf(path).length > 0) return true;
  return (await namespacesWith(prefixOf(path))).length > 0;
}

/**
 * Starts a program in a host (`hyp-a`) or in a VM at one of its places (`vm1@hyp-a`). It ends with the testbed.
 * @throws TestbedError not-up, unknown-host
 */
export function spawnIn(
  directory: string,
  station: string,
  argv: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  const { plan } = openTestbed(directory);
  const { namespace } = stationNamed(plan, station);
  return spawn('ip', ['netns', 'exec', namespace, ...argv], {
    ...options,
    env: { ...process.env, ...options.env, PATH: toolPath, [ownerVariable]: plan.directory },
  });
}

/** Runs a program in a host to its end; returns its exit status, 128 + number of the signal that ended it. */
export async function exec(
  directory: string,
  station: string,
  argv: readonly string[],
  { stdio = 'inherit' }: Pick<SpawnOptions, 'stdio'> = {},
): Promise<number> {
  const child = spawnIn(directory, station, argv, { stdio });
  return new Promise((resolve, reject) => {
    child.on('error', (e) => reject(new TestbedError('command-failed', `${argv[0]}: ${e.message}`)));
    child.on('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : signalNumber(signal))));
  });
}

/** Runs a program in a host and returns its standard output. @throws TestbedError command-failed, timeout */
export async function runIn(
  directory: string,
  station: string,
  argv: readonly string[],
  options: { readonly timeoutMs?: number; readonly input?: string } = {},
): Promise<string> {
  const { plan } = openTestbed(directory);
  const { namespace } = stationNamed(plan, station);
  const env = { [ownerVariable]: plan.directory };
  return run('ip', ['netns', 'exec', namespace, ...argv], { ...options, env });
}

function stationNamed(plan: TestbedPlan, name: string): Station {
  const station = plan.stations.find((s) => s.name === name);
  if (station !== undefined) return station;
  if (plan.machines.some((m) => m.name === name))
    throw new TestbedError('unknown-host', `${name} is a real machine: no program can be started in it`);
  const places = plan.stations.filter((s) => s.vm?.name === name).map((s) => s.name);
  const hint =
    places.length > 0
      ? `say at which place: ${places.join(' or ')}`
      : `there are ${plan.stations.map((s) => s.name).join(', ')}`;
  throw new TestbedError('unknown-host', `no host ${name}; ${hint}`);
}

function infoOf(plan: TestbedPlan, state: TestbedState): TestbedInfo {
  const { directory } = plan;
  return {
    directory,
    topologyPath: join(directory, 'topology.yaml'),
    configPath: join(directory, 'steady.yaml'),
    ovsdb: `unix:${databaseSocket(directory)}`,
    controller: state.controller,
    switchNamespace: plan.switchNamespace,
    switches: state.topology.switches.map(({ name, dpid }) => ({
      name,
      dpid,
      ports: portsOf(state.topology, name).map(({ portNumber, portName }) => ({ portNumber, portName })),
    })),
    stations: plan.stations.map(({ name, namespace, mac, ip, vm, host }) => ({
      name,
      namespace,
      mac,
      ip,
      agent:
        vm === undefined && host.role === 'hypervisor' ? `unix:${agentSocket(directory, name)}` : undefined,
    })),
    machines: plan.machines.map(({ name, vm, host }) => ({
      name,
      vm: vm.name,
      host: host.name,
      mac: vm.mac,
      ip: vm.ip,
      qmp: `unix:${qmpSocket(directory, name)}`,
      watch: `unix:${qmpSocket(directory, name, 'watch')}`,
      eventsPath: machineEvents(directory, name),
    })),
  };
}

/** A holder that was just killed needs a moment to be gone. */
const lockGraceMs = 2000;

/** The lock stands beside the directory, which itself comes and goes. @throws TestbedError locked */
async function locked<T>(directory: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(directory), { recursive: true });
  const lock = await waitForLock(`${directory}.lock`, null, lockGraceMs);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

function requireRoot(): void {
  if (process.getuid?.() !== 0)
    throw new TestbedError('not-root', 'a testbed of namespaces and Open vSwitch needs root: use sudo');
}

const signalNumber = (name: NodeJS.Signals): number =>
  (({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }) as Partial<Record<NodeJS.Signals, number>>)[name] ?? 0;
