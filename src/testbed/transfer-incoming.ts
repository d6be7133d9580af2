/**
 * The target's half of a migration: listens for the streams of the source, counts the memory, resumes the machine when
 * all of it is here. Before `finish` everything that goes wrong ends in `failed` and the machine never starts
 * here; after it, this end decides, remembers what it decided, and tells a source that lost the connection.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { AgentCommand, AgentEventName, AgentPhase, AgentStatus } from '../hypervisor/protocol.js';
import { IncomingStream } from './incoming-stream.js';
import { RoundBarrier } from './round-barrier.js';
import { FrameError, type FrameTypeNumber, frameType, jsonBody } from './transfer-frame.js';
import { monotonicSeconds, TransferRefusal, tickMs } from './transfer-limits.js';
import type { OutgoingContext } from './transfer-outgoing.js';
import { controlVm, VmControlError } from './vm-control.js';

export type PrepareCommand = Extract<AgentCommand, { execute: 'prepare-incoming' }>;
/** `address`: where it listens. */
export type IncomingContext = OutgoingContext;

/** Connections beside the streams: a source that asks again while the old connections are dying, and strangers. */
const mostOtherConnections = 3;

export class IncomingMigration {
  readonly command: PrepareCommand;
  readonly #context: IncomingContext;
  readonly #servers: readonly Server[];
  readonly #connections = new Set<IncomingStream>();
  /** by number; those that have not come yet are missing */
  readonly #streams: (IncomingStream | undefined)[];
  readonly #barrier: RoundBarrier;
  #ticker: NodeJS.Timeout | undefined;
  #phase: AgentPhase = 'incoming';
  #detail = '';
  #memoryBytes = 0;
  #round = 0;
  #roundBytes = 0;
  #roundFrom = 0;
  #downtimeMs: number | null = null;
  #heardAt = monotonicSeconds();
  /** settles when the decision after `finish` is made */
  #deciding: Promise<void> | undefined;
  /** false: it may run here although it could not be confirmed, so `refused` must not be said */
  #certain = true;

  private constructor(command: PrepareCommand, context: IncomingContext) {
    this.command = command;
    this.#context = context;
    this.#servers = command.streams.map(() =>
      createServer({ noDelay: true }, (socket) => this.#accept(socket)),
    );
    this.#streams = command.streams.map(() => undefined);
    this.#barrier = new RoundBarrier(command.streams.length);
  }

  /** Listens. @throws TransferRefusal `port-unavailable` */
  static async listen(command: PrepareCommand, context: IncomingContext): Promise<IncomingMigration> {
    const incoming = new IncomingMigration(command, context);
    try {
      for (const [i, { port }] of command.streams.entries())
        await incoming.#listen(incoming.#servers[i]!, port);
    } catch (error) {
      incoming.close();
      throw error;
    }
    // A machine that cannot be told is found out by `resume`, when it matters.
    await incoming.#tellVm('await');
    incoming.#heardAt = monotonicSeconds();
    incoming.#ticker = setInterval(() => incoming.#tick(), tickMs);
    return incoming;
  }

  get ended(): boolean {
    return this.#phase !== 'incoming';
  }

