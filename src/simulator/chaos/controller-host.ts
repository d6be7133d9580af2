import type { EngineConfig } from '../../engine/config.js';
import type { ApiCommand, ApiResult, Input } from '../../engine/input.js';
import type { Output } from '../../engine/output.js';
import { nonceBytes, sealBytes } from '../../network/index.js';
import type { EngineLike } from '../engine-harness.js';
import type { EventQueue } from '../event-queue.js';
import { OutputGate } from '../output-gate.js';
import type { AgentConnection } from './agent-connection.js';
import type { Draw } from './draw.js';
import type { FaultLine } from './fault-line.js';
import type { JournalDisk } from './journal-disk.js';

/** What is told to whoever watches the process. */
export interface HostWatcher {
  /** an input was given and these came of it; `lines` says to which switch a connection leads */
  stepped(input: Input, outputs: readonly Output[]): void;
  replied(request: number, result: ApiResult): void;
  started(): void;
  killed(): void;
}

/** wall time of the simulation's instant 0, ms since 1970 */
const wallEpochMs = 1_800_000_000_000;
const queueReplySeconds = 0.002;

/** The controller's process: the engine, and around it what `src/io` does, in virtual time. */
export class ControllerHost {
  readonly lines = new Map<string, FaultLine>();
  readonly agents = new Map<string, AgentConnection>();
  readonly config: EngineConfig;
  private readonly events: EventQueue;
  private readonly disk: JournalDisk;
  private readonly createEngine: (config: EngineConfig) => EngineLike;
  private readonly watcher: HostWatcher;
  private readonly gate = new OutputGate((output) => this.perform(output));
  /** the process looks at its timers only so often: it is coarser than the real one, and faster to simulate */
  private readonly gridSeconds: number;
  private readonly lineOf = new Map<number, FaultLine>();
  private engine: EngineLike | undefined;
  private life = 0;
  private connections = 0;
  private requests = 0;
  private nonces = 0;
  private armedAt = Number.POSITIVE_INFINITY;

  constructor(
    config: EngineConfig,
    events: EventQueue,
    draw: Draw,
    disk: JournalDisk,
    createEngine: (config: EngineConfig) => EngineLike,
    watcher: HostWatcher,
  ) {
    this.config = config;
    this.events = events;
    this.disk = disk;
    this.createEngine = createEngine;
    this.watcher = watcher;
    this.gridSeconds = draw.pick([0.1, 0.15, 0.2]);
  }

  get alive(): boolean {
    return this.engine !== undefined;
  }

  nextConnection(line: FaultLine): number {
    this.connections += 1;
    this.lineOf.set(this.connections, line);
    return this.connections;
  }

  start(): void {
    if (this.engine !== undefined) return;
    this.life += 1;
    this.armedAt = Number.POSITIVE_INFINITY;
    this.engine = this.createEngine(this.config);
    this.watcher.started();
    this.step({
      kind: 'start',
      journal: [...this.disk.records],
      wallMs: wallEpochMs + this.events.now * 1000,
    });
    for (const line of this.lines.values()) line.listen();
    for (const agent of this.agents.values()) agent.open();
  }

  /** kill -9 */
  kill(): void {
    if (this.engine === undefined) return;
    this.engine = undefined;
    this.life += 1;
    this.gate.clear();
    this.disk.crash();
    for (const line of this.lines.values()) line.stopListening();
    for (const agent of this.agents.values()) agent.close();
    this.watcher.killed();
  }

  nextRequest(): number {
    this.requests += 1;
    return this.requests;
  }

  /** False: nobody is there to take it. */
  api(request: number, command: ApiCommand): boolean {
    if (this.engine === undefined) return false;
    this.step({ kind: 'api', request, command });
    return true;
  }

  step(input: Input): void {
    const { engine } = this;
    if (engine === undefined) return;
    const { now } = this.events;
    const outputs = engine.step(input, now);
    this.watcher.stepped(input, outputs);
    for (const output of outputs) {
      if (output.kind === 'append') this.append(output);
      else this.gate.take(output);
    }
    this.arm(engine, now);
  }

  private arm(engine: EngineLike, now: number): void {
    const next = engine.nextWakeup(now) ?? Number.POSITIVE_INFINITY;
    if (next === Number.POSITIVE_INFINITY) return;
    const onGrid = Math.ceil(Math.max(next, now) / this.gridSeconds) * this.gridSeconds;
    const at = onGrid <= now ? now + this.gridSeconds : onGrid;
    if (at >= this.armedAt && this.armedAt > now) return;
    this.armedAt = at;
    const { life } = this;
    this.events.call(at, () => {
      if (life !== this.life || at !== this.armedAt) return;
      this.armedAt = Number.POSITIVE_INFINITY;
      this.step({ kind: 'wakeup' });
    });
  }

  private append({ record }: Extract<Output, { kind: 'append' }>): void {
    this.disk.append(record, (error) => {
      if (error === undefined) {
        this.gate.stored(record.number);
        this.step({ kind: 'stored', record: record.number });
        return;
      }
      this.gate.failed(record.number);
      this.step({ kind: 'storeFailed', record: record.number, detail: error });
    });
  }

  private perform(output: Output): void {
    switch (output.kind) {
      case 'send':
        this.lineOf.get(output.connection)?.send(output.connection, output.bytes);
        return;
      case 'close':
        this.lineOf.get(output.connection)?.close(output.connection);
        return;
      case 'reading':
        this.lineOf.get(output.connection)?.setReading(output.connection, output.on);
        return;
      case 'setQueue':
        this.later(queueReplySeconds, { kind: 'queueSet', command: output.command, error: null });
        return;
      case 'hypervisor':
        this.agents.get(output.host)?.send(output.command, output.request);
        return;
      case 'reply':
        this.watcher.replied(output.request, output.result);
        return;
      case 'sign':
        this.later(0, {
          kind: 'signed',
          batch: output.batch,
          beacons: output.claims.map((claim) => {
            const nonce = new Uint8Array(nonceBytes);
            this.nonces += 1;
            new DataView(nonce.buffer).setUint32(0, this.nonces);
            return { ...claim, nonce, seal: new Uint8Array(sealBytes).fill(this.nonces & 0xff) };
          }),
        });
        return;
      // No circuit is configured, so none is asked for.
      case 'circuit':
      case 'publish':
      case 'log':
      case 'append':
        return;
    }
  }

  private later(seconds: number, input: Input): void {
    const { life } = this;
    this.events.call(this.events.now + seconds, () => {
      if (life === this.life) this.step(input);
    });
  }
}
