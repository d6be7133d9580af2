import { availableParallelism } from 'node:os';
import { linkMtuBytes, stationMtuBytes } from '../network/topology.js';
import { type CommandOptions, run } from './command.js';
import type { Station, TestbedPlan } from './plan.js';

/** Namespaces, pairs of devices and addresses of a testbed. Neighbours are asked for: the controller's rules answer. */

type Options = Pick<CommandOptions, 'signal' | 'env'>;

export async function makeNamespaces(plan: TestbedPlan, options: Options): Promise<void> {
  const names = [plan.switchNamespace, ...plan.stations.map((s) => s.namespace)];
  await run('ip', ['-batch', '-'], { ...options, input: names.map((n) => `netns add ${n}\n`).join('') });
  // Before any device: no router solicitations or multicast reports into links whose packets are counted.
  for (const name of names)
    await run(
      'ip',
      [
        'netns',
        'exec',
        name,
        'sh',
        '-c',
        'cd /proc/sys/net/ipv6/conf 2>/dev/null || exit 0; echo 1 >all/disable_ipv6; echo 1 >default/disable_ipv6',
      ],
      options,
    );
}

export async function makeDevices(plan: TestbedPlan, options: Options): Promise<void> {
  const { switchNamespace } = plan;
  const here = `netns ${switchNamespace}`;
  const lines: string[] = [];
  const switchDevices: string[] = [];
  const pair = (name: string, queueLength: number, mtuBytes: number, peer: string) => {
    const mtu = `mtu ${mtuBytes}`;
    lines.push(
      `link add ${name} ${mtu} txqueuelen ${queueLength} ${here} type veth peer name ${peer} ${mtu}`,
    );
    switchDevices.push(name);
  };
  for (const s of plan.stations)
    pair(
      s.port.portName,
      1000,
      stationMtuBytes(s.vm ?? s.host),
      `eth0 address ${s.mac} netns ${s.namespace}`,
    );
  for (const { link, ports, relayEnds } of plan.wires) {
    const [a, b] = ports.map((p) => p.portName) as [string, string];
    const mtu = linkMtuBytes(link);
    // The FIFO of an HTB class is as long as the device's queue was when the class was made.
    if (relayEnds === undefined) {
      pair(a, link.bufferPackets, mtu, `${b} txqueuelen ${link.bufferPackets} ${here}`);
      switchDevices.push(b);
    } else
      for (const [i, port] of [a, b].entries()) {
        pair(port, link.bufferPackets, mtu, `${relayEnds[i]} ${here}`);
        switchDevices.push(relayEnds[i]!);
      }
  }
  await run('ip', ['-batch', '-'], { ...options, input: `${lines.join('\n')}\n` });
  // A device of its own: what a stopped machine has not read waits in its queue, as long as any port's.
  const taps = plan.machines.map((m) => m.port.portName);
  const made = taps.map((name) => `tuntap add dev ${name} mode tap\nlink set ${name} txqueuelen 1000\n`);
  const up = ['lo', ...switchDevices, ...taps].map((name) => `link set ${name} up\n`);
  const input = [...made, ...up].join('');
  await run('ip', ['-n', switchNamespace, '-batch', '-'], { ...options, input });
  await prepareDevices(switchNamespace, switchDevices, options);
  for (const station of plan.stations) await configureStation(station, options);
}

async function configureStation(station: Station, options: Options): Promise<void> {
  if (station.ipv6 !== undefined) await switchOnIpv6(station, options);
  const lines = [
    'link set lo up',
    'link set eth0 up',
    `addr add ${station.ip}/32 dev eth0`,
    // The machine's default may be another: BBR follows a rising grant a quarter at a time, and what is
    // uncontrolled must be the TCP that the reports name. A new namespace has no other way to CUBIC.
    'route add default dev eth0 congctl cubic',
  ];
  // Nobody answers the question whether an address is taken already: `nodad`.
  if (station.ipv6 !== undefined)
    lines.push(`addr add ${station.ipv6}/128 dev eth0 nodad`, 'route add ::/0 dev eth0 congctl cubic');
  const input = `${lines.join('\n')}\n`;
  await run('ip', ['-n', station.namespace, '-batch', '-'], { ...options, input });
  await prepareDevices(station.namespace, ['eth0'], options);
}

/** On this device alone, and it listens to no router: there is none. */
async function switchOnIpv6({ namespace }: Station, options: Options): Promise<void> {
  const script =
    'cd /proc/sys/net/ipv6/conf; echo 0 >eth0/accept_ra; echo 0 >eth0/router_solicitations; echo 0 >eth0/disable_ipv6';
  await run('ip', ['netns', 'exec', namespace, 'sh', '-ec', script], options);
}

/** bits of one word of the mask of cores */
const mostCores = 32;
const offloads = ['tx', 'rx', 'tso', 'gso', 'gro'];

/**
 * With checksum or segmentation offload a sender hands over frames without checksum or larger than the MTU, which
 * packet sockets pass on as they are: TCP then gets nothing through at all.
 *
 * A virtual device receives in the queue of the core that its sender runs on. A sender that changes its core leaves packets
 * behind in one queue and goes on in another: later ones overtake, as on no cable. So each device has one core of its own (Receive
 * Packet Steering), where the kernel can do that.
 */
async function prepareDevices(
  namespace: string,
  devices: readonly string[],
  options: Options,
): Promise<void> {
  const settings = offloads.map((name) => `${name} off`).join(' ');
  // One process for all devices; their names are arguments of the script, never part of it.
  const script =
    `core=0; cores=$1; shift; for device in "$@"; do ethtool -K "$device" ${settings} || exit 1; ` +
    'steering=/sys/class/net/$device/queues/rx-0/rps_cpus; ' +
    '[ ! -e $steering ] || printf %x $((1 << core)) >$steering || exit 1; core=$(((core + 1) % cores)); done';
  const cores = Math.min(availableParallelism(), mostCores);
  const args = [String(cores), ...devices];
  await run('ip', ['netns', 'exec', namespace, 'sh', '-c', script, 'sh', ...args], options);
}

/** Deletes every namespace with the prefix, and says how many: its devices go with it once its last process has gone. */
export async function removeNamespaces(prefix: string): Promise<number> {
  const names = await namespacesWith(prefix);
  for (const name of names) await run('ip', ['netns', 'del', name]);
  return names.length;
}

export async function namespacesWith(prefix: string): Promise<string[]> {
  const names = (await run('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ')[0] ?? '');
  return names.filter((name) => name.startsWith(prefix));
}
