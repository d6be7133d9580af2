/**
 * The controller's side of an agent conversation: keeps a connection, sends commands, hands on answers and
 * events. It holds no policy and repeats no command: when a connection is lost every command in flight is
 * answered with `disconnected`, and whoever sent it asks with `query` after `onConnected`.
 */
import { connect, type Socket } from 'node:net';
import { parseAgentLine } from './agent-line.js';
import { type AgentError, checkCommand } from './agent-request.js';
import { type Endpoint, parseEndpoint, socketAddress } from './endpoint.js';
import { LineFramer } from './line-framer.js';
import {
  type AgentCommand,
  type AgentEventLine,
  type AgentLine,
  type AgentReplyLine,
  type AgentRequestLine,
  type AgentStatus,
  agentLineLimitBytes,
} from './protocol.js';

export interface TransferHandlers {
  /** the agent has said who it is; commands are taken from now on */
  onConnected(): void;
  /** once after each `onConnected`, and for the first failed attempt of a series */
  onDisconnected(reason: string): void;
  onEvent(line: AgentEventLine): void;
  /**
   * Exactly once for each `send`, never before `send` returned. Error codes of the driver itself:
   * `not-connected`, `disconnected`, `deadline`, `too-many-commands`, and those of `checkCommand`.
   */
  onReply(commandNumber: number, error: AgentError | null, status: AgentStatus | null): void;
}

/** Limits of the conversation, milliseconds unless said otherwise. */
export interface TransferDriverOptions {
  readonly commandDeadlineMs: number;
  readonly connectDeadlineMs: number;
  readonly firstRetryMs: number;
  readonly longestRetryMs: number;
  /** commands in flight */
  readonly mostPending: number;
}

const defaults: TransferDriverOptions = {
  commandDeadlineMs: 5000,
  connectDeadlineMs: 5000,
  firstRetryMs: 100,
  longestRetryMs: 2000,
  mostPending: 64,
};

interface Pending {
  /** undefined: the driver's own hello */
  readonly commandNumber: number | undefined;
  readonly timer: NodeJS.Timeout;
}

export class TransferDriver {
  readonly #endpoint: Endpoint;
  readonly #handlers: TransferHandlers;
  readonly #options: TransferDriverOptions;
  readonly #pending = new Map<number, Pending>();
  #socket: Socket | undefined;
  #ready = false;
  #closed = false;
  #announcedDown = false;
  #nextId = 1;
  #retryMs: number;
  #retryTimer: NodeJS.Timeout | undefined;

  /** Starts connecting at once. @throws EndpointError */
  constructor(endpoint: string, handlers: TransferHandlers, options: Partial<TransferDriverOptions> = {}) {
    this.#endpoint = parseEndpoint(endpoint);
    this.#handlers = handlers;
    this.#options = { ...defaults, ...options };
    this.#retryMs = this.#options.firstRetryMs;
    this.#open();
  }

  get connected(): boolean {
    return this.#ready;
  }

  /** Never throws for the command's sake: `onReply` brings the outcome. */
  send(commandNumber: number, command: AgentCommand): void {
    const refusal = this.#refusalOf(command);
    if (refusal !== undefined) queueMicrotask(() => this.#handlers.onReply(commandNumber, refusal, null));
    else this.#request(commandNumber, command);
  }

  /** Ends the conversation for good. Commands in flight are answered with `disconnected`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    this.#drop('closed by this side');
  }

  #refusalOf(command: AgentCommand): AgentError | undefined {
    if (!this.#ready) return { code: 'not-connected', detail: 'there is no connection to the agent' };
    if (this.#pending.size >= this.#options.mostPending)
      return { code: 'too-many-commands', detail: `${this.#pending.size} commands wait for their answers` };
    return checkCommand(command);
  }

  #open(): void {
    const socket = connect(socketAddress(this.#endpoint));
    const framer = new LineFramer(agentLineLimitBytes);
    this.#socket = socket;
    const connecting = setTimeout(
      () => this.#lost(socket, `no connection within ${this.#options.connectDeadlineMs} ms`),
      this.#options.connectDeadlineMs,
    );
    socket.setNoDelay(true);
    socket.once('connect', () => {
      clearTimeout(connecting);
      this.#request(undefined, { execute: 'hello' });
    });
    socket.on('data', (chunk) => {
      const error = framer.push(chunk, (line) => {
        if (socket === this.#socket) this.#take(socket, line);
      });
      if (error !== undefined) this.#lost(socket, `${error.code}: ${error.detail}`);
    });
    socket.on('error', (error) => this.#lost(socket, error.message));
    socket.on('close', () => {
      clearTimeout(connecting);
      this.#lost(socket, 'the agent closed the connection');
    });
  }

  #request(commandNumber: number | undefined, command: AgentCommand): void {
    const socket = this.#socket!;
    const id = this.#nextId++;
    // an agent answers at once or is dead: a silent one is treated as a lost connection
    const timer = setTimeout(() => {
      this.#settle(id, {
        code: 'deadline',
        detail: `no answer within ${this.#options.commandDeadlineMs} ms`,
      });
      this.#lost(socket, `no answer to ${command.execute} within ${this.#options.commandDeadlineMs} ms`);
    }, this.#options.commandDeadlineMs);
    this.#pending.set(id, { commandNumber, timer });
    const line: AgentRequestLine = { id, command };
    socket.write(`${JSON.stringify(line)}\n`);
  }

  #take(socket: Socket, text: string): void {
    const parsed = parseAgentLine(text);
    if (!parsed.ok) this.#lost(socket, `${parsed.error.code}: ${parsed.error.detail}`);
    else if ('event' in parsed.line) this.#handlers.onEvent(parsed.line);
    else this.#answer(socket, parsed.line);
  }

  #answer(socket: Socket, line: AgentReplyLine): void {
    const pending = this.#pending.get(line.id);
    if (pending === undefined) {
      // id 0: the agent could not read a line of ours and says so before it closes
      if (line.id === 0 && 'error' in line) this.#lost(socket, `${line.error.code}: ${line.error.detail}`);
      return;
    }
    if (pending.commandNumber === undefined) {
      this.#pending.delete(line.id);
      clearTimeout(pending.timer);
      this.#welcome(socket, line);
    } else if ('error' in line) this.#settle(line.id, line.error);
    else this.#settle(line.id, null, 'phase' in line.return ? line.return : null);
  }

  #welcome(socket: Socket, line: AgentLine): void {
    if (!('return' in line && 'agent' in line.return)) {
      this.#lost(socket, 'the peer did not say that it is a steady-transfer agent');
      return;
    }
    this.#ready = true;
    this.#announcedDown = false;
    this.#retryMs = this.#options.firstRetryMs;
    this.#handlers.onConnected();
  }

  #settle(id: number, error: AgentError | null, status: AgentStatus | null = null): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if (pending.commandNumber !== undefined) this.#handlers.onReply(pending.commandNumber, error, status);
  }

  #lost(socket: Socket, reason: string): void {
    if (socket !== this.#socket || this.#closed) return;
    this.#drop(reason);
    this.#retryTimer = setTimeout(() => this.#open(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, this.#options.longestRetryMs);
  }

  #drop(reason: string): void {
    this.#socket?.destroy();
    this.#socket = undefined;
    const tell = this.#ready || !(this.#announcedDown || this.#closed);
    this.#ready = false;
    this.#announcedDown = true;
    for (const id of [...this.#pending.keys()]) this.#settle(id, { code: 'disconnected', detail: reason });
    if (tell) this.#handlers.onDisconnected(reason);
  }
}
