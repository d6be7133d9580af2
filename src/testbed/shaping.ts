import { videoQueueDscp, videoQueueId } from '../network/topology.js';
import { minimumQueueBitsPerSecond, OvsdbClient, type QosSpec, QueueRates } from '../ovsdb/index.js';
import { type CommandOptions, run, until } from './command.js';
import { databaseSocket, type ShapedPort, type TestbedPlan } from './plan.js';

/** Queues of a testbed: what its ports get, and how frames find them. */

type Options = Pick<CommandOptions, 'signal' | 'env'>;

/** Rate of a port that is no bottleneck: what one core of this kind of machine forwards at best. */
export const lineBitsPerSecond = 1_000_000_000;
/** Rate of the queues of migrations before a controller has said anything. */
export const initialMigrationBitsPerSecond = 2_000_000;

/** Queues of an uplink by the DSCP that the rules of the guard table write. Queue 0 takes all the rest. */
export const uplinkQueues = [
  { queueId: 1, dscp: 34 },
  { queueId: 2, dscp: 10 },
  { queueId: 3, dscp: 26 },
] as const;

export function qosOf(shaped: ShapedPort): QosSpec {
  if (shaped.kind === 'wan') {
    const capacity = shaped.link.capacityBitsPerSecond!;
    if (shaped.link.videoQueue === 'priority') return priorityQos(capacity);
    return {
      type: 'linux-htb',
      maxBitsPerSecond: capacity,
      queues: { 0: { maxBitsPerSecond: capacity } },
    };
  }
  const line = shaped.link.capacityBitsPerSecond ?? lineBitsPerSecond;
  const migration = { maxBitsPerSecond: Math.min(line, initialMigrationBitsPerSecond) };
  return {
    type: 'linux-htb',
    maxBitsPerSecond: line,
    queues: { 0: { maxBitsPerSecond: line }, 1: migration, 2: migration, 3: migration },
  };
}

/**
 * The video is served whenever it has something to send: nearly the whole rate is guaranteed to its class, and what is left of
 * it goes to the other one by borrowing. Guarantees that add up to more than the port would break its limit.
 */
function priorityQos(capacity: number): QosSpec {
  const rest = minimumQueueBitsPerSecond;
  return {
    type: 'linux-htb',
    maxBitsPerSecond: capacity,
    queues: {
      0: { minBitsPerSecond: rest, maxBitsPerSecond: capacity, priority: 1 },
      [videoQueueId]: {
        minBitsPerSecond: Math.max(rest, capacity - rest),
        maxBitsPerSecond: capacity,
        priority: 0,
      },
    },
  };
}

/** Queues of a port that are reached by the DSCP of a frame. */
export const classifiedQueues = (
  shaped: ShapedPort,
): readonly { readonly queueId: number; readonly dscp: number }[] => {
  if (shaped.kind === 'uplink') return uplinkQueues;
  return shaped.link.videoQueue === 'priority' ? [{ queueId: videoQueueId, dscp: videoQueueDscp }] : [];
};

/**
 * Makes the QoS rows (tagged `steady: testbed`, so a controller may set their rates), waits until the kernel has
 * the classes, and adds the filters. Open vSwitch's userspace datapath ignores `set_queue`, so it is the DSCP that
 * brings a frame into class 1:(queue + 1); on a kernel datapath the same rules work without the filters.
 */
export async function shapePorts(plan: TestbedPlan, options: Options): Promise<void> {
  const client = await OvsdbClient.connect(`unix:${databaseSocket(plan.directory)}`, { timeoutMs: 10_000 });
  try {
    const rates = await QueueRates.open(client, 'testbed');
    for (const shaped of plan.shapedPorts) await rates.ensureQos(shaped.port.portName, qosOf(shaped));
  } finally {
    client.close();
  }
  for (const shaped of plan.shapedPorts) {
    const wanted = Object.keys(qosOf(shaped).queues).map((id) => `class htb 1:${classMinor(Number(id))} `);
    await until(
      `queues of ${shaped.port.portName}`,
      async () => {
        const classes = await tc(
          plan.switchNamespace,
          ['class', 'show', 'dev', shaped.port.portName],
          options,
        );
        return wanted.every((line) => classes.includes(line));
      },
      { ...options, timeoutMs: 10_000 },
    );
    await addFilters(plan, shaped, options);
  }
}

async function addFilters(plan: TestbedPlan, shaped: ShapedPort, options: Options): Promise<void> {
  // The DSCP is the upper six bits of the second byte of the IPv4 header; the lower two are ECN's.
  for (const { queueId, dscp } of classifiedQueues(shaped))
    for (const filter of filtersOf(dscp, plan.labelled && shaped.kind === 'wan'))
      await tc(
        plan.switchNamespace,
        `filter add dev ${shaped.port.portName} parent 1: ${filter} flowid 1:${classMinor(queueId)}`.split(
          ' ',
        ),
        options,
      );
}

/**
 * What of a labelled frame (IEEE 802.1Q) a filter sees first is its IP header in younger kernels, and in older ones the four bytes of
 * its tag; the first byte tells which, since an IPv4 header begins with its version and our tags with zeros.
 */
const filtersOf = (dscp: number, labelled: boolean): string[] => [
  `protocol ip prio 1 u32 match ip tos ${dscp << 2} 0xfc`,
  ...(labelled
    ? [
        `protocol 802.1Q prio 2 u32 match u8 0x40 0xf0 at 0 match ip tos ${dscp << 2} 0xfc`,
        `protocol 802.1Q prio 2 u32 match u8 0 0xf0 at 0 match u16 0x0800 0xffff at 2 match u8 ${dscp << 2} 0xfc at 5`,
      ]
    : []),
];

/** linux-htb of Open vSwitch puts queue N into class 1:(N+1); minors are hexadecimal. */
export const classMinor = (queueId: number): string => (queueId + 1).toString(16);

export const tc = (namespace: string, args: readonly string[], options: Options = {}): Promise<string> =>
  run('tc', ['-n', namespace, ...args], options);
