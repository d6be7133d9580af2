import { type PortSpec, portsOf } from '../network/topology.js';
import { TestbedError } from './errors.js';
import { ofctl } from './ovs.js';
import { classMinor, tc } from './shaping.js';
import { openTestbed } from './state.js';

/** What a testbed really does, read past the controller: the truth that tests hold its words against. */

/** State of one kernel queue class. */
export interface QueueTruth {
  readonly queueId: number;
  readonly maxBitsPerSecond: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly droppedPackets: number;
  readonly backlogBytes: number;
  readonly backlogPackets: number;
}

/** Rules of one switch as `ovs-ofctl dump-flows` prints them, one a line, counters and ages left out. */
export async function dumpFlows(directory: string, switchName: string): Promise<string[]> {
  const { plan, state } = openTestbed(directory);
  if (!state.topology.switches.some((s) => s.name === switchName))
    throw new TestbedError('unknown-switch', `this testbed has no switch ${switchName}`);
  const text = await ofctl(plan.directory, ['--no-stats', 'dump-flows', switchName]);
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Queues of one port as the kernel counts them, in the order of their ids. @throws TestbedError unknown-switch */
export async function readQueues(directory: string, portName: string): Promise<QueueTruth[]> {
  const { plan } = openTestbed(directory);
  portNamed(directory, portName);
  return parseClasses(await tc(plan.switchNamespace, ['-s', 'class', 'show', 'dev', portName]));
}

export async function readQueue(directory: string, portName: string, queueId: number): Promise<QueueTruth> {
  const queue = (await readQueues(directory, portName)).find((q) => q.queueId === queueId);
  if (queue === undefined)
    throw new TestbedError('unknown-switch', `${portName} has no class 1:${classMinor(queueId)}`);
  return queue;
}

export function portNamed(directory: string, portName: string): PortSpec {
  const { topology } = openTestbed(directory).state;
  const port = topology.switches
    .flatMap((s) => portsOf(topology, s.name))
    .find((p) => p.portName === portName);
  if (port === undefined) throw new TestbedError('unknown-switch', `this testbed has no port ${portName}`);
  return port;
}

const units: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9 };
const binaryUnits: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** Reads `tc -s class show` of linux-htb; its JSON form lacks the ceiling in iproute2 6.1. */
export function parseClasses(text: string): QueueTruth[] {
  const queues: QueueTruth[] = [];
  for (const block of text.split(/^(?=class htb )/m)) {
    const head = /^class htb 1:([0-9a-f]+) .*\bceil (\d+(?:\.\d+)?)([KMG]?)bit/.exec(block);
    const sent = /Sent (\d+) bytes (\d+) pkt \(dropped (\d+)/.exec(block);
    const backlog = /backlog (\d+(?:\.\d+)?)([KMG]?)b (\d+)p/.exec(block);
    // 1:fffe is the root that Open vSwitch puts above the queues.
    if (head === null || head[1] === 'fffe' || sent === null || backlog === null) continue;
    queues.push({
      queueId: Number.parseInt(head[1]!, 16) - 1,
      maxBitsPerSecond: Number(head[2]) * units[head[3]!]!,
      sentBytes: Number(sent[1]),
      sentPackets: Number(sent[2]),
      droppedPackets: Number(sent[3]),
      backlogBytes: Number(backlog[1]) * binaryUnits[backlog[2]!]!,
      backlogPackets: Number(backlog[3]),
    });
  }
  return queues.sort((a, b) => a.queueId - b.queueId);
}
