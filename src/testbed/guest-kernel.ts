import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type CommandOptions, run } from './command.js';
import { TestbedError } from './errors.js';

/** Debian's kernel for virtual machines: what a guest needs of it. */
export interface GuestKernel {
  readonly imagePath: string;
  /** in the order in which they are loaded */
  readonly modulePaths: readonly string[];
}

/** Kernels stay here from one testbed to the next: 15 MB each, and nothing else of the guest is worth keeping. */
export const guestCache = '/var/cache/steady-guest';

/** What a guest needs: the network card; the cloud kernel has none of its drivers built in. */
const wantedModules = ['virtio_pci', 'virtio_net'];
const metaPackage = 'linux-image-cloud-amd64';

type Options = Pick<CommandOptions, 'signal' | 'env'>;

/**
 * The current kernel of the package lists, from the cache or by `apt-get download`; nothing is installed.
 * @throws TestbedError command-failed, missing-tool
 */
export async function guestKernel(options: Options, cache = guestCache): Promise<GuestKernel> {
  const name = await packageName(options);
  const home = join(cache, name);
  if (!existsSync(home)) await fetchKernel(name, cache, home, options);
  return {
    imagePath: join(home, 'vmlinuz'),
    modulePaths: readFileSync(join(home, 'order'), 'utf8')
      .trim()
      .split('\n')
      .map((module) => join(home, `${module}.ko`)),
  };
}

async function packageName(options: Options): Promise<string> {
  const text = await run('apt-cache', ['depends', metaPackage], options).catch((e: unknown) => {
    throw noKernel(e instanceof Error ? e.message : String(e));
  });
  const name = /Depends: (linux-image-\S+-cloud-amd64)/.exec(text)?.[1];
  if (name === undefined) throw noKernel(`the package lists have no ${metaPackage}`);
  return name;
}

async function fetchKernel(name: string, cache: string, home: string, options: Options): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'fetch-'));
  try {
    await run('sh', ['-c', 'cd "$1" && exec apt-get -qq download "$2"', 'sh', work, name], {
      ...options,
      timeoutMs: 120_000,
    });
    const archive = readdirSync(work).find((file) => file.endsWith('.deb'));
    if (archive === undefined) throw noKernel(`apt-get download ${name} left no package`);
    await run('dpkg', ['-x', join(work, archive), join(work, 'root')], { ...options, timeoutMs: 60_000 });
    const release = name.slice('linux-image-'.length);
    const kept = join(work, 'kept');
    mkdirSync(kept);
    cpSync(join(work, `root/boot/vmlinuz-${release}`), join(kept, 'vmlinuz'));
    keepModules(join(work, 'root/lib/modules', release), kept);
    // In one step: what is in the cache is whole. Another testbed may have been faster.
    if (!existsSync(home)) renameSync(kept, home);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Copies the wanted modules and those that they need, and writes down in which order they load. */
function keepModules(tree: string, kept: string): void {
  const paths = new Map<string, string>();
  for (const path of readdirSync(tree, { recursive: true, encoding: 'utf8' }))
    if (path.endsWith('.ko')) paths.set(basename(path, '.ko').replaceAll('-', '_'), join(tree, path));
  const order: string[] = [];
  const add = (name: string): void => {
    if (order.includes(name)) return;
    const path = paths.get(name);
    if (path === undefined) throw noKernel(`it has no module ${name}`);
    for (const needed of dependenciesOf(readFileSync(path, 'latin1'))) add(needed);
    order.push(name);
    cpSync(path, join(kept, `${name}.ko`));
  };
  for (const name of wantedModules) add(name);
  writeFileSync(join(kept, 'order'), `${order.join('\n')}\n`);
}

/** A module says in its section .modinfo, as text, which others must be there before it. */
function dependenciesOf(module: string): string[] {
  const list = /\0depends=([^\0]*)\0/.exec(module)?.[1] ?? '';
  return list.split(',').filter((name) => name !== '');
}

const noKernel = (detail: string): TestbedError =>
  new TestbedError('command-failed', `no kernel for the guest: ${detail}; try apt-get update`);
