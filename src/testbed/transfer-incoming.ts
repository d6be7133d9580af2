/**
 * The target's half of a migration: listens for the source, counts the memory, resumes the machine when all
 * of it is here. Before `finish` everything that goes wrong ends in `failed` and the machine never starts
 * here; after it, this end decides, remembers what it decided, and tells a source that lost the connection.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { AgentCommand, AgentEventName, AgentPhase, AgentStatus } from '../hypervisor/protocol.js';
import {
  acknowledgeFrame,
  FrameError,
  FrameReader,
  type FrameTypeNumber,
  frameHeader,
  frameType,
  jsonBody,
  jsonFrame,
} from './transfer-frame.js';
import { aliveMs, monotonicSeconds, TransferRefusal, tickMs } from './transfer-limits.js';
import type { OutgoingContext } from './transfer-outgoing.js';
import { controlVm, VmControlError } from './vm-control.js';

export type PrepareCommand = Extract<AgentCommand, { execute: 'prepare-incoming' }>;
/** `address`: where it listens. */
export type IncomingContext = OutgoingContext;

/** Connections at once: the source, and a source that asks again while the old one is dying. */
const mostConnections = 4;

export class IncomingMigration {
  readonly command: PrepareCommand;
  readonly #context: IncomingContext;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  /** were told `refused`: what they still send is read and thrown away, or a reset would overtake the word */
  readonly #dismissed = new WeakSet<Socket>();
  #ticker: NodeJS.Timeout | undefined;
  #source: Socket | undefined;
  #phase: AgentPhase = 'incoming';
  #detail = '';
  #memoryBytes = 0;
  #consumed = 0;
  #acknowledged = 0;
  #round = 0;
  #roundBytes = 0;
  #roundFrom = 0;
  #downtimeMs: number | null = null;
  #heardAt = monotonicSeconds();
  #spokeAt = monotonicSeconds();
  /** settles when the decision after `finish` is made */
  #deciding: Promise<void> | undefined;
  /** false: it may run here although it could not be confirmed, so `refused` must not be said */
  #certain = true;

