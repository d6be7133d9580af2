import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QmpTlsPaths } from '../../src/engine/config.js';
import {
  type AgentCommand,
  type AgentEventLine,
  type AgentStatus,
  defaultQemuSettings,
  QemuDriver,
  type QemuSettings,
} from '../../src/hypervisor/index.js';
import { QemuLine } from '../../src/io/qemu-line.js';
import { counterAddress, type DirtyGuest, floppyOf } from './dirty-guest.js';

type Host = 'A' | 'B';
export type Told = AgentEventLine & { readonly host: string };
export type Answer = { readonly error: string | null; readonly status: AgentStatus | null };

/** Not a multiple of 256 KiB: QEMU 7.2 without KVM loses written pages otherwise. */
const memoryKibibytes = 65_432;
const ends: readonly string[] = ['failed', 'cancelled', 'completed', 'none'];
const patienceMs = 60_000;

/** Monitors for the driver over TLS, with QEMU's names of files in the directory. */
export interface MonitorTls {
  readonly directory: string;
  readonly ports: Readonly<Record<Host, number>>;
  readonly paths: QmpTlsPaths;
}

/** Two places for one machine: real QEMUs on loopback, and a driver that moves it between them. */
export class QemuRig {
  readonly directory = mkdtempSync(join(tmpdir(), 'steady-qemu-'));
  readonly told: Told[] = [];
  readonly #processes = new Map<Host, ChildProcess>();
  readonly #lines: QemuLine[] = [];
  readonly #replies = new Map<number, (answer: Answer) => void>();
  readonly #settings: QemuSettings;
  readonly #disk: string | undefined;
  readonly #tls: MonitorTls | undefined;
  readonly #ticking: NodeJS.Timeout;
  #driver!: QemuDriver;
  #command = 0;

  constructor(settings: Partial<QemuSettings> = {}, disk?: string, tls?: MonitorTls) {
    this.#disk = disk;
    this.#tls = tls;
    this.#settings = { ...defaultQemuSettings, listen: '127.0.0.1', ...settings };
    this.#ticking = setInterval(() => this.#driver?.tick(), 50);
  }

  monitor = (host: Host, kind: 'driver' | 'test' = 'driver'): string =>
    join(this.directory, `${host}-${kind}.qmp`);

