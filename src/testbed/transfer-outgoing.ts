/**
 * The source's half of a migration. Memory goes in pieces to whichever stream can take one, in turn, so that a fast path
 * carries more and does not wait for a slow one. The machine runs here until STOP, and again after every failure before
 * the target said that it resumed. One case cannot be decided by the two ends alone: the connection breaks
 * after the last round was handed over and the target does not answer any more. Then the machine is left
 * stopped - it must not run twice - and the status says `outcome-unknown`; `cancel` starts it here.
 */
import type { AgentCommand, AgentEventName, AgentPhase, AgentStatus } from '../hypervisor/protocol.js';
import { OutgoingStream } from './outgoing-stream.js';
import {
  FrameError,
  type FrameTypeNumber,
  frameType,
  jsonBody,
  jsonFrame,
  longestDataBody,
} from './transfer-frame.js';
import { monotonicSeconds, type TransferLimits, TransferRefusal, tickMs } from './transfer-limits.js';
import { PrecopyMemory } from './transfer-memory.js';
import { askOutcome } from './transfer-outcome.js';
import { RateMeter, TransferPacer } from './transfer-pacer.js';
import { controlVm, VmControlError } from './vm-control.js';

export type MigrateCommand = Extract<AgentCommand, { execute: 'migrate' }>;

export interface OutgoingContext {
  /** address that the migration's connections leave from */
  readonly address: string;
  /** control socket of the machine's stand-in; undefined: the machine is a number of bytes only */
  readonly vmSocket: string | undefined;
  readonly limits: TransferLimits;
  onEvent(event: AgentEventName, status: AgentStatus): void;
}

/** Rounds shorter than this would be mostly bookkeeping. */
const shortestRoundSeconds = 0.05;
/** Frames smaller than this would be mostly header. */
const smallestPiece = 4096;

