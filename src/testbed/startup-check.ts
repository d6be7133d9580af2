import type { PortSpec } from '../network/topology.js';
import { type CommandOptions, until } from './command.js';
import { TestbedError } from './errors.js';
import { ofctl } from './ovs.js';
import type { ShapedPort, TestbedPlan } from './plan.js';
import { probeFrame } from './probe-frame.js';
import { classifiedQueues } from './shaping.js';

/**
 * Before anybody measures: frames of each class move the counter of their own queue, and what enters a link at one
 * end comes out at the other. Without this a queue that classifies nothing looks just like one that is not used.
 *
 * Frames are sent by the switch itself (packet-out), so no rule is needed and none is left. The receiving switch
 * has no rules either and drops them.
 */
export async function checkPaths(plan: TestbedPlan, options: CheckOptions = {}): Promise<void> {
  for (const { link, ports } of plan.wires)
    for (const [i, port] of ports.entries()) await checkWire(plan, link.name, port, ports[1 - i]!, options);
  for (const shaped of plan.shapedPorts)
    for (const each of framesFor(plan, shaped)) await checkQueue(plan, shaped.port, each, options);
}

interface FramesFor {
  readonly queueId: number;
  readonly dscp: number;
  readonly labelled: boolean;
}
/** Where there may be labels, a class must be found behind them, too; everything else comes to queue 0 in any case. */
function framesFor(plan: TestbedPlan, shaped: ShapedPort): FramesFor[] {
  const plain = [{ queueId: 0, dscp: 0 }, ...classifiedQueues(shaped)].map((q) => ({
    ...q,
    labelled: false,
  }));
  const labels = plan.labelled && shaped.kind === 'wan';
  return labels ? [...plain, ...classifiedQueues(shaped).map((q) => ({ ...q, labelled: true }))] : plain;
}

/** `timeoutMs`: how long each burst may take to be counted */
type CheckOptions = Pick<CommandOptions, 'signal' | 'timeoutMs'>;

const burst = 8;

async function send(directory: string, port: PortSpec, dscp: number, labelled: boolean): Promise<void> {
  const packetOut = `in_port=CONTROLLER packet=${probeFrame(dscp, labelled)} actions=${`output:${port.portNumber},`.repeat(burst).slice(0, -1)}`;
  await ofctl(directory, ['packet-out', port.switch, packetOut]);
}

async function checkQueue(
  plan: TestbedPlan,
  port: PortSpec,
  {
    queueId,
    dscp,
    labelled,
  }: { readonly queueId: number; readonly dscp: number; readonly labelled: boolean },
  options: CheckOptions,
): Promise<void> {
  const { directory } = plan;
  const before = await queuePackets(directory, port, queueId);
  await send(directory, port, dscp, labelled);
  await until(
    `queue counters of ${port.portName}`,
    async () => (await queuePackets(directory, port, queueId)) >= before + burst,
    { timeoutMs: 10_000, ...options },
  ).catch((e: unknown) => {
    if (e instanceof TestbedError && e.code !== 'timeout') throw e;
    throw new TestbedError(
      'queue-not-classified',
      `${labelled ? 'labelled ' : ''}frames with DSCP ${dscp} do not reach queue ${queueId} of ${port.portName}; see \`tc -s class\` and \`tc filter\` there`,
    );
  });
}

async function checkWire(
  plan: TestbedPlan,
  link: string,
  from: PortSpec,
  to: PortSpec,
  options: CheckOptions,
): Promise<void> {
  const { directory } = plan;
  const before = await receivedPackets(directory, to);
  await send(directory, from, 0, false);
  await until(
    `frames on link ${link}`,
    async () => (await receivedPackets(directory, to)) >= before + burst,
    { timeoutMs: 10_000, ...options },
  ).catch((e: unknown) => {
    if (e instanceof TestbedError && e.code !== 'timeout') throw e;
    throw new TestbedError('dead-link', `link ${link} carries nothing from ${from.switch} to ${to.switch}`);
  });
}

async function queuePackets(directory: string, port: PortSpec, queueId: number): Promise<number> {
  const text = await ofctl(directory, ['queue-stats', port.switch, String(port.portNumber), String(queueId)]);
  return Number(/pkts=(\d+)/.exec(text)?.[1] ?? 0);
}

async function receivedPackets(directory: string, port: PortSpec): Promise<number> {
  const text = await ofctl(directory, ['dump-ports', port.switch, String(port.portNumber)]);
  return Number(/rx pkts=(\d+)/.exec(text)?.[1] ?? 0);
}
