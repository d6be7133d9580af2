import type { Topology } from '../network/topology.js';
import { until } from './command.js';
import { TestbedError } from './errors.js';
import { compileHelper, startDoor } from './helpers-in-c.js';
import { vsctl } from './ovs.js';
import type { TestbedPlan } from './plan.js';
import { endProcesses, processesOf } from './processes.js';
import { openTestbed, writeState } from './state.js';

export interface ControllerOptions {
  /**
   * one-way delay of the control channel, ms: by switch, or of every switch that is not at the first site, where the
   * controller stands then; a far gateway is as far away for its controller
   */
  readonly delayMs?: Readonly<Record<string, number>> | number;
  readonly signal?: AbortSignal;
}

/**
 * Tells every switch of a testbed where its controller is; null: none. May be called again at any time.
 * @param target `tcp:IPV4:PORT` as the caller would connect to it
 * @throws TestbedError not-up, bad-target
 */
export async function setController(
  directory: string,
  target: string | null,
  options: ControllerOptions = {},
): Promise<void> {
  const { plan, state } = openTestbed(directory);
  await applyController(plan, state.topology, target, options);
  writeState(plan.directory, { ...state, controller: target });
}

/**
 * The switches cannot reach the caller's loopback from their namespace: a door listens there at the same port and
 * connects outside. Switches with a delay get a door of their own, at another address of the loopback network.
 */
export async function applyController(
  plan: TestbedPlan,
  topology: Topology,
  target: string | null,
  options: ControllerOptions = {},
): Promise<void> {
  const { signal } = options;
  const delayMs = channelDelays(topology, options.delayMs);
  const switches = topology.switches.map((s) => s.name);
  for (const name of Object.keys(delayMs))
    if (!switches.includes(name)) throw new TestbedError('unknown-switch', `no switch ${name}`);
  const parsed = target === null ? undefined : parseTarget(target);
  const remove = switches.flatMap((name) => ['--', 'del-controller', name]).slice(1);
  await vsctl(plan.directory, remove, { signal });
  await endDoors(plan.directory);
  if (parsed === undefined) return;
  await compileHelper(plan.directory, 'control-door', { signal });
  const connect = `${parsed.host}:${parsed.port}`;
  const args: string[] = [];
  const doors = new Map<string, number>();
  for (const [i, name] of switches.entries()) {
    const delay = delayMs[name] ?? 0;
    const address = delay === 0 ? '127.0.0.1' : `127.1.${i >> 8}.${i & 255}`;
    doors.set(address, delay);
    args.push('--', '--id=@c'.concat(String(i)), 'create', 'controller');
    args.push(`target="tcp:${address}:${parsed.port}"`, 'connection_mode=out-of-band');
    args.push('inactivity_probe=5000', 'max_backoff=1000');
    args.push('--', 'set', 'bridge', name, `controller=@c${i}`);
  }
  for (const [address, delay] of doors) {
    const door = { name: address, listen: `${address}:${parsed.port}`, connect, delayMs: delay };
    await startDoor(plan, door, { signal });
  }
  await vsctl(plan.directory, args.slice(1), { signal });
}

export function channelDelays(
  topology: Topology,
  delayMs: ControllerOptions['delayMs'] = {},
): Readonly<Record<string, number>> {
  if (typeof delayMs !== 'number') return delayMs;
  const far = topology.switches.filter((s) => s.site !== topology.sites[0]?.name);
  return Object.fromEntries(far.map((s) => [s.name, delayMs]));
}

async function endDoors(directory: string): Promise<void> {
  await endProcesses(processesOf(directory, 'control-door'));
}

function parseTarget(target: string): { host: string; port: number } {
  const match = /^tcp:(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(target);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65535)
    throw new TestbedError('bad-target', `${target}: write tcp:IPV4:PORT, such as tcp:127.0.0.1:6653`);
  return { host: match[1]!, port };
}

/** Switches (by name) that say they are connected; Open vSwitch updates what it says every 5 s. */
export async function connectedSwitches(directory: string): Promise<string[]> {
  const { plan } = openTestbed(directory);
  const read = async (args: string[]) =>
    (
      JSON.parse(await vsctl(plan.directory, ['--format=json', ...args])) as {
        data: unknown[][];
      }
    ).data;
  const connected = new Set(
    (await read(['--columns=_uuid,is_connected', 'list', 'controller']))
      .filter(([, is]) => is === true)
      .map(([uuid]) => JSON.stringify(uuid)),
  );
  return (await read(['--columns=name,controller', 'list', 'bridge']))
    .filter(([, controller]) => connected.has(JSON.stringify(controller)))
    .map(([name]) => String(name));
}

/** Waits until every switch is connected. @throws TestbedError timeout, with the names of those that are not */
export async function waitForController(directory: string, timeoutMs = 15_000): Promise<void> {
  const { state } = openTestbed(directory);
  let missing: string[] = [];
  await until(
    'switches connect',
    async () => {
      const connected = await connectedSwitches(directory);
      missing = state.topology.switches.map((s) => s.name).filter((name) => !connected.includes(name));
      return missing.length === 0;
    },
    { timeoutMs, everyMs: 100 },
  ).catch((e: unknown) => {
    if (!(e instanceof TestbedError && e.code === 'timeout')) throw e;
    throw new TestbedError('timeout', `not connected after ${timeoutMs} ms: ${missing.join(', ')}`);
  });
}
