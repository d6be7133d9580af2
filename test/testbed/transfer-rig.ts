import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  type AgentCommand,
  type AgentError,
  type AgentEventLine,
  type AgentStatus,
  TransferDriver,
} from '../../src/hypervisor/index.js';
import type { FrameTypeNumber } from '../../src/testbed/transfer-frame.js';
import { FrameReader } from '../../src/testbed/transfer-frame.js';
import type { TransferLimits } from '../../src/testbed/transfer-limits.js';
import { TransferServer } from '../../src/testbed/transfer-server.js';
import { VmMachine } from '../../src/testbed/vm-machine.js';

/** For `expect.poll`: a machine with other work may stall for seconds. */
export const patience = { timeout: 20_000, interval: 10 };

export type Migrate = Extract<AgentCommand, { execute: 'migrate' }>;

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** A client of one agent that remembers what it heard. */
export class Client {
  readonly events: AgentEventLine[] = [];
  readonly #replies = new Map<
    number,
    (reply: { error: AgentError | null; status: AgentStatus | null }) => void
  >();
  readonly #driver: TransferDriver;
  #n = 0;
  connected = false;

  constructor(endpoint: string, onEvent: (line: AgentEventLine) => void = () => undefined) {
    this.#driver = new TransferDriver(endpoint, {
      onConnected: () => {
        this.connected = true;
      },
      onDisconnected: () => {
        this.connected = false;
      },
      onEvent: (line) => {
        this.events.push(line);
        onEvent(line);
      },
      onReply: (n, error, status) => {
        this.#replies.get(n)?.({ error, status });
        this.#replies.delete(n);
      },
    });
  }

  async ready(): Promise<this> {
    await expect.poll(() => this.connected, patience).toBe(true);
    return this;
  }

  ask(command: AgentCommand): Promise<{ error: AgentError | null; status: AgentStatus | null }> {
    const n = ++this.#n;
    return new Promise((resolve) => {
      this.#replies.set(n, resolve);
      this.#driver.send(n, command);
    });
  }

  /** The status after a command that must be obeyed. */
  async must(command: AgentCommand): Promise<AgentStatus> {
    const { error, status } = await this.ask(command);
    expect(error).toBeNull();
    return status!;
  }

  names(migration: string): string[] {
    return this.events.filter((e) => e.migration === migration).map((e) => e.event);
  }

  async until(event: string, migration: string): Promise<AgentStatus> {
    const find = () => this.events.find((e) => e.event === event && e.migration === migration);
    await expect.poll(() => find() !== undefined, patience).toBe(true);
    return find()!.status;
  }

  close(): void {
    this.#driver.close();
  }
}

/** Two agents on loopback, `a` the source and `b` the target, with or without machines. */
export class Rig {
  readonly directory: string;
  /** all events in the order in which they were heard */
  readonly story: string[] = [];
  readonly machines: { a: VmMachine; b: VmMachine } | undefined;
  readonly servers: { a: TransferServer; b: TransferServer };
  readonly a: Client;
  readonly b: Client;
  /** of the streams, at the target */
  readonly ports: readonly number[];
  readonly #closers: (() => unknown)[];
  readonly #stopped = new Set<string>();

  private constructor(
    directory: string,
    servers: { a: TransferServer; b: TransferServer },
    machines: { a: VmMachine; b: VmMachine } | undefined,
    ports: readonly number[],
  ) {
    this.directory = directory;
    this.servers = servers;
    this.machines = machines;
    this.ports = ports;
    this.a = new Client(`unix:${join(directory, 'a.sock')}`, (e) => this.story.push(`a ${e.event}`));
    this.b = new Client(`unix:${join(directory, 'b.sock')}`, (e) => this.story.push(`b ${e.event}`));
    this.#closers = [() => this.a.close(), () => this.b.close()];
  }

  static async start(
    options: { machines?: { udpPort: number }; limits?: Partial<TransferLimits>; streams?: number } = {},
  ): Promise<Rig> {
    const directory = mkdtempSync(join(tmpdir(), 'steady-transfer-'));
    const machine = (place: string, address: string, running: boolean, udpPort: number) =>
      VmMachine.start({ place, address, udpPort, controlPath: join(directory, `vm-${place}.sock`), running });
    const machines = options.machines && {
      a: await machine('a', '127.0.0.1', true, options.machines.udpPort),
      b: await machine('b', '127.0.0.2', false, options.machines.udpPort),
    };
    const agent = (host: string) =>
      TransferServer.listen(`unix:${join(directory, `${host}.sock`)}`, {
        host,
        address: '127.0.0.1',
        vmSockets: new Map(machines ? [['vm1', join(directory, `vm-${host}.sock`)]] : []),
        limits: options.limits,
      });
    const ports = new Set<number>();
    while (ports.size < (options.streams ?? 1)) ports.add(await freePort());
    const servers = { a: await agent('a'), b: await agent('b') };
    const rig = new Rig(directory, servers, machines, [...ports]);
    await rig.a.ready();
    await rig.b.ready();
    return rig;
  }

  /** of the first stream */
  get port(): number {
    return this.ports[0]!;
  }
  get streams(): { port: number }[] {
    return this.ports.map((port) => ({ port }));
  }

  command(changes: Partial<Migrate> = {}): Migrate {
    return {
      execute: 'migrate',
      migration: 'm1',
      vm: 'vm1',
      destination: { address: '127.0.0.1' },
      streams: this.streams,
      memoryBytes: 5_000_000,
      dirtyBytesPerSecond: 500_000,
      workingSetBytes: 2_000_000,
      downtimeLimitMs: 20,
      bandwidthBytesPerSecond: 5_000_000,
      switchoverTimeoutSeconds: 20,
      ...changes,
    };
  }

  /** Prepares the target and starts the source. */
  async begin(changes: Partial<Migrate> = {}): Promise<Migrate> {
    const command = this.command(changes);
    const { migration, vm } = command;
    const prepared = await this.b.must({ execute: 'prepare-incoming', migration, vm, streams: this.streams });
    expect(prepared.phase).toBe('incoming');
    expect((await this.a.must(command)).phase).toBe('active');
    return command;
  }

  /** A proxy in front of one port of the target that sees every frame; `cut` ends both sides without passing it on. */
  async proxy(
    onFrame: (from: 'a' | 'b', type: FrameTypeNumber) => 'pass' | 'cut' | 'cut-for-good',
    stream = 0,
  ): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      const far = connect({ host: '127.0.0.1', port: this.ports[stream]! });
      const end = () => {
        near.destroy();
        far.destroy();
      };
      for (const [from, socket, other] of [['a', near, far] as const, ['b', far, near] as const]) {
        sockets.add(socket);
        let verdict = 'pass' as ReturnType<typeof onFrame>;
        const reader = new FrameReader({
          onData: () => undefined,
          onFrame: (type) => {
            if (verdict === 'pass') verdict = onFrame(from, type);
          },
        });
        socket.on('data', (chunk) => {
          reader.push(chunk);
          if (verdict === 'pass') other.write(chunk);
          else end();
          if (verdict === 'cut-for-good') server.close();
        });
        socket.on('error', end);
        socket.on('close', end);
      }
    });
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    this.#closers.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return port;
  }

  async stopMachine(place: 'a' | 'b'): Promise<void> {
    if (this.machines === undefined || this.#stopped.has(place)) return;
    this.#stopped.add(place);
    await this.machines[place].close();
  }

  onClose(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
    await Promise.all([this.servers.a.close(), this.servers.b.close()]);
    for (const place of ['a', 'b'] as const) await this.stopMachine(place);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
