import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Version } from './packet-in-form.js';
import { cpuSeconds, residentKib } from './process-meter.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const here = (file: string): string => join(root, 'dist/bench/openflow', file);
const startLimitMs = 60_000;

export const contestantNames = [
  'steady',
  'ovs-testcontroller',
  'os-ken',
  'raw-learning',
  'raw-fixed',
] as const;
export type ContestantName = (typeof contestantNames)[number];

/** Why it cannot take part here; undefined: it can. */
export function whyAbsent(name: ContestantName): string | undefined {
  if (name === 'ovs-testcontroller' && !existsSync('/usr/bin/ovs-testcontroller'))
    return 'Debian package openvswitch-testcontroller is not installed';
  if (name === 'os-ken' && !existsSync('/usr/bin/osken-manager'))
    return 'Debian package python3-os-ken is not installed';
  return undefined;
}

interface Start {
  readonly command: string;
  readonly args: readonly string[];
  /** undefined: it says on standard output where it listens */
  readonly port: number | undefined;
}

/** A controller in a process of its own that listens on the loopback address. */
export class Contestant {
  readonly name: ContestantName;
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #directory: string;

  static async start(name: ContestantName, version: Version, core: number | undefined): Promise<Contestant> {
    const directory = mkdtempSync(join(tmpdir(), 'steady-bench-'));
    const { command, args, port } = startOf(name, version, directory, await freePort());
    const [program, ...rest] =
      core === undefined ? [command, ...args] : ['taskset', '-c', String(core), command, ...args];
    const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe'], cwd: directory });
    let log = '';
    child.stderr.on('data', (chunk) => {
      log = (log + chunk).slice(-4000);
    });
    try {
      const gone = once(child, 'exit').then(() => {
        throw new Error(`${name} ended: ${log}`);
      });
      gone.catch(() => {});
      const listening = await Promise.race([
        port === undefined ? announcedPort(child) : answering(port).then(() => port),
        gone,
      ]);
      return new Contestant(name, listening, child, directory);
    } catch (error) {
      child.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(name: ContestantName, port: number, child: ChildProcess, directory: string) {
    this.name = name;
    this.port = port;
    this.#child = child;
    this.#directory = directory;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  usage(): { readonly cpuSeconds: number; readonly residentKib: number } {
    return { cpuSeconds: cpuSeconds(this.pid), residentKib: residentKib(this.pid) };
  }

  async stop(): Promise<void> {
    const isRunning = this.#child.exitCode === null && this.#child.signalCode === null;
    const gone = isRunning ? once(this.#child, 'exit') : undefined;
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 3000);
    await gone;
    clearTimeout(late);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function startOf(name: ContestantName, version: Version, directory: string, port: number): Start {
  switch (name) {
    case 'steady':
      // As a user starts it: log, metrics, REST interface and dashboard are on.
      return {
        command: process.execPath,
        args: [
          '--enable-source-maps',
          join(root, 'bin/steady.js'),
          'run',
          '--learning-switch',
          '--openflow-port',
          '0',
          '--http-port',
          '0',
          '--state',
          join(directory, 'state'),
        ],
        port: undefined,
      };
    case 'ovs-testcontroller':
      return {
        command: '/usr/bin/ovs-testcontroller',
        args: [
          '-O',
          version === 1 ? 'OpenFlow10' : 'OpenFlow13',
          `ptcp:${port}:127.0.0.1`,
          `--unixctl=${join(directory, 'ctl')}`,
          '-vconsole:off',
        ],
        port,
      };
    case 'os-ken':
      return {
        command: '/usr/bin/osken-manager',
        args: [
          '--ofp-listen-host',
          '127.0.0.1',
          '--ofp-tcp-listen-port',
          String(port),
          join(root, 'bench/openflow/os_ken_switch.py'),
        ],
        port,
      };
    case 'raw-learning':
    case 'raw-fixed':
      return {
        command: process.execPath,
        args: [
          here('raw-responder.js'),
          name === 'raw-fixed' ? 'fixed' : 'learning',
          '--version',
          String(version),
        ],
        port: undefined,
      };
  }
}

function announcedPort(child: ChildProcess): Promise<number> {
  let out = '';
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('it does not say where it listens')), startLimitMs);
    child.stdout!.on('data', (chunk) => {
      out += chunk;
      if (!out.includes('\n')) return;
      clearTimeout(late);
      resolve((JSON.parse(out.slice(0, out.indexOf('\n'))) as { openflowPort: number }).openflowPort);
    });
  });
}

/** A port that was free a moment ago: these programs cannot pick one themselves and say which. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Resolves when something listens there. The test controller gives each connection one of 16 places, so no second try is made. */
async function answering(port: number): Promise<void> {
  const end = Date.now() + startLimitMs;
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port });
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isUp) return;
    if (Date.now() > end) throw new Error(`nothing listens on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
