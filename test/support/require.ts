import { execFileSync } from 'node:child_process';

/**
 * What a test needs from the machine. A missing tool skips the test with one printed reason, unless
 * `STEADY_REQUIRE` (a comma-separated list) names it: then the suite fails, because the machine was set up for it.
 */
export const tools = [
  'ovs',
  'osken',
  'tshark',
  'testcontroller',
  'qemu',
  'libvirt',
  'chromium',
  'docker',
  'mininet',
  'gcc',
  'openssl',
  'zsh',
  'fish',
] as const;
export type Tool = (typeof tools)[number];
export type Availability = { readonly ok: true } | { readonly ok: false; readonly reason: string };

const known = new Map<Tool, Availability>();

export function available(tool: Tool): Availability {
  let answer = known.get(tool);
  if (answer === undefined) {
    const reason = whyMissing(tool);
    answer = reason === undefined ? { ok: true } : { ok: false, reason };
    known.set(tool, answer);
  }
  return answer;
}

/**
 * True: run. False: skip (the reason has been printed once). Use as `describe.skipIf(!requireOrSkip('ovs'))`.
 * @throws Error when a missing tool is named in STEADY_REQUIRE
 */
export function requireOrSkip(...needed: readonly Tool[]): boolean {
  const required = (process.env.STEADY_REQUIRE ?? '').split(',').map((t) => t.trim());
  for (const name of required)
    if (name !== '' && !tools.includes(name as Tool))
      throw new Error(`STEADY_REQUIRE names ${name}; known: ${tools.join(', ')}`);
  for (const tool of needed) {
    const answer = available(tool);
    if (answer.ok) continue;
    const text = `${tool}: ${answer.reason}`;
    if (required.includes(tool)) throw new Error(`required by STEADY_REQUIRE but missing: ${text}`);
    process.stderr.write(`skipped, needs ${text}\n`);
    return false;
  }
  return true;
}

function whyMissing(tool: Tool): string | undefined {
  switch (tool) {
    case 'ovs':
      return (
        needCommands([
          'ovsdb-server',
          'ovs-vswitchd',
          'ovs-vsctl',
          'ovs-ofctl',
          'ip',
          'tc',
          'ethtool',
          'ping',
        ]) ?? needNamespaces()
      );
    case 'osken':
      // Debian's package serves Debian's Python, which another one in the path may hide.
      return ['python3', '/usr/bin/python3'].some((p) => succeeds(p, ['-c', 'import os_ken']))
        ? undefined
        : 'python3 has no module os_ken';
    case 'testcontroller':
      return needCommands(['ovs-testcontroller']);
    case 'qemu':
      return needCommands(['qemu-system-x86_64', 'busybox', 'ffmpeg', 'gcc', 'apt-get', 'dpkg']) ?? needTap();
    case 'libvirt':
      return needCommands(['virsh', 'libvirtd', 'qemu-system-x86_64', 'mount']) ?? needHosts();
    case 'mininet':
      return (
        needCommands(['mn']) ??
        (succeeds('/usr/bin/python3', ['-c', 'import mininet, yaml'])
          ? undefined
          : '/usr/bin/python3 has no module mininet or yaml') ??
        needNamespaces()
      );
    case 'docker':
      return needCommands(['docker', 'dockerd', 'docker-compose', 'mmdebstrap', 'curl']) ?? needRoot();
    default:
      return needCommands([tool]);
  }
}

const needRoot = (): string | undefined => (process.getuid?.() === 0 ? undefined : 'needs root');

const needTap = (): string | undefined =>
  needNamespaces() ?? (succeeds('test', ['-c', '/dev/net/tun']) ? undefined : 'no /dev/net/tun');

/** Namespaces that make one machine look like several to libvirt. */
const needHosts = (): string | undefined =>
  needRoot() ??
  (succeeds('unshare', ['--uts', '--mount', '--pid', '--fork', '--mount-proc', 'true'])
    ? undefined
    : 'no right to make namespaces of mounts, processes and host names');

const needNamespaces = (): string | undefined =>
  needRoot() ?? (succeeds('unshare', ['--net', 'true']) ? undefined : 'no right to make network namespaces');

function needCommands(names: readonly string[]): string | undefined {
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
  const missing = names.filter((n) => !succeeds('sh', ['-c', `command -v ${n}`], path));
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed`;
}

function succeeds(command: string, args: readonly string[], path = process.env.PATH): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore', timeout: 10_000, env: { ...process.env, PATH: path } });
    return true;
  } catch {
    return false;
  }
}
