import { createConnection, type Socket } from 'node:net';
import type { Endpoint } from './endpoint.js';
import { OvsdbError } from './errors.js';
import { type RpcMessage, readRpc, rpcRefusal, rpcReply, rpcRequest } from './json-rpc.js';
import { JsonSplitter } from './json-splitter.js';

export interface ConnectionLimits {
  /** limit of connecting and of each request, ms */
  readonly timeoutMs: number;
  /** silence after which an echo is sent; twice as long without a word ends the connection, ms */
  readonly probeIntervalMs: number;
  readonly maxInFlight: number;
  /** longest message accepted, and most bytes that may wait to be sent */
  readonly messageLimitBytes: number;
}
export interface ConnectionEvents {
  readonly onNotification: (method: string, params: readonly unknown[]) => void;
  /** called once */
  readonly onClose: (reason: string) => void;
}
/** Called in the order in which answers arrive, before the message after the answer is looked at. */
export type Settle = (error: OvsdbError | undefined, result: unknown) => void;

/** One life of one socket: requests with deadlines, echo both ways, and an end. */
export class OvsdbConnection {
  readonly #socket: Socket;
  readonly #limits: ConnectionLimits;
  readonly #events: ConnectionEvents;
  readonly #splitter: JsonSplitter;
  readonly #pending = new Map<number, { settle: Settle; timer: NodeJS.Timeout; method: string }>();
  readonly #probe: NodeJS.Timeout;
  #nextId = 1;
  #heardAt = performance.now();
  #closed = false;

  private constructor(socket: Socket, limits: ConnectionLimits, events: ConnectionEvents) {
    this.#socket = socket;
    this.#limits = limits;
    this.#events = events;
    this.#splitter = new JsonSplitter(limits.messageLimitBytes);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (e) => this.close(e.message));
    socket.on('close', () => this.close('the server closed the connection'));
    this.#probe = setInterval(() => this.#checkSilence(), limits.probeIntervalMs).unref();
  }

  /** Rejects with `connect-failed`. */
  static open(
    endpoint: Endpoint,
    limits: ConnectionLimits,
    events: ConnectionEvents,
  ): Promise<OvsdbConnection> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(
        endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port },
      );
      const fail = (reason: string) => {
        clearTimeout(timer);
        socket.destroy();
        const where = endpoint.kind === 'unix' ? endpoint.path : `${endpoint.host}:${endpoint.port}`;
        reject(new OvsdbError('connect-failed', `cannot reach the OVSDB server at ${where}: ${reason}`));
      };
      const timer = setTimeout(() => fail(`no answer in ${limits.timeoutMs} ms`), limits.timeoutMs);
      const onError = (e: Error) => fail(e.message);
      socket.once('error', onError);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeListener('error', onError);
        resolve(new OvsdbConnection(socket, limits, events));
      });
    });
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  /** Never throws; everything that can go wrong reaches `settle`, once. */
  request(method: string, params: readonly unknown[], settle: Settle): void {
    const refused = this.#whyNotNow(method);
    if (refused !== undefined) {
      settle(refused, undefined);
      return;
    }
    const id = this.#nextId++;
    const timer = setTimeout(() => {
      this.#pending.delete(id);
      settle(new OvsdbError('timeout', `no answer to ${method} in ${this.#limits.timeoutMs} ms`), undefined);
    }, this.#limits.timeoutMs);
    this.#pending.set(id, { settle, timer, method });
    this.#socket.write(rpcRequest(id, method, params));
  }

  #whyNotNow(method: string): OvsdbError | undefined {
    if (this.#closed) return new OvsdbError('not-connected', 'the connection is closed');
    const waiting = this.#socket.writableLength;
    if (this.#pending.size < this.#limits.maxInFlight && waiting <= this.#limits.messageLimitBytes)
      return undefined;
    const why = `${this.#pending.size} requests and ${waiting} bytes are waiting`;
    return new OvsdbError('busy', `${method} was not sent: ${why}`);
  }

  close(reason: string, code: 'connection-lost' | 'closed' = 'connection-lost'): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#probe);
    this.#socket.destroy();
    for (const { settle, timer, method } of this.#pending.values()) {
      clearTimeout(timer);
      settle(new OvsdbError(code, `${method} has no answer: ${reason}`), undefined);
    }
    this.#pending.clear();
    this.#events.onClose(reason);
  }

  #receive(chunk: Uint8Array): void {
    this.#heardAt = performance.now();
    try {
      this.#splitter.push(chunk, (text) => {
        if (!this.#closed) this.#dispatch(readRpc(text));
      });
    } catch (e) {
      this.close(`broken stream: ${(e as Error).message}`);
    }
  }

  #dispatch(message: RpcMessage): void {
    switch (message.kind) {
      case 'malformed':
        this.close(`malformed message: ${message.detail}`);
        break;
      case 'notification':
        this.#events.onNotification(message.method, message.params);
        break;
      case 'request':
        this.#socket.write(
          message.method === 'echo'
            ? rpcReply(message.id, message.params)
            : rpcRefusal(message.id, message.method),
        );
        break;
      case 'response':
        this.#answer(message.id, message.result, message.error);
    }
  }

  #answer(id: number, result: unknown, error: unknown): void {
    // An answer to nothing is late (its request has timed out) or forged; neither may change anything.
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if (error === null || error === undefined) pending.settle(undefined, result);
    else pending.settle(refusalOf(pending.method, error), undefined);
  }

  /** A frozen server sends no FIN: only silence tells. */
  #checkSilence(): void {
    const silentMs = performance.now() - this.#heardAt;
    if (silentMs > 2 * this.#limits.probeIntervalMs) this.close(`silent for ${Math.round(silentMs)} ms`);
    else if (silentMs >= this.#limits.probeIntervalMs / 2) this.request('echo', [], () => undefined);
  }
}

function refusalOf(method: string, error: unknown): OvsdbError {
  const { error: word, details } = (
    typeof error === 'object' && error !== null ? error : { error: String(error) }
  ) as Record<string, unknown>;
  const name = String(word ?? 'unknown error');
  const text = typeof details === 'string' ? details : undefined;
  return new OvsdbError('refused', `${method}: ${name}${text === undefined ? '' : `: ${text}`}`, {
    error: name,
    details: text,
  });
}