export class OutgoingMigration {
  readonly command: MigrateCommand;
  readonly #context: OutgoingContext;
  readonly #memory: PrecopyMemory;
  readonly #pacer: TransferPacer;
  readonly #meter = new RateMeter();
  readonly #ticker: NodeJS.Timeout;
  readonly #startedAt: number;
  readonly #streams: readonly OutgoingStream[];
  /** so many of them take memory */
  #used = 1;
  /** whose turn it is to take memory */
  #turn = 0;
  #phase: AgentPhase = 'active';
  #detail = '';
  #downtimeMs: number | null = null;
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
    this.#startedAt = now;
    this.#streams = command.streams.map(({ port }, number) => this.#connect(port, number));
    this.#ticker = setInterval(() => this.#tick(), tickMs);
  }

  get ended(): boolean {
    return this.#phase === 'completed' || this.#phase === 'failed' || this.#phase === 'cancelled';
  }

  get #connected(): boolean {
    return this.#streams.every((stream) => stream.connected);
  }
  get #sent(): number {
    return this.#streams.reduce((sum, stream) => sum + stream.sent, 0);
  }
  get #acknowledged(): number {
    return this.#streams.reduce((sum, stream) => sum + stream.acknowledged, 0);
  }

  status(): AgentStatus {
    return {
      phase: this.#phase,
      round: this.#memory.round,
      totalBytes: this.command.memoryBytes,
      transferredBytes: this.#phase === 'completed' ? this.#sent : this.#acknowledged,
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

  /** @throws TransferRefusal for more than there are */
  useStreams(count: number): void {
    if (this.ended) throw new TransferRefusal('wrong-phase', `the migration has ended: ${this.#phase}`);
    if (count > this.#streams.length)
      throw new TransferRefusal('bad-command', `there are ${this.#streams.length} streams, not ${count}`);
    this.#used = count;
  }

  /**
   * @param force at once, whatever is left
   * @throws TransferRefusal unless the migration waits for it, or had it already
   */
  continueSwitchover(force = false): void {
    if (this.#phase === 'stopped' || this.#phase === 'completed') return;
    if (this.#phase !== 'pre-switchover' && !(force && this.#phase === 'active' && this.#connected))
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

  #connect(port: number, number: number): OutgoingStream {
    const { migration, vm, memoryBytes, destination } = this.command;
    const target = { address: destination.address, port };
    const stream: OutgoingStream = new OutgoingStream(target, this.#context.address, {
      onConnect: () => {
        stream.write(jsonFrame(frameType.open, { migration, vm, memoryBytes, stream: number }));
        if (this.#connected) this.#announceRound();
      },
      onFrame: (type, body) => this.#take(type, body),
      onDrain: () => this.#pump(),
      onLost: (reason) => this.#lost(reason),
    });
    return stream;
  }

  #sayToAll(frame: Uint8Array): void {
    for (const stream of this.#streams) stream.write(frame);
  }

  #take(type: FrameTypeNumber, body: Uint8Array): void {
    if (type === frameType.resumed && this.#handedOver === 'finish-sent') this.#complete();
    else if (type === frameType.refused) {
      const { code, detail } = jsonBody(body);
      void this.#fail(`the target refused: ${code}: ${detail}`);
    } else throw new FrameError(`type ${type} from the target in phase ${this.#phase}`);
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
    for (const stream of this.#streams) stream.tick(now);
    this.#watch(now);
    if (this.#phase === 'active') this.#stepActive(now);
    else if (this.#phase === 'pre-switchover') this.#stepPreSwitchover(now);
    this.#pump();
  }

  #watch(now: number): void {
    const limit = this.#context.limits.silenceMs / 1000;
    for (const stream of this.#streams) {
      // only the first is answered
      const waiting = this.#handedOver === 'finish-sent' && stream === this.#streams[0];
      const complaint = stream.complaint(now, limit, waiting);
      if (complaint !== undefined) this.#lost(complaint);
    }
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
    if (this.#roundIsOver(now)) {
      this.#memory.refill(now);
      this.#sayRound();
    }
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
    this.#sayRound();
    this.#emit('ROUND');
  }

  /** What is sent from now on may be newer than what is under way. */
  #sayRound(): void {
    const { round, unsentBytes } = this.#memory;
    this.#sayToAll(jsonFrame(frameType.round, { round, roundBytes: unsentBytes }));
  }

  /** Hands to the sockets, one piece each in turn, what pacer, windows and sockets take. */
  #pump(): void {
    if (!this.#connected || this.#ending) return;
    for (let idle = 0; idle < this.#used && this.#memory.unsentBytes > 0; ) {
      this.#turn = (this.#turn + 1) % this.#used;
      const stream = this.#streams[this.#turn]!;
      idle = this.#sendPiece(stream) ? 0 : idle + 1;
    }
    if (this.#handedOver === 'last-round' && this.#memory.unsentBytes === 0) this.#sendFinish();
  }

  #sendPiece(stream: OutgoingStream): boolean {
    if (!stream.takes) return false;
    const wanted = Math.min(this.#memory.unsentBytes, longestDataBody);
    const window = this.#windowLeft(stream);
    if (window < Math.min(smallestPiece, wanted)) return false;
    const allowed = this.#pacer.allowance(monotonicSeconds(), wanted);
    const bytes = this.#memory.take(Math.min(allowed, window, longestDataBody));
    if (bytes === 0) return false;
    this.#pacer.spend(bytes);
    stream.sendMemory(bytes);
    return true;
  }

  /** Alone it may fill what the cap allows; of several each gets what its own path takes. */
  #windowLeft(stream: OutgoingStream): number {
    if (this.#used > 1) return stream.shareLeft(this.#secondsLeft());
    const rate = this.#pacer.bytesPerSecond;
    return rate === null ? Number.POSITIVE_INFINITY : stream.windowLeft(rate);
  }

  /** Until all that is left of the round could be delivered, by all streams together. */
  #secondsLeft(): number {
    const left = this.#memory.unsentBytes + this.#sent - this.#acknowledged;
    const used = this.#streams.slice(0, this.#used);
    const rate = used.reduce((sum, stream) => sum + stream.bytesPerSecond, 0);
    return rate > 0 ? left / rate : Number.POSITIVE_INFINITY;
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
    this.#sayRound();
    this.#handedOver = 'last-round';
    this.#emit('STOP');
    this.#pump();
  }

  #sendFinish(): void {
    this.#handedOver = 'finish-sent';
    this.#streams[0]!.expectAnswer();
    for (const stream of this.#streams)
      stream.write(jsonFrame(frameType.finish, { dataBytes: stream.sent, counter: this.#counter ?? null }));
  }

  #complete(): void {
    // until the answer was heard here: half a round trip more than the machine stood still
    this.#downtimeMs = (monotonicSeconds() - this.#stoppedAt) * 1000;
    this.#streams[0]!.write(jsonFrame(frameType.done, { downtimeMs: this.#downtimeMs }));
    this.#end('completed', 'the machine runs at the target', 'COMPLETED');
    // Nobody reads what still waits for it here; where it cannot be told, nobody listens either.
    const { vmSocket } = this.#context;
    if (vmSocket !== undefined) void controlVm(vmSocket, { do: 'leave' }).catch(() => undefined);
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
    for (const stream of this.#streams) stream.destroy();
    const { destination, migration, streams } = this.command;
    const deadline = monotonicSeconds() + this.#context.limits.outcomeMs / 1000;
    const target = { address: destination.address, port: streams[0]!.port };
    const answer = await askOutcome(target, this.#context.address, migration, deadline);
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
    this.#sayToAll(jsonFrame(frameType.abandon, { reason: reason.slice(0, 500) }));
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
    for (const stream of this.#streams) stream.end();
    this.#emit(event);
  }

  #emit(event: AgentEventName): void {
    this.#context.onEvent(event, this.status());
  }
}