  get #consumed(): number {
    return this.#streams.reduce((sum, stream) => sum + (stream?.consumed ?? 0), 0);
  }

  status(): AgentStatus {
    const consumed = this.#consumed;
    const sinceRound = consumed - this.#roundFrom;
    return {
      phase: this.#phase,
      round: this.#round,
      totalBytes: this.#memoryBytes,
      transferredBytes: consumed,
      remainingBytes: this.#phase === 'incoming' ? Math.max(0, this.#roundBytes - sinceRound) : 0,
      dirtyBytesPerSecond: 0,
      downtimeMs: this.#downtimeMs,
      detail: this.#detail,
    };
  }

  /** @throws TransferRefusal when all memory is here: the machine runs, or is about to */
  cancel(): void {
    if (this.#phase === 'cancelled') return;
    if (this.#phase !== 'incoming' || this.#deciding !== undefined)
      throw new TransferRefusal('too-late', `the migration is ${this.#phase}`);
    this.#end('cancelled', 'cancelled at the target', 'CANCELLED');
  }

  /** Gives the ports back; the answer to a source that asks is forgotten. */
  close(): void {
    clearInterval(this.#ticker);
    for (const server of this.#servers) server.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #listen(server: Server, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      server.once('error', (error) =>
        reject(
          new TransferRefusal(
            'port-unavailable',
            `port ${port} at ${this.#context.address}: ${error.message}`,
          ),
        ),
      );
      server.listen({ host: this.#context.address, port }, () => resolve());
    });
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#streams.length + mostOtherConnections) {
      socket.destroy();
      return;
    }
    this.#connections.add(
      new IncomingStream(socket, {
        onHeard: (stream) => {
          if (stream.number !== undefined) this.#heardAt = monotonicSeconds();
        },
        onData: (stream, bytes) => this.#consume(stream, bytes),
        onFrame: (stream, type, body) => this.#take(stream, type, body),
        onGone: (stream, reason) => this.#gone(stream, reason),
      }),
    );
  }

  #take(stream: IncomingStream, type: FrameTypeNumber, body: Uint8Array): void {
    if (type === frameType.open) this.#open(stream, jsonBody(body));
    else if (type === frameType.ask) void this.#answer(stream, jsonBody(body));
    else if (stream.number === undefined) throw new FrameError(`type ${type} before open`);
    else if (type === frameType.round) this.#beginRound(stream, stream.number, jsonBody(body));
    else if (type === frameType.finish) this.#finish(stream, jsonBody(body));
    else if (type === frameType.abandon) this.#abandoned(jsonBody(body));
    else if (type === frameType.done) this.#done(jsonBody(body));
    else if (type !== frameType.ping) throw new FrameError(`type ${type} from the source`);
  }

  #open(
    connection: IncomingStream,
    { migration, vm, memoryBytes, stream }: Readonly<Record<string, unknown>>,
  ): void {
    if (migration !== this.command.migration || vm !== this.command.vm) {
      const expected = `this port waits for ${this.command.vm} of ${this.command.migration}`;
      connection.refuse('not-expected', expected);
      return;
    }
    if (this.#phase !== 'incoming') {
      connection.refuse(this.#phase, this.#detail);
      return;
    }
    const number = Number(stream);
    if (!(number in this.#streams)) {
      connection.refuse('not-expected', `there is no stream ${String(stream)} of ${this.#streams.length}`);
      return;
    }
    if (this.#streams[number] !== undefined) {
      connection.refuse('not-expected', 'the migration has its connection already');
      return;
    }
    connection.number = number;
    this.#streams[number] = connection;
    this.#heardAt = monotonicSeconds();
    this.#memoryBytes = Number(memoryBytes) || 0;
  }

  #beginRound(
    stream: IncomingStream,
    number: number,
    { round, roundBytes }: Readonly<Record<string, unknown>>,
  ): void {
    if (!this.#barrier.begin(number)) {
      if (this.#barrier.holds(number)) stream.hold();
      return;
    }
    this.#round = Number(round) || 0;
    this.#roundBytes = Number(roundBytes) || 0;
    this.#roundFrom = this.#consumed;
    for (const [other, waiting] of this.#streams.entries())
      if (other !== number && !this.#barrier.holds(other)) waiting?.release();
  }

  #consume(stream: IncomingStream, bytes: number): void {
    if (stream.number === undefined || stream.finished) throw new FrameError('memory outside a migration');
    stream.consumed += bytes;
  }

  #tick(): void {
    const now = monotonicSeconds();
    const { openMs, silenceMs } = this.#context.limits;
    if (this.#phase !== 'incoming') return;
    for (const stream of this.#streams) stream?.acknowledge(now);
    if (this.#streams.includes(undefined)) {
      if (now - this.#heardAt > openMs / 1000) this.#fail(`the source did not connect within ${openMs} ms`);
      return;
    }
    if (now - this.#heardAt > silenceMs / 1000 && this.#deciding === undefined)
      this.#fail(`the source said nothing for ${silenceMs} ms`);
  }

  #finish(stream: IncomingStream, { dataBytes, counter }: Readonly<Record<string, unknown>>): void {
    if (this.#phase !== 'incoming' || stream.finished) throw new FrameError('a second finish');
    if (dataBytes !== stream.consumed)
      throw new FrameError(`${stream.consumed} bytes of memory arrived, ${String(dataBytes)} were sent`);
    stream.finished = true;
    if (this.#streams.every((each) => each?.finished))
      this.#deciding = this.#resume(typeof counter === 'number' ? counter : undefined);
  }

  async #resume(counter: number | undefined): Promise<void> {
    const { vmSocket } = this.#context;
    let waited = '';
    try {
      if (vmSocket !== undefined) {
        const vm = await controlVm(
          vmSocket,
          counter === undefined ? { do: 'resume' } : { do: 'resume', counter },
        );
        waited = `; ${vm.waited} packets waited for it, ${vm.refused} found no room`;
      }
    } catch (error) {
      this.#certain = await certainlyStopped(vmSocket!, error);
      return this.#fail(
        `${this.#certain ? 'resume-failed' : 'outcome-unknown'}: all memory is here but ${(error as Error).message}`,
      );
    }
    this.#phase = 'resumed';
    this.#detail = `the machine runs here${waited}`;
    // first to whoever redirects the machine's packets: for it every millisecond counts
    this.#context.onEvent('RESUME', this.status());
    this.#streams[0]?.sayResumed();
    this.#forgetLater();
  }

  /** A source that lost its connection wants to know who runs the machine. */
  async #answer(connection: IncomingStream, { migration }: Readonly<Record<string, unknown>>): Promise<void> {
    if (migration !== this.command.migration)
      return connection.refuse('not-expected', `this port is of ${this.command.migration}`);
    await this.#deciding;
    // undecided: the last round did not arrive whole, and from now on it never will
    if (this.#phase === 'incoming') this.#fail('the source lost the connection before all memory was here');
    if (this.#phase === 'resumed') connection.sayResumed();
    else if (this.#certain) connection.refuse(this.#phase, this.#detail);
  }

  #abandoned({ reason }: Readonly<Record<string, unknown>>): void {
    if (this.#phase !== 'incoming' || this.#deciding !== undefined) return;
    this.#fail(`the source gave up: ${String(reason)}`);
    this.close();
  }

  #done({ downtimeMs }: Readonly<Record<string, unknown>>): void {
    if (this.#phase !== 'resumed') throw new FrameError('done before resumed');
    if (typeof downtimeMs === 'number') this.#downtimeMs = downtimeMs;
    this.close();
  }

  #gone(stream: IncomingStream, reason: string): void {
    this.#connections.delete(stream);
    if (stream.number !== undefined && this.#deciding === undefined && this.#phase === 'incoming')
      this.#fail(`connection to the source lost: ${reason}`);
  }

  #fail(detail: string): void {
    this.#end('failed', detail, 'FAILED');
  }

  #end(phase: AgentPhase, detail: string, event: AgentEventName): void {
    if (this.#phase !== 'incoming') return;
    this.#phase = phase;
    this.#detail = detail;
    void this.#tellVm('leave');
    for (const stream of this.#streams)
      if (this.#certain) stream?.refuse(phase, detail);
      else stream?.destroy();
    this.#context.onEvent(event, this.status());
    this.#forgetLater();
  }

  async #tellVm(what: 'await' | 'leave'): Promise<void> {
    const { vmSocket } = this.#context;
    if (vmSocket !== undefined) await controlVm(vmSocket, { do: what }).catch(() => undefined);
  }

  #forgetLater(): void {
    clearInterval(this.#ticker);
    this.#ticker = setTimeout(() => this.close(), this.#context.limits.answerMs);
    this.#ticker.unref();
  }
}

/** After a `resume` that failed: is it sure that the machine does not run here? */
async function certainlyStopped(vmSocket: string, error: unknown): Promise<boolean> {
  if (error instanceof VmControlError && !error.reached) return true;
  try {
    return !(await controlVm(vmSocket, { do: 'pause' })).running;
  } catch (again) {
    return again instanceof VmControlError && !again.reached;
  }
}
