import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtLink } from '../network/topology.js';
import { type CommandOptions, run, toolPath } from './command.js';
import { TestbedError } from './errors.js';
import { relaySocket, stateFile, type TestbedPlan, type Wire } from './plan.js';
import { ownerVariable } from './processes.js';

/**
 * The two small programs that a testbed needs and Node cannot be (it has no packet sockets and no setns): the relay
 * that delays frames, or is a carrier's path, and the door that lets the control channel into the switch namespace. They are compiled into
 * the testbed's own directory, and end by themselves when its state file is gone.
 */
export type Helper = 'relay' | 'control-door' | 'tap-exec';

/** The compiler copies no .c files: compiled code finds them in the source tree unless the build put them beside. */
export function sourceOf(helper: string): string {
  const beside = fileURLToPath(new URL(`${helper}.c`, import.meta.url));
  return existsSync(beside)
    ? beside
    : fileURLToPath(new URL(`../../../src/testbed/${helper}.c`, import.meta.url));
}

export async function compileHelper(
  directory: string,
  helper: Helper,
  options: Pick<CommandOptions, 'signal' | 'env'>,
): Promise<void> {
  const args = ['-O2', '-Wall', '-o', join(directory, helper), sourceOf(helper), '-lm'];
  await run('gcc', args, { ...options, timeoutMs: 60_000 });
}

/** Joins the two devices of a wire with its delay, and with the queue of its carrier if it is opaque. */
export async function startRelay(plan: TestbedPlan, wire: Wire, options: HelperOptions): Promise<void> {
  const { link } = wire;
  const [a, b] = wire.relayEnds!;
  const { oneWayDelayMs, capacityBitsPerSecond, bufferPackets } = builtLink(link);
  const queue = link.opaque === true ? [String(capacityBitsPerSecond), String(bufferPackets)] : [];
  const socket = relaySocket(plan.directory, link.name);
  await startHelper(
    plan,
    `relay-${link.name}`,
    ['relay', a, b, String(Math.round(oneWayDelayMs * 1000)), stateFile(plan.directory), socket, ...queue],
    options,
  );
}

/** Lets what connects to `listen` in the switch namespace through to `connect` in the caller's. */
export async function startDoor(
  plan: TestbedPlan,
  door: {
    readonly name: string;
    readonly listen: string;
    readonly connect: string;
    readonly delayMs: number;
  },
  options: HelperOptions,
): Promise<void> {
  const delayMicroseconds = Math.round(door.delayMs * 1000);
  await startHelper(
    plan,
    `door-${door.name}`,
    ['control-door', door.listen, door.connect, String(delayMicroseconds), stateFile(plan.directory)],
    options,
  );
}

type HelperOptions = Pick<CommandOptions, 'signal' | 'env'>;

/** Starts a helper inside the switch namespace, detached, and waits for its "ready". */
function startHelper(
  plan: TestbedPlan,
  name: string,
  [helper, ...args]: readonly [Helper, ...string[]],
  { signal }: HelperOptions,
): Promise<void> {
  const log = openSync(join(plan.directory, `${name}.log`), 'a');
  const outside = openSync('/proc/self/ns/net', 'r');
  const argv = ['netns', 'exec', plan.switchNamespace, join(plan.directory, helper), ...args];
  const child = spawn('ip', argv, {
    detached: true,
    stdio: ['ignore', 'pipe', log, outside],
    env: { ...process.env, PATH: toolPath, [ownerVariable]: plan.directory },
  });
  closeSync(log);
  closeSync(outside);
  return new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => settle(new TestbedError('timeout', `${name} is not ready`)), 10_000);
    const onAbort = () => settle(new TestbedError('aborted', `stopped while starting ${name}`));
    const settle = (error?: TestbedError) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      child.removeAllListeners();
      child.on('error', () => undefined);
      child.stdout?.destroy();
      child.unref();
      if (error === undefined) resolve();
      else reject(error);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    child.on('error', (e) => settle(new TestbedError('command-failed', `${name}: ${e.message}`)));
    child.on('exit', (code) =>
      settle(new TestbedError('command-failed', `${name} ended with status ${code}; see ${name}.log`)),
    );
    child.stdout?.on('data', (text: Buffer) => {
      if (text.includes('ready')) settle();
    });
  });
}
