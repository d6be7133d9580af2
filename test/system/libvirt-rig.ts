import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type AgentCommand,
  type AgentEventLine,
  type AgentStatus,
  defaultLibvirtSettings,
  LibvirtDriver,
  type LibvirtSettings,
} from '../../src/hypervisor/index.js';
import { startVirsh } from '../../src/io/virsh-process.js';
import { counterAddress, type DirtyGuest, floppyOf } from './dirty-guest.js';
import { freePorts, until } from './qemu-rig.js';

const run = promisify(execFile);
type Host = 'A' | 'B';
type Migrate = Extract<AgentCommand, { execute: 'migrate' }>;
export type LibvirtAnswer = { readonly error: string | null; readonly status: AgentStatus | null };

const hosts: readonly Host[] = ['A', 'B'];
const memoryKibibytes = 65_536;
/** libvirt gives whole MiB, of which QEMU 7.2 without KVM loses written pages: what it starts takes 104 KiB of them away. */
const oddKibibytes = memoryKibibytes - 104;
const diskMebibytes = 16;
const ends: readonly string[] = ['failed', 'cancelled', 'completed', 'none'];

/**
 * A libvirtd of its own for each host, both on loopback. It would not move a machine to a host of its own name or UUID, so each has a UUID and a namespace with a host
 * name; in others everything that it writes is on a file system that ends with it, and every process below it ends with the first. It is started again when it is killed.
 */
const script = `
echo "$1" > /proc/sys/kernel/hostname
for d in /etc/libvirt /run /var/lib /var/cache /var/log; do mount -t tmpfs none $d; done
cp "$2/libvirtd.conf" "$2/qemu.conf" /etc/libvirt/
for f in passwd group hosts; do mount --bind "$2/$f" /etc/$f; done
mount --bind "$2/disks" "$3"
while :; do libvirtd --config /etc/libvirt/libvirtd.conf --pid-file /run/libvirtd.pid & wait $!; sleep 0.3; done
`;

const qemuConf = `user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = [ ]
namespaces = [ ]
stdio_handler = "file"
`;

/** Two libvirtds with a place for one machine each, and a driver that moves it between them. */
export class LibvirtRig {
  readonly directory = mkdtempSync(join(tmpdir(), 'steady-libvirt-'));
  readonly told: (AgentEventLine & { readonly host: string })[] = [];
  readonly #daemons = new Map<Host, ChildProcess>();
  readonly #replies = new Map<number, (answer: LibvirtAnswer) => void>();
  readonly #ticking: NodeJS.Timeout;
  #settings: Partial<LibvirtSettings> = {};
  #driver: LibvirtDriver | undefined;
  #number = 0;
  readonly #emulator = join(this.directory, 'qemu');
  /** the same path on both hosts, and two directories */
  readonly #disks = join(this.directory, 'disks');

  constructor() {
    this.#ticking = setInterval(() => this.#driver?.tick(), 50);
  }

  uri = (host: Host): string =>
    `qemu+unix:///system?socket=${join(this.directory, host, 'run', 'libvirt-sock')}`;
  disk = (host: Host): string => join(this.directory, host, 'disks', 'disk.img');