  private constructor(command: PrepareCommand, context: IncomingContext) {
    this.command = command;
    this.#context = context;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Listens. @throws TransferRefusal `port-unavailable` */
  static async listen(command: PrepareCommand, context: IncomingContext): Promise<IncomingMigration> {
    const incoming = new IncomingMigration(command, context);
    await incoming.#listen();
    return incoming;
  }

  get ended(): boolean {
    return this.#phase !== 'incoming';
  }

  status(): AgentStatus {
    const sinceRound = this.#consumed - this.#roundFrom;
    return {
      phase: this.#phase,
      round: this.#round,
      totalBytes: this.#memoryBytes,
      transferredBytes: this.#consumed,
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

  /** Gives the port back; the answer to a source that asks is forgotten. */
  close(): void {
    clearInterval(this.#ticker);
    this.#server.close();
    for (const socket of this.#connections) socket.destroy();
  }

  #listen(): Promise<void> {
    const { port } = this.command;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) =>
        reject(
          new TransferRefusal(
            'port-unavailable',
            `port ${port} at ${this.#context.address}: ${error.message}`,
          ),
        ),
      );
      this.#server.listen({ host: this.#context.address, port }, () => {
        this.#heardAt = monotonicSeconds();
        this.#ticker = setInterval(() => this.#tick(), tickMs);
        resolve();
      });
    });
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= mostConnections) {
      socket.destroy();
      return;
    }
    this.#connections.add(socket);
    const reader = new FrameReader({
      onData: (bytes) => this.#consume(socket, bytes),
      onFrame: (type, body) => this.#take(socket, type, body),
    });
    socket.on('data', (chunk) => {
      if (this.#dismissed.has(socket)) return;
      if (socket === this.#source) this.#heardAt = monotonicSeconds();
      try {
        reader.push(chunk);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        this.#drop(socket, error.message);
      }
    });
    socket.on('error', (error) => this.#drop(socket, error.message));
    socket.on('close', () => this.#drop(socket, 'the source closed the connection'));
  }

  #take(socket: Socket, type: FrameTypeNumber, body: Uint8Array): void {
    // what came in one piece with the frame that was refused
    if (this.#dismissed.has(socket)) return;
    if (type === frameType.open) this.#open(socket, jsonBody(body));
    else if (type === frameType.ask) void this.#answer(socket, jsonBody(body));
    else if (socket !== this.#source) throw new FrameError(`type ${type} before open`);
    else if (type === frameType.round) this.#beginRound(jsonBody(body));
    else if (type === frameType.finish) this.#finish(jsonBody(body));
    else if (type === frameType.abandon) this.#abandoned(jsonBody(body));
    else if (type === frameType.done) this.#done(jsonBody(body));
    else if (type !== frameType.ping) throw new FrameError(`type ${type} from the source`);
  }

  #open(socket: Socket, { migration, vm, memoryBytes }: Readonly<Record<string, unknown>>): void {
    if (migration !== this.command.migration || vm !== this.command.vm) {
      this.#refuse(
        socket,
        'not-expected',
        `this port waits for ${this.command.vm} of ${this.command.migration}`,
      );
      return;
    }
    if (this.#phase !== 'incoming') {
      this.#refuse(socket, this.#phase, this.#detail);
      return;
    }
    if (this.#source !== undefined) {
      this.#refuse(socket, 'not-expected', 'the migration has its connection already');
      return;
    }
    this.#source = socket;
    this.#heardAt = monotonicSeconds();
    this.#memoryBytes = Number(memoryBytes) || 0;
  }

  #beginRound({ round, roundBytes }: Readonly<Record<string, unknown>>): void {
    this.#round = Number(round) || 0;
    this.#roundBytes = Number(roundBytes) || 0;
    this.#roundFrom = this.#consumed;
  }

  #consume(socket: Socket, bytes: number): void {
    if (this.#dismissed.has(socket)) return;
    if (socket !== this.#source || this.#deciding !== undefined)
      throw new FrameError('memory outside a migration');
    this.#consumed += bytes;
  }

  #tick(): void {
    const now = monotonicSeconds();
    const { openMs, silenceMs } = this.#context.limits;
    if (this.#phase !== 'incoming') return;
    if (this.#source === undefined) {
      if (now - this.#heardAt > openMs / 1000) this.#fail(`the source did not connect within ${openMs} ms`);
      return;
    }
    if (this.#consumed > this.#acknowledged || now - this.#spokeAt > aliveMs / 1000) this.#acknowledge(now);
    if (now - this.#heardAt > silenceMs / 1000 && this.#deciding === undefined)
      this.#fail(`the source said nothing for ${silenceMs} ms`);
  }

  #acknowledge(now: number): void {
    const socket = this.#source!;
    // acknowledgements add up: one that waits in the socket makes the next one superfluous
    if (!socket.writable || socket.writableLength > 0) return;
    this.#spokeAt = now;
    this.#acknowledged = this.#consumed;
    socket.write(acknowledgeFrame(this.#consumed));
  }

  #finish({ dataBytes, counter }: Readonly<Record<string, unknown>>): void {
    if (this.#phase !== 'incoming' || this.#deciding !== undefined) throw new FrameError('a second finish');
    if (dataBytes !== this.#consumed)
      throw new FrameError(`${this.#consumed} bytes of memory arrived, ${String(dataBytes)} were sent`);
    this.#deciding = this.#resume(typeof counter === 'number' ? counter : undefined);
  }

  async #resume(counter: number | undefined): Promise<void> {
    const { vmSocket } = this.#context;
    try {
      if (vmSocket !== undefined)
        await controlVm(vmSocket, counter === undefined ? { do: 'resume' } : { do: 'resume', counter });
    } catch (error) {
      this.#certain = await certainlyStopped(vmSocket!, error);
      return this.#fail(
        `${this.#certain ? 'resume-failed' : 'outcome-unknown'}: all memory is here but ${(error as Error).message}`,
      );
    }
    this.#phase = 'resumed';
    this.#detail = 'the machine runs here';
    // first to whoever redirects the machine's packets: for it every millisecond counts
    this.#context.onEvent('RESUME', this.status());
    if (this.#source?.writable) this.#source.write(frameHeader(frameType.resumed, 0));
    this.#forgetLater();
  }

  /** A source that lost its connection wants to know who runs the machine. */
  async #answer(socket: Socket, { migration }: Readonly<Record<string, unknown>>): Promise<void> {
    if (migration !== this.command.migration)
      return this.#refuse(socket, 'not-expected', `this port is of ${this.command.migration}`);
    await this.#deciding;
    // undecided: the last round did not arrive whole, and from now on it never will
    if (this.#phase === 'incoming') this.#fail('the source lost the connection before all memory was here');
    if (this.#phase === 'resumed') socket.write(frameHeader(frameType.resumed, 0));
    else if (this.#certain) this.#refuse(socket, this.#phase, this.#detail);
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

  #drop(socket: Socket, reason: string): void {
    if (!this.#connections.delete(socket)) return;
    socket.destroy();
    if (socket === this.#source && this.#deciding === undefined && this.#phase === 'incoming')
      this.#fail(`connection to the source lost: ${reason}`);
  }

  #fail(detail: string): void {
    this.#end('failed', detail, 'FAILED');
  }

  #end(phase: AgentPhase, detail: string, event: AgentEventName): void {
    if (this.#phase !== 'incoming') return;
    this.#phase = phase;
    this.#detail = detail;
    const source = this.#source;
    if (this.#certain && source?.writable) this.#refuse(source, phase, detail);
    else source?.destroy();
    this.#context.onEvent(event, this.status());
    this.#forgetLater();
  }

  #refuse(socket: Socket, code: string, detail: string): void {
    if (!socket.writable) return;
    this.#dismissed.add(socket);
    socket.end(jsonFrame(frameType.refused, { code, detail: detail.slice(0, 500) }));
    setTimeout(() => socket.destroy(), 1000).unref();
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
