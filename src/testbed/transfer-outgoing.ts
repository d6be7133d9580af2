/**
 * The source's half of a migration. The machine runs here until STOP, and again after every failure before
 * the target said that it resumed. One case cannot be decided by the two ends alone: the connection breaks
 * after the last round was handed over and the target does not answer any more. Then the machine is left
 * stopped - it must not run twice - and the status says `outcome-unknown`; `cancel` starts it here.
 */
import { connect, type Socket } from 'node:net';
import type { AgentCommand, AgentEventName, AgentPhase, AgentStatus } from '../hypervisor/protocol.js';
import {
  acknowledgedBytes,
  FrameError,
  FrameReader,
  type FrameTypeNumber,
  frameHeader,
  frameType,
  jsonBody,
  jsonFrame,
  longestDataBody,
} from './transfer-frame.js';
import {
  aliveMs,
  monotonicSeconds,
  type TransferLimits,
  TransferRefusal,
  tickMs,
} from './transfer-limits.js';
import { PrecopyMemory } from './transfer-memory.js';
import { askOutcome } from './transfer-outcome.js';
import { RateMeter, TransferPacer } from './transfer-pacer.js';
import { controlVm, VmControlError } from './vm-control.js';

export type MigrateCommand = Extract<AgentCommand, { execute: 'migrate' }>;

export interface OutgoingContext {
  /** address that the migration's connection leaves from */
  readonly address: string;
  /** control socket of the machine's stand-in; undefined: the machine is a number of bytes only */
  readonly vmSocket: string | undefined;
  readonly limits: TransferLimits;
  onEvent(event: AgentEventName, status: AgentStatus): void;
}

/** Rounds shorter than this would be mostly bookkeeping. */
const shortestRoundSeconds = 0.05;
/** Bytes under way with a cap: enough for 0.3 s of it, so that a lower cap is felt soon. */
const windowSeconds = 0.3;
const smallestWindow = 262_144;

/** What is sent as memory: nothing that a link could compress away. */
const memoryPattern = new Uint8Array(longestDataBody).map((_, i) => (i * 2_654_435_761) >>> 13);

export class OutgoingMigration {
  readonly command: MigrateCommand;
  readonly #context: OutgoingContext;
  readonly #memory: PrecopyMemory;
  readonly #pacer: TransferPacer;
  readonly #meter = new RateMeter();
  readonly #ticker: NodeJS.Timeout;
  readonly #startedAt: number;
  #socket: Socket | undefined;
  #connected = false;
  #phase: AgentPhase = 'active';
  #detail = '';
  #downtimeMs: number | null = null;
  #sent = 0;
  #acknowledged = 0;
  #heardAt: number;
  #progressAt: number;
  #spokeAt: number;
  #preSwitchoverAt = 0;
  #stoppedAt = 0;
  #machinePaused = false;
  #counter: number | undefined;
  /** settles when the machine obeyed `pause`, or did not: a `resume` must not overtake it */
  #pausing: Promise<unknown> = Promise.resolve();
  #handedOver: 'no' | 'pausing' | 'last-round' | 'finish-sent' | 'asking' = 'no';
  #ending = false;

  constructor(command: MigrateCommand, context: OutgoingContext) {
    const now = monotonicSeconds();
    this.command = command;
    this.#context = context;
    this.#memory = new PrecopyMemory(command, now);
    this.#pacer = new TransferPacer(command.bandwidthBytesPerSecond, now);
    this.#startedAt = this.#heardAt = this.#progressAt = this.#spokeAt = now;
    this.#connect();
    this.#ticker = setInterval(() => this.#tick(), tickMs);
  }

  get ended(): boolean {
    return this.#phase === 'completed' || this.#phase === 'failed' || this.#phase === 'cancelled';
  }

