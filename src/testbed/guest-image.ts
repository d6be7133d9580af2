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
  readonly ipv6: string | undefined;
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

/** Runs as process 1: modules, addresses, then the daemon, whose end would be a panic. */
const initScript = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in $(cat /modules/order); do insmod /modules/$module || echo "no module $module"; done
. /settings
cd /proc/sys/net/ipv6/conf/eth0
[ -n "$ADDRESS6" ] || echo 1 > disable_ipv6
for setting in accept_dad accept_ra router_solicitations; do echo 0 > $setting; done
ip link set lo up
ip link set eth0 up
ip addr add $ADDRESS/32 dev eth0
ip route add default dev eth0
[ -z "$ADDRESS6" ] || { ip -6 addr add $ADDRESS6/128 dev eth0; ip -6 route add ::/0 dev eth0; }
exec /guest-daemon $DATA $DIRTY $SET ${guestPorts.question} ${guestPorts.command} ${guestPorts.echo}
`;

type Options = Pick<CommandOptions, 'signal' | 'env'>;

/**
 * The part that all guests of a testbed share: busybox, the modules of the network card, the daemon, and a clip if there
 * is to be one. @param directory where the programs are compiled @throws TestbedError
 */
export async function guestBase(
  directory: string,
  clipPath: string | undefined,
  options: Options,
): Promise<GuestBase> {
  if (!existsSync(busybox))
    throw new TestbedError('missing-tool', `no ${busybox} (apt-get install busybox-static)`);
  const kernel = await guestKernel(options);
  const compiled = async (name: string): Promise<string> => {
    const path = join(directory, name.startsWith('guest-') ? name : `guest-${name}`);
    const args = ['-O2', '-Wall', '-static', '-pthread', '-o', path, sourceOf(name)];
    await run('gcc', args, { ...options, timeoutMs: 60_000 });
    return path;
  };
  const daemon = await compiled('guest-daemon');
  const player = clipPath === undefined ? undefined : await compiled('clip-player');
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
    ...(player === undefined ? [] : [file('clip-player', player, true), file('clip.ts', clipPath!)]),
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
    `ADDRESS6=${settings.ipv6 ?? ''}`,
    `DATA=${settings.dataMebibytes}`,
    `DIRTY=${settings.dirtyPagesPerSecond}`,
    `SET=${settings.workingSetMebibytes}`,
  ];
  const own = cpioArchive([{ path: 'settings', kind: 'file', data: Buffer.from(`${text.join('\n')}\n`) }]);
  writeFileSync(path, Buffer.concat([base.archive, own]));
  return { kernelPath: base.kernelPath, initrdPath: path };
}
