import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandOptions, run } from './command.js';
import { TestbedError } from './errors.js';
import { type ArchiveEntry, cpioArchive } from './guest-archive.js';
import { guestKernel } from './guest-kernel.js';
import { sourceOf } from './helpers-in-c.js';

/** What one machine is told; the same at every place where it may live. */
export interface GuestSettings {
  readonly ip: string;
  /** hosts and machines that it may talk to; it never asks (ARP is not forwarded) */
  readonly neighbours: ReadonlyMap<string, string>;
  /** memory that is full of data, MiB */
  readonly dataMebibytes: number;
  readonly dirtyPagesPerSecond: number;
  readonly workingSetMebibytes: number;
}
export interface GuestImage {
  readonly kernelPath: string;
  readonly initrdPath: string;
}

/** Where every guest listens: questions and commands by UDP, echo by TCP. */
export const guestPorts = { question: 5050, command: 5051, echo: 5052 } as const;

const busybox = '/bin/busybox';

/** Runs as process 1: modules, address, neighbours, then the daemon, whose end would be a panic. */
const initScript = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in $(cat /modules/order); do insmod /modules/$module || echo "no module $module"; done
. /settings
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
ip link set lo up
ip link set eth0 up
ip addr add $ADDRESS/32 dev eth0
ip route add default dev eth0
while read ip mac; do arp -i eth0 -s $ip $mac; done < /neighbours
exec /guest-daemon $DATA $DIRTY $SET ${guestPorts.question} ${guestPorts.command} ${guestPorts.echo}
`;

type Options = Pick<CommandOptions, 'signal' | 'env'>;

/**
 * The part that all guests of a testbed share: busybox, the modules of the network card, the daemon.
 * @param directory where the daemon is compiled @throws TestbedError
 */
export async function guestBase(directory: string, options: Options): Promise<GuestBase> {
  if (!existsSync(busybox))
    throw new TestbedError('missing-tool', `no ${busybox} (apt-get install busybox-static)`);
  const kernel = await guestKernel(options);
  const daemon = join(directory, 'guest-daemon');
  const args = ['-O2', '-Wall', '-static', '-pthread', '-o', daemon, sourceOf('guest-daemon')];
  await run('gcc', args, { ...options, timeoutMs: 60_000 });
  const names = kernel.modulePaths.map((path) => path.slice(path.lastIndexOf('/') + 1));
  const file = (path: string, from: string, executable = false): ArchiveEntry => ({
    path,
    kind: 'file',
    data: readFileSync(from),
    executable,
  });
  const archive = cpioArchive([
    ...['bin', 'dev', 'proc', 'sys', 'modules'].map((path): ArchiveEntry => ({ path, kind: 'directory' })),
    { path: 'dev/console', kind: 'character-device', major: 5, minor: 1 },
    file('bin/busybox', busybox, true),
    file('guest-daemon', daemon, true),
    { path: 'init', kind: 'file', data: Buffer.from(initScript), executable: true },
    ...names.map((name, i) => file(`modules/${name}`, kernel.modulePaths[i]!)),
    { path: 'modules/order', kind: 'file', data: Buffer.from(`${names.join('\n')}\n`) },
  ]);
  return { kernelPath: kernel.imagePath, archive };
}

export interface GuestBase {
  readonly kernelPath: string;
  readonly archive: Uint8Array;
}

/** Writes the initramfs of one machine. */
export function guestImage(base: GuestBase, path: string, settings: GuestSettings): GuestImage {
  const text = [
    `ADDRESS=${settings.ip}`,
    `DATA=${settings.dataMebibytes}`,
    `DIRTY=${settings.dirtyPagesPerSecond}`,
    `SET=${settings.workingSetMebibytes}`,
  ];
  const neighbours = [...settings.neighbours].map(([ip, mac]) => `${ip} ${mac}`);
  const own = cpioArchive([
    { path: 'settings', kind: 'file', data: Buffer.from(`${text.join('\n')}\n`) },
    { path: 'neighbours', kind: 'file', data: Buffer.from(`${neighbours.join('\n')}\n`) },
  ]);
  writeFileSync(path, Buffer.concat([base.archive, own]));
  return { kernelPath: base.kernelPath, initrdPath: path };
}
