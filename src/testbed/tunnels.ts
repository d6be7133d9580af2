import { type CommandOptions, run } from './command.js';
import { ovsEnvironment } from './ovs.js';
import type { TestbedPlan } from './plan.js';

/**
 * The IP network below tunnels. Open vSwitch's userspace finds the other end of a tunnel by its own routes and asks for its hardware
 * address out of the switch's port LOCAL. All switches are in one namespace here, whose kernel would take every far end for
 * itself: so Open vSwitch has the routes that it is given and no others, and LOCAL answers for its own address only, also when an
 * address of the same namespace asks.
 */
export async function makeTunnelEnds(
  { directory, switchNamespace, tunnelEnds }: TestbedPlan,
  options: Pick<CommandOptions, 'signal' | 'env'>,
): Promise<void> {
  if (tunnelEnds.length === 0) return;
  const inside = (argv: readonly string[], input?: string) =>
    run('ip', ['netns', 'exec', switchNamespace, ...argv], { ...options, input });
  const bridges = [...new Set(tunnelEnds.map((end) => end.switch))];
  const script =
    'for dev in "$@"; do cd "/proc/sys/net/ipv4/conf/$dev"; echo 1 >accept_local; echo 0 >rp_filter; echo 1 >arp_ignore; done';
  await inside(['sh', '-ec', script, 'sh', ...bridges]);
  const lines = tunnelEnds.flatMap((end) => [
    `addr add ${end.address}/${commonBits(end.address, end.remoteAddress)} dev ${end.switch}`,
    `link set ${end.switch} up`,
  ]);
  await inside(['ip', '-batch', '-'], `${lines.join('\n')}\n`);
  const env = ovsEnvironment(directory);
  for (const { switch: bridge, remoteAddress } of tunnelEnds)
    await run(
      'ovs-appctl',
      ['-t', `${directory}/ovs-vswitchd.ctl`, 'ovs/route/add', `${remoteAddress}/32`, bridge],
      { ...options, env },
    );
}

/** Open vSwitch takes that address of a port as its own whose subnet holds the other end: the smallest that holds both. */
function commonBits(a: string, b: string): number {
  const [x, y] = [a, b].map((ip) => ip.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0));
  return Math.clz32(x! ^ y!);
}
