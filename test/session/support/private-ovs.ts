import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AnyMessage, Message } from '../../../src/openflow/index.js';
import { Session, type SessionEvent, type SessionOptions } from '../../../src/session/index.js';

const run = promisify(execFile);

/** An Open vSwitch of our own in a private directory, with the dummy datapath: real tables, no interfaces. */
export class PrivateOvs {
  readonly #directory = mkdtempSync(join(tmpdir(), 'steady-ovs-'));
  readonly #children: ChildProcess[] = [];

  static async start(): Promise<PrivateOvs> {
    const ovs = new PrivateOvs();
    try {
      await ovs.#boot();
    } catch (error) {
      await ovs.stop();
      throw error;
    }
    return ovs;
  }

  async #boot(): Promise<void> {
    const database = join(this.#directory, 'conf.db');
    mkdirSync(join(this.#directory, 'run'));
    await run('ovsdb-tool', ['create', database, '/usr/share/openvswitch/vswitch.ovsschema']);
    this.#spawn('ovsdb-server', [
      database,
      `--remote=punix:${this.#socket}`,
      `--unixctl=${this.#directory}/ovsdb.ctl`,
    ]);
    await this.#until(() => this.vsctl('--no-wait', 'init'));
    this.#spawn('ovs-vswitchd', [
      `unix:${this.#socket}`,
      '--enable-dummy',
      '--disable-system',
      `--unixctl=${this.#directory}/vswitchd.ctl`,
    ]);
    await this.#until(() => this.appctl('version'));
  }

  get #socket(): string {
    return `${this.#directory}/run/db.sock`;
  }

  async vsctl(...args: string[]): Promise<string> {
    return (
      await run('ovs-vsctl', [`--db=unix:${this.#socket}`, '--timeout=10', ...args], { env: this.#env })
    ).stdout;
  }

  async appctl(...args: string[]): Promise<string> {
    const target = `${this.#directory}/vswitchd.ctl`;
    return (await run('ovs-appctl', ['-t', target, '--timeout=10', ...args], { env: this.#env })).stdout;
  }

  /** A bridge with these ports, numbered from 1 in their order, that calls the controller at this TCP port. */
  async addBridge(
    name: string,
    dpid: string,
    ports: readonly string[],
    controllerPort: number,
    protocols = 'OpenFlow10,OpenFlow13',
  ): Promise<void> {
    await this.vsctl(
      ...['--', 'add-br', name, '--', 'set', 'bridge', name, 'datapath_type=dummy', 'fail_mode=secure'],
      ...[`protocols=${protocols}`, `other-config:datapath-id=${dpid}`],
      ...ports.flatMap((port, i) => [
        '--',
        'add-port',
        name,
        port,
        '--',
        'set',
        'interface',
        port,
        'type=dummy',
        `ofport_request=${i + 1}`,
      ]),
      ...['--', 'set-controller', name, `tcp:127.0.0.1:${controllerPort}`],
      ...['--', 'set', 'controller', name, 'connection-mode=out-of-band', 'max_backoff=1000'],
    );
  }

  /** What the switches of this Open vSwitch prove themselves with, and whom they believe. */
  async setSsl(key: string, certificate: string, authority: string): Promise<void> {
    await this.vsctl('set-ssl', key, certificate, authority);
  }

  /** Calls these controllers, `tcp:HOST:PORT` or `ssl:HOST:PORT`, instead of the present ones. */
  async setControllers(bridge: string, ...targets: string[]): Promise<void> {
    const settings = ['connection-mode=out-of-band', 'max_backoff=1000'];
    await this.vsctl('set-controller', bridge, ...targets);
    for (const uuid of (await this.vsctl('get', 'bridge', bridge, 'controller')).match(/[0-9a-f-]{36}/g) ??
      [])
      await this.vsctl('set', 'controller', uuid, ...settings);
  }

  /** Role of the controller at this target, as the switch sees it: `other`, `master` or `slave`. */
  async roleOf(target: string): Promise<string> {
    const found = await this.vsctl('--bare', '--columns=role', 'find', 'controller', `target="${target}"`);
    return found.trim();
  }

  async stop(): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.pid === undefined) continue;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await gone;
      clearTimeout(timer);
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #env(): NodeJS.ProcessEnv {
    const d = this.#directory;
    return { ...process.env, OVS_RUNDIR: `${d}/run`, OVS_LOGDIR: d, OVS_DBDIR: d, OVS_SYSCONFDIR: d };
  }

  #spawn(command: string, args: readonly string[]): void {
    this.#children.push(spawn(command, [...args, '-vconsole:off'], { env: this.#env, stdio: 'ignore' }));
  }

  async #until(attempt: () => Promise<unknown>): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await attempt();
        return;
      } catch (error) {
        if (tries >= 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}

/** A session on a real socket: what `io` does, in its smallest form. */
export class Line<M extends AnyMessage = Message> {
  readonly session: Session<M>;
  readonly #socket: Socket;
  #events: SessionEvent<M>[] = [];
  #wake: () => void = () => undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(socket: Socket, options: SessionOptions = {}) {
    this.session = new Session<M>({ peer: `${socket.remoteAddress}:${socket.remotePort}`, ...options });
    this.#socket = socket.setNoDelay();
    this.session.start(this.now);
    socket.on('data', (chunk: Buffer) => {
      this.session.receive(chunk, this.now);
      while (this.session.hasMore()) this.session.continueReceive(this.now);
      this.flush();
    });
    socket.on('error', () => undefined);
    this.#timer = setInterval(() => {
      this.session.timeout(this.now);
      this.flush();
    }, 50);
    this.flush();
  }

  get now(): number {
    return performance.now() / 1000;
  }

  flush(): void {
    const bytes = this.session.takeBytes();
    if (bytes) this.#socket.write(bytes);
    this.#events.push(...this.session.takeEvents());
    this.#wake();
  }

  /** The next event of a kind; others before it are passed over. */
  async next<K extends SessionEvent['kind']>(kind: K): Promise<Extract<SessionEvent<M>, { kind: K }>> {
    for (const deadline = this.now + 15; ; ) {
      for (let event = this.#events.shift(); event; event = this.#events.shift())
        if (event.kind === kind) return event as Extract<SessionEvent<M>, { kind: K }>;
      if (this.now > deadline) throw new Error(`no event ${kind} within 15 s`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 200);
      });
    }
  }

  end(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }
}

/** Listens where bridges call. */
export class Exchange<M extends AnyMessage = Message> {
  readonly lines: Line<M>[] = [];
  readonly #server: Server;

  constructor(options: SessionOptions = {}) {
    this.#server = createServer((socket) => this.lines.push(new Line<M>(socket, options)));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async nextLine(after: number): Promise<Line<M>> {
    for (let tries = 0; tries < 300; tries++) {
      const line = this.lines[after];
      if (line) return line;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('no bridge called within 15 s');
  }

  close(): void {
    for (const line of this.lines) line.end();
    this.#server.close();
  }
}