  /** Starts both; what each knows of its QEMU is asked for now, since that takes its time. */
  async open(guest: DirtyGuest): Promise<void> {
    writeFileSync(join(this.directory, 'floppy.img'), floppyOf(guest));
    writeFileSync(
      this.#emulator,
      `#!/bin/bash
for x in "$@"; do [ "$x" = ${memoryKibibytes / 1024} ] && x=${oddKibibytes}K; x=\${x/size=${memoryKibibytes}k/size=${oddKibibytes}k}
a+=("\${x/\\"size\\":${memoryKibibytes * 1024}/\\"size\\":${oddKibibytes * 1024}}"); done
exec qemu-system-x86_64 "\${a[@]}"
`,
    );
    chmodSync(this.#emulator, 0o755);
    mkdirSync(this.#disks);
    await Promise.all(hosts.map((host) => this.#startDaemon(host)));
  }

  async #startDaemon(host: Host): Promise<void> {
    const base = join(this.directory, host);
    const name = `steady-${host.toLowerCase()}`;
    for (const d of ['run', 'disks']) mkdirSync(join(base, d), { recursive: true });
    const more = {
      passwd: 'libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin\n',
      group: 'libvirt-qemu:x:64055:\n',
      hosts: `127.0.0.1 ${name}\n`,
    };
    for (const [file, line] of Object.entries(more))
      writeFileSync(join(base, file), readFileSync(`/etc/${file}`, 'utf8') + line);
    writeFileSync(join(base, 'qemu.conf'), qemuConf);
    writeFileSync(
      join(base, 'libvirtd.conf'),
      `host_uuid = "${randomUUID()}"\nunix_sock_dir = "${base}/run"\nauth_unix_rw = "none"\nlog_outputs = "3:file:${base}/log"\n`,
    );
    const own = ['--uts', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    this.#daemons.set(
      host,
      spawn('unshare', [...own, 'bash', '-c', script, 'bash', name, base, this.#disks], { stdio: 'ignore' }),
    );
    const ask = ['domcapabilities', '--emulatorbin', this.#emulator];
    await until(
      async () => (await this.virsh(host, ...ask)) !== undefined,
      () => `no libvirtd at ${host}: ${this.#log(host)}`,
    );
  }

  #log(host: Host): string {
    try {
      return readFileSync(join(this.directory, host, 'log'), 'utf8').slice(-1000);
    } catch {
      return 'no log';
    }
  }

  /** A machine at A (a fresh one unless the last is still there), none at B, and a driver that knows nothing yet. */
  async boot(settings: Partial<LibvirtSettings> = {}, disk = false): Promise<void> {
    this.#settings = settings;
    if (!disk && (await this.counter('A')) !== undefined) return this.drive();
    for (const host of hosts) await this.virsh(host, 'destroy', 'vm1');
    const file = join(this.directory, 'vm1.xml');
    writeFileSync(file, this.#xml(disk));
    if (disk)
      for (const host of hosts) writeFileSync(this.disk(host), Buffer.alloc(diskMebibytes * 1_048_576, host));
    const created = await this.virsh('A', 'create', file);
    if (created === undefined) throw new Error(`no machine: ${this.#log('A')}`);
    this.drive();
    await until(async () => ((await this.counter('A')) ?? 0) > 500, 'the guest does not begin to write');
  }

  #xml(disk: boolean): string {
    const image = `<disk type="file"><driver name="qemu" type="raw"/><source file="${this.#disks}/disk.img"/><target dev="vda" bus="virtio"/></disk>`;
    return `<domain type="qemu"><name>vm1</name><memory unit="KiB">${memoryKibibytes}</memory><vcpu>1</vcpu>
<os><type arch="x86_64" machine="pc">hvm</type><boot dev="fd"/></os><cpu mode="maximum"/>
<devices><emulator>${this.#emulator}</emulator>
<disk type="file" device="floppy"><driver name="qemu" type="raw"/><source file="${this.directory}/floppy.img"/><target dev="fda"/><readonly/></disk>
${disk ? image : ''}<memballoon model="none"/><controller type="usb" model="none"/></devices></domain>`;
  }

  /** A driver as a controller that was just started has it; what an earlier one knew is forgotten, and its virsh is killed. */
  drive(): void {
    this.#driver?.close();
    const places = hosts.map((host) => ({
      ...{ host, vm: 'vm1', domain: 'vm1' },
      settings: { ...defaultLibvirtSettings, uri: this.uri(host), listen: '127.0.0.1', ...this.#settings },
    }));
    this.#driver = new LibvirtDriver(
      places,
      {
        onConnected: () => undefined,
        onEvent: (host, line) => this.told.push({ host, ...line }),
        onReply: (_host, number, error, status) => {
          this.#replies.get(number)?.({ error: error && `${error.code}: ${error.detail}`, status });
          this.#replies.delete(number);
        },
      },
      { start: startVirsh, nowMs: () => performance.now() },
    );
    this.#driver.start();
  }

  ask(host: Host, command: AgentCommand): Promise<LibvirtAnswer> {
    const number = ++this.#number;
    return new Promise((resolve) => {
      this.#replies.set(number, resolve);
      this.#driver!.send(host, number, command);
    });
  }

  async phase(host: Host, migration: string): Promise<string> {
    const { error, status } = await this.ask(host, { execute: 'query', migration });
    return status?.phase ?? error ?? '';
  }

  async untilPhase(host: Host, migration: string, wanted: string): Promise<void> {
    let last: LibvirtAnswer | undefined;
    const said = (): string => `${host} says ${last?.status?.phase ?? last?.error} (${last?.status?.detail})`;
    await until(
      async () => {
        last = await this.ask(host, { execute: 'query', migration });
        const phase = last.status?.phase ?? '';
        if (ends.includes(phase) && phase !== wanted) throw new Error(said());
        return phase === wanted;
      },
      () => `${said()}, never ${wanted}`,
    );
  }

  /** target expects it, source sends; answered when both said so */
  async begin(migration: string, more: Partial<Migrate> = {}): Promise<void> {
    const streams = (await freePorts(2)).map((port) => ({ port }));
    const { mode = 'precopy', disk = 'none' } = more;
    const shared = { migration, vm: 'vm1', streams, mode, disk };
    const prepared = await this.ask('B', { execute: 'prepare-incoming', ...shared });
    if (prepared.error !== null) throw new Error(prepared.error);
    const { error } = await this.ask('A', {
      execute: 'migrate',
      ...shared,
      destination: { address: '127.0.0.1' },
      memoryBytes: memoryKibibytes * 1024,
      dirtyBytesPerSecond: 0,
      workingSetBytes: 8e6,
      downtimeLimitMs: 300,
      bandwidthBytesPerSecond: 30e6,
      switchoverTimeoutSeconds: 30,
      ...more,
    });
    if (error !== null) throw new Error(error);
  }

  /** undefined: virsh failed */
  async virsh(host: Host, ...args: string[]): Promise<string | undefined> {
    try {
      const { stdout } = await run('virsh', ['-q', '-c', this.uri(host), ...args], { timeout: 30_000 });
      return stdout.trim();
    } catch {
      return undefined;
    }
  }

  monitor = async (host: Host, command: object): Promise<Record<string, unknown>> => {
    const text = await this.virsh(host, 'qemu-monitor-command', 'vm1', JSON.stringify(command));
    return JSON.parse(text ?? '{}').return;
  };

  /** How many pages the guest has written; undefined: no machine there. */
  async counter(host: Host): Promise<number | undefined> {
    const text = await this.virsh(host, 'qemu-monitor-command', 'vm1', '--hmp', `xp /1wx ${counterAddress}`);
    return text === undefined ? undefined : Number(/0x[0-9a-f]+\s*$/.exec(text)?.[0]);
  }

  /** kill -9 of what runs below the first process of a host's namespace. */
  kill(host: Host, program: 'libvirtd' | 'qemu-system-x86'): void {
    const pid = childrenOf(childrenOf(this.#daemons.get(host)!.pid!)[0] ?? 0).find(
      (child) => readFileSync(`/proc/${child}/comm`, 'utf8').trim() === program,
    );
    if (pid === undefined) throw new Error(`no ${program} at ${host}`);
    process.kill(pid, 'SIGKILL');
  }

  async close(): Promise<void> {
    clearInterval(this.#ticking);
    this.#driver?.close();
    await Promise.all(
      [...this.#daemons.values()].map(
        (child) =>
          new Promise((resolve) => {
            child.once('exit', resolve);
            // the first process of the namespace goes with it, and all others with that
            child.kill('SIGKILL');
          }),
      ),
    );
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