  /** Starts a QEMU at a place; `incoming`: it waits for the machine. */
  async boot(host: Host, guest: DirtyGuest, incoming: boolean, more: readonly string[] = []): Promise<void> {
    const image = join(this.directory, 'floppy.img');
    if (!existsSync(image)) writeFileSync(image, floppyOf(guest));
    const monitors = (['driver', 'test'] as const).map((kind) => this.monitor(host, kind));
    for (const path of monitors) rmSync(path, { force: true });
    const child = spawn(
      'qemu-system-x86_64',
      [
        ...['-name', host, '-machine', 'pc', '-accel', 'tcg', '-cpu', 'max', '-m', `${memoryKibibytes}K`],
        ...['-display', 'none', '-nodefaults', '-no-user-config', '-monitor', 'none', '-boot', 'a'],
        ...['-drive', `if=floppy,format=raw,file=${image},readonly=on`],
        ...monitors.flatMap((path) => ['-qmp', `unix:${path},server=on,wait=off`]),
        ...this.#tlsMonitor(host),
        ...(incoming ? ['-incoming', 'defer'] : []),
        ...more,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    this.#processes.set(host, child);
    await until(() => monitors.every((path) => existsSync(path)), `QEMU at ${host} has no monitor`);
  }

  #tlsMonitor(host: Host): string[] {
    if (this.#tls === undefined) return [];
    const socket = `host=127.0.0.1,port=${this.#tls.ports[host]},server=on,wait=off,tls-creds=monitor`;
    return [
      ...['-object', `tls-creds-x509,id=monitor,dir=${this.#tls.directory},endpoint=server,verify-peer=on`],
      ...['-chardev', `socket,id=tls,${socket}`, '-mon', 'chardev=tls,mode=control'],
    ];
  }

  /** A driver as a controller that was just started has it; what an earlier one knew is forgotten. */
  drive(): void {
    this.#driver?.close();
    this.#driver = new QemuDriver(
      (['A', 'B'] as const).map((host) => ({
        host,
        vm: 'vm1',
        qmp:
          this.#tls === undefined ? `unix:${this.monitor(host)}` : `tls:localhost:${this.#tls.ports[host]}`,
        disk: this.#disk,
        settings: this.#settings,
      })),
      {
        onConnected: () => undefined,
        onEvent: (host, line) => this.told.push({ host, ...line }),
        onReply: (_host, number, error, status) => {
          this.#replies.get(number)?.({ error: error && `${error.code}: ${error.detail}`, status });
          this.#replies.delete(number);
        },
      },
      {
        connect: (config, watcher) => {
          const line = new QemuLine(config.qmp, this.#tls?.paths, watcher, { longestRetryMs: 100 });
          this.#lines.push(line);
          return line;
        },
        nowMs: () => performance.now(),
      },
    );
    this.#driver.start();
  }

  ask(host: Host, command: AgentCommand): Promise<Answer> {
    const number = ++this.#command;
    return new Promise((resolve) => {
      this.#replies.set(number, resolve);
      this.#driver.send(host, number, command);
    });
  }

  async phase(host: Host, migration: string): Promise<string> {
    const { error, status } = await this.ask(host, { execute: 'query', migration });
    return status?.phase ?? error ?? '';
  }

  async untilPhase(host: Host, migration: string, ...phases: readonly string[]): Promise<void> {
    let last = '';
    await until(
      async () => {
        last = await this.phase(host, migration);
        if (ends.includes(last) && !phases.includes(last)) throw new Error(`${host} says ${last}`);
        return phases.includes(last);
      },
      () => `${host} says ${last}, never ${phases.join(' or ')}`,
    );
  }

  /** at the target, of the newest move: of its memory, of its disk */
  ports: readonly number[] = [];

  /** target listens, source sends; answered when both said so */
  async begin(
    migration: string,
    more: Partial<Extract<AgentCommand, { execute: 'migrate' }>> = {},
  ): Promise<void> {
    this.ports = await freePorts(2);
    const streams = this.ports.map((port) => ({ port }));
    const { mode = 'precopy', disk = 'none' } = more;
    // the monitors may just have come up
    let last = '';
    await until(
      async () => {
        const { error } = await this.ask('B', {
          execute: 'prepare-incoming',
          migration,
          vm: 'vm1',
          streams,
          mode,
          disk,
        });
        if (error !== null && !/^(no-qemu|not-connected|exists)/.test(error)) throw new Error(error);
        last = error ?? '';
        return error === null;
      },
      () => `the target never took the migration: ${last}`,
    );
    const { error } = await this.ask('A', {
      execute: 'migrate',
      migration,
      vm: 'vm1',
      destination: { address: this.#tls === undefined ? '127.0.0.1' : 'localhost' },
      streams,
      memoryBytes: memoryKibibytes * 1024,
      dirtyBytesPerSecond: 0,
      workingSetBytes: 8e6,
      downtimeLimitMs: 300,
      bandwidthBytesPerSecond: 20e6,
      switchoverTimeoutSeconds: 30,
      ...more,
    });
    if (error !== null) throw new Error(error);
  }

  /** By a monitor of its own: what QEMU itself says. undefined: it is not there. */
  async runState(host: Host): Promise<string | undefined> {
    const answer = await this.#testQmp(host, 'query-status');
    return answer === undefined ? undefined : String((answer as { status: string }).status);
  }

  /** How many pages the guest has written; undefined: no QEMU there. */
  async counter(host: Host): Promise<number | undefined> {
    const text = await this.#testQmp(host, 'human-monitor-command', {
      'command-line': `xp /1wx ${counterAddress}`,
    });
    return text === undefined ? undefined : Number(/0x[0-9a-f]+\s*$/.exec(String(text))?.[0]);
  }

  kill(host: Host): Promise<void> {
    const child = this.#processes.get(host);
    this.#processes.delete(host);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#ticking);
    this.#driver?.close();
    await Promise.all([this.kill('A'), this.kill('B')]);
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #testQmp(host: Host, command: string, fields = {}): Promise<unknown> {
    let line: QemuLine | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        line = new QemuLine(`unix:${this.monitor(host, 'test')}`, undefined, {
          onPresence: (presence, reason) => (presence === 'ready' ? resolve() : reject(new Error(reason))),
          onEvent: () => undefined,
        });
      });
      return await line!.execute(command, fields);
    } catch {
      return undefined;
    } finally {
      line?.close();
    }
  }
}

export async function until(
  holds: () => boolean | Promise<boolean>,
  otherwise: string | (() => string),
): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(typeof otherwise === 'string' ? otherwise : otherwise());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** All different: each is held until all are found. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