  status(): AgentStatus {
    return {
      phase: this.#phase,
      round: this.#memory.round,
      totalBytes: this.command.memoryBytes,
      transferredBytes: this.#acknowledged,
      remainingBytes: this.#phase === 'completed' ? 0 : this.#remainingBytes(monotonicSeconds()),
      dirtyBytesPerSecond: this.command.dirtyBytesPerSecond,
      downtimeMs: this.#downtimeMs,
      detail: this.#detail,
    };
  }

  setBandwidth(bytesPerSecond: number | null): void {
    if (this.ended) throw new TransferRefusal('wrong-phase', `the migration has ended: ${this.#phase}`);
    this.#pacer.setRate(bytesPerSecond, monotonicSeconds());
  }

  /** @throws TransferRefusal unless the migration waits for it, or had it already */
  continueSwitchover(): void {
    if (this.#phase === 'stopped' || this.#phase === 'completed') return;
    if (this.#phase !== 'pre-switchover')
      throw new TransferRefusal(
        'wrong-phase',
        `continue needs pre-switchover, the migration is ${this.#phase}`,
      );
    void this.#switchOver();
  }

  /** @throws TransferRefusal after STOP, where only the target's answer decides */
  async cancel(): Promise<void> {
    if (this.#phase === 'cancelled') return;
    if (this.#phase === 'failed' && this.#machinePaused) return this.#restartByHand();
    if (this.#phase === 'stopped' || this.ended || this.#ending)
      throw new TransferRefusal('too-late', `the migration is ${this.#phase}`);
    this.#abandon('cancelled at the source');
    this.#end('cancelled', 'cancelled; the machine runs on here', 'CANCELLED');
  }

  #remainingBytes(now: number): number {
    return this.#memory.unsentBytes + this.#memory.dirtyBytes(now) + (this.#sent - this.#acknowledged);
  }

  #connect(): void {
    const { address, port } = this.command.destination;
    const socket = connect({ host: address, port, localAddress: this.#context.address, noDelay: true });
    this.#socket = socket;
    const reader = new FrameReader({
      onData: () => {
        throw new FrameError('the target sent memory');
      },
      onFrame: (type, body) => this.#take(type, body),
    });
    socket.on('connect', () => {
      const { migration, vm, memoryBytes } = this.command;
      this.#connected = true;
      this.#write(jsonFrame(frameType.open, { migration, vm, memoryBytes }));
      this.#announceRound();
    });
    socket.on('data', (chunk) => {
      this.#heardAt = monotonicSeconds();
      try {
        reader.push(chunk);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        this.#lost(error.message);
      }
    });
    // not straight from the drain event: a peer that reads as fast as this writes would starve all timers
    socket.on('drain', () => setImmediate(() => this.#pump()));
    socket.on('error', (error) => this.#lost(error.message));
    socket.on('close', () => this.#lost('the target closed the connection'));
  }

  #write(bytes: Uint8Array): void {
    this.#spokeAt = monotonicSeconds();
    if (this.#socket?.writable) this.#socket.write(bytes);
  }

  #take(type: FrameTypeNumber, body: Uint8Array): void {
    if (type === frameType.acknowledge) this.#acknowledge(acknowledgedBytes(body));
    else if (type === frameType.resumed && this.#handedOver === 'finish-sent') this.#complete();
    else if (type === frameType.refused) {
      const { code, detail } = jsonBody(body);
      void this.#fail(`the target refused: ${code}: ${detail}`);
    } else throw new FrameError(`type ${type} from the target in phase ${this.#phase}`);
  }

  #acknowledge(bytes: number): void {
    if (bytes < this.#acknowledged || bytes > this.#sent)
      throw new FrameError(`${bytes} bytes acknowledged of ${this.#sent} sent`);
    if (bytes > this.#acknowledged) this.#progressAt = monotonicSeconds();
    this.#acknowledged = bytes;
  }

  #tick(): void {
    const now = monotonicSeconds();
    if (!this.#connected) {
      if (now - this.#startedAt > this.#context.limits.connectMs / 1000)
        void this.#fail(`no connection to the target within ${this.#context.limits.connectMs} ms`);
      return;
    }
    if (this.#ending || this.#handedOver === 'asking') return;
    this.#meter.note(now, this.#acknowledged);
    this.#watch(now);
    if (this.#phase === 'active') this.#stepActive(now);
    else if (this.#phase === 'pre-switchover') this.#stepPreSwitchover(now);
    this.#pump();
    if (now - this.#spokeAt > aliveMs / 1000) this.#write(frameHeader(frameType.ping, 0));
  }

  #watch(now: number): void {
    const limit = this.#context.limits.silenceMs / 1000;
    const waiting = this.#sent > this.#acknowledged || this.#handedOver === 'finish-sent';
    if (!waiting) this.#progressAt = now;
    if (now - this.#heardAt > limit) this.#lost(`the target said nothing for ${limit} s`);
    else if (now - this.#progressAt > limit) this.#lost(`the target took no byte for ${limit} s`);
  }

  #stepActive(now: number): void {
    const rate = Math.min(this.#meter.bytesPerSecond, this.#pacer.bytesPerSecond ?? Number.POSITIVE_INFINITY);
    if (this.#remainingBytes(now) <= (rate * this.command.downtimeLimitMs) / 1000) {
      this.#phase = 'pre-switchover';
      this.#preSwitchoverAt = now;
      this.#emit('PRE_SWITCHOVER');
    } else if (this.#roundIsOver(now)) {
      this.#memory.beginRound(now);
      this.#announceRound();
    }
  }

  #stepPreSwitchover(now: number): void {
    if (this.#roundIsOver(now)) this.#memory.refill(now);
    const limit = this.command.switchoverTimeoutSeconds;
    if (now - this.#preSwitchoverAt > limit && this.#handedOver === 'no')
      void this.#fail(`switchover-timeout: no continue within ${limit} s; the machine runs on here`);
  }

  #roundIsOver(now: number): boolean {
    return (
      this.#memory.unsentBytes === 0 &&
      this.#memory.roundSeconds(now) >= shortestRoundSeconds &&
      this.#memory.dirtyBytes(now) > 0
    );
  }

  #announceRound(): void {
    this.#write(
      jsonFrame(frameType.round, { round: this.#memory.round, roundBytes: this.#memory.unsentBytes }),
    );
    this.#emit('ROUND');
  }

  /** Hands to the socket what pacer, window and socket take. */
  #pump(): void {
    const socket = this.#socket;
    if (!this.#connected || this.#ending || socket === undefined) return;
    while (this.#memory.unsentBytes > 0 && !socket.writableNeedDrain && socket.writable) {
      const now = monotonicSeconds();
      const wanted = Math.min(this.#memory.unsentBytes, longestDataBody);
      const allowed = Math.min(this.#pacer.allowance(now, wanted), this.#windowLeft(), longestDataBody);
      const bytes = this.#memory.take(allowed);
      if (bytes === 0) return;
      this.#pacer.spend(bytes);
      this.#sent += bytes;
      socket.cork();
      this.#write(frameHeader(frameType.data, bytes));
      this.#write(memoryPattern.subarray(0, bytes));
      socket.uncork();
    }
    if (this.#handedOver === 'last-round' && this.#memory.unsentBytes === 0) this.#sendFinish();
  }

  #windowLeft(): number {
    const rate = this.#pacer.bytesPerSecond;
    if (rate === null) return Number.POSITIVE_INFINITY;
    return Math.max(0, Math.max(smallestWindow, rate * windowSeconds) - (this.#sent - this.#acknowledged));
  }

  async #switchOver(): Promise<void> {
    this.#phase = 'stopped';
    this.#handedOver = 'pausing';
    this.#stoppedAt = monotonicSeconds();
    if (this.#context.vmSocket !== undefined) {
      this.#machinePaused = true;
      try {
        const pausing = controlVm(this.#context.vmSocket, { do: 'pause' });
        this.#pausing = pausing.catch(() => undefined);
        this.#counter = (await pausing).counter;
      } catch (error) {
        return this.#fail(`the machine cannot be paused: ${(error as Error).message}`);
      }
    }
    if (this.#ending) return;
    this.#memory.stop(monotonicSeconds());
    this.#handedOver = 'last-round';
    this.#emit('STOP');
    this.#pump();
  }

  #sendFinish(): void {
    this.#handedOver = 'finish-sent';
    this.#progressAt = monotonicSeconds();
    this.#write(jsonFrame(frameType.finish, { dataBytes: this.#sent, counter: this.#counter ?? null }));
  }

  #complete(): void {
    // until the answer was heard here: half a round trip more than the machine stood still
    this.#downtimeMs = (monotonicSeconds() - this.#stoppedAt) * 1000;
    this.#acknowledged = this.#sent;
    this.#write(jsonFrame(frameType.done, { downtimeMs: this.#downtimeMs }));
    this.#end('completed', 'the machine runs at the target', 'COMPLETED');
  }

  #lost(reason: string): void {
    if (this.ended || this.#ending || this.#handedOver === 'asking') return;
    if (this.#handedOver === 'finish-sent') void this.#ask(reason);
    else {
      const what = this.#connected ? 'connection to the target lost' : 'no connection to the target';
      void this.#fail(`${what}: ${reason}`);
    }
  }

  async #ask(reason: string): Promise<void> {
    this.#handedOver = 'asking';
    this.#socket?.destroy();
    const { destination, migration } = this.command;
    const deadline = monotonicSeconds() + this.#context.limits.outcomeMs / 1000;
    const answer = await askOutcome(destination, this.#context.address, migration, deadline);
    if (answer === 'resumed') this.#complete();
    else if (answer === 'refused') await this.#fail(`connection to the target lost: ${reason}`);
    else
      this.#end(
        'failed',
        `outcome-unknown: connection lost after the last round (${reason}) and the target does not answer; ` +
          'the machine is left stopped so that it cannot run twice: make sure that it does not run at the ' +
          'target, then cancel to start it here',
        'FAILED',
      );
  }

  #abandon(reason: string): void {
    this.#write(jsonFrame(frameType.abandon, { reason: reason.slice(0, 500) }));
  }

  /** Ends with the machine running here. */
  async #fail(detail: string): Promise<void> {
    if (this.ended || this.#ending) return;
    this.#ending = true;
    this.#abandon(detail);
    const problem = await this.#restartMachine();
    this.#end('failed', problem === undefined ? detail : `${detail}; and ${problem}`, 'FAILED');
  }

  async #restartByHand(): Promise<void> {
    const problem = await this.#restartMachine();
    if (problem !== undefined) throw new TransferRefusal('machine', problem);
    this.#end('cancelled', 'cancelled after an unknown outcome; the machine runs here', 'CANCELLED');
  }

  async #restartMachine(): Promise<string | undefined> {
    if (!this.#machinePaused || this.#context.vmSocket === undefined) return undefined;
    await this.#pausing;
    try {
      await controlVm(this.#context.vmSocket, { do: 'resume' });
      this.#machinePaused = false;
      return undefined;
    } catch (error) {
      if (error instanceof VmControlError)
        return `the machine could not be started again here: ${error.message}`;
      throw error;
    }
  }

  #end(phase: AgentPhase, detail: string, event: AgentEventName): void {
    clearInterval(this.#ticker);
    this.#phase = phase;
    this.#detail = detail;
    this.#socket?.destroySoon();
    // a peer that never reads must not keep the connection for ever
    const socket = this.#socket;
    setTimeout(() => socket?.destroy(), 1000).unref();
    this.#emit(event);
  }

  #emit(event: AgentEventName): void {
    this.#context.onEvent(event, this.status());
  }
}
