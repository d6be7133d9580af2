import type { SystemView } from './application.js';
import { ViewEncoder } from './view-encoder.js';

/** What the hub needs of a WebSocket (`ws` has it). */
export interface StreamSocket {
  readonly bufferedAmount: number;
  send(text: string): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

export interface StreamLimits {
  readonly clients: number;
  /** more bytes than this are never left waiting in one socket (one message may be larger than it) */
  readonly bufferedBytes: number;
  /** how long a reader may stay behind before it is closed */
  readonly patienceMs: number;
  /** at most one message per reader in this time */
  readonly intervalMs: number;
  /** ping this often; no pong since the ping before: the peer is gone */
  readonly heartbeatMs: number;
}
export const defaultStreamLimits: StreamLimits = {
  clients: 64,
  bufferedBytes: 1 << 20,
  patienceMs: 10_000,
  intervalMs: 100,
  heartbeatMs: 15_000,
};

interface Client {
  readonly socket: StreamSocket;
  seq: number;
  /** it missed a delta: only a snapshot makes sense next */
  behindSinceMs: number | undefined;
  alive: boolean;
  closing: boolean;
}

const tryAgainLater = 1013;
const goingAway = 1001;
const farewellMs = 500;

/** One view in, one message per reader out; a slow reader costs no memory. See `schemas/stream.ts`. */
export class StreamHub {
  readonly #source: string;
  readonly #limits: StreamLimits;
  readonly #now: () => number;
  readonly #encoder = new ViewEncoder();
  readonly #clients = new Map<StreamSocket, Client>();
  #waiting: SystemView | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #watchTimer: NodeJS.Timeout | undefined;
  #lastFlushMs = Number.NEGATIVE_INFINITY;
  #lastPingMs = 0;
  #messages = 0;
  #stopped = false;

  /** @param source names this start of the controller in every envelope */
  constructor(source: string, limits: StreamLimits, now: () => number = () => performance.now()) {
    this.#source = source;
    this.#limits = limits;
    this.#now = now;
  }

  get size(): number {
    return this.#clients.size;
  }
  get full(): boolean {
    return this.#stopped || this.#clients.size >= this.#limits.clients;
  }

  /** @returns what to call when the socket is gone or has answered a ping */
  add(socket: StreamSocket, view: SystemView): { gone: () => void; pong: () => void } {
    this.#flush(this.#waiting ?? view);
    const client: Client = { socket, seq: 0, behindSinceMs: undefined, alive: true, closing: false };
    this.#clients.set(socket, client);
    this.#send(client, 'snapshot', this.#encoder.snapshot());
    this.#watch();
    return {
      gone: () => {
        this.#clients.delete(socket);
        if (this.#clients.size === 0) this.#rest();
      },
      pong: () => {
        client.alive = true;
      },
    };
  }

  /** May be called at any pace; what comes faster than the interval is replaced by what comes after it. */
  publish(view: SystemView): void {
    if (this.#clients.size === 0) return;
    const wait = this.#lastFlushMs + this.#limits.intervalMs - this.#now();
    if (wait <= 0) {
      this.#flush(view);
      return;
    }
    this.#waiting = view;
    this.#flushTimer ??= setTimeout(() => {
      if (this.#waiting !== undefined) this.#flush(this.#waiting);
    }, wait);
  }

  /** Says goodbye to every reader and soon cuts off those who do not answer; the hub takes none any more. */
  stop(): void {
    this.#stopped = true;
    this.#rest();
    for (const client of this.#clients.values()) this.#close(client, goingAway, 'the controller stops');
    setTimeout(() => {
      for (const client of this.#clients.values()) client.socket.terminate();
    }, farewellMs).unref();
  }

  #flush(view: SystemView): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#waiting = undefined;
    this.#lastFlushMs = this.#now();
    const delta = this.#encoder.update(view);
    if (delta === undefined) return;
    let snapshot: string | undefined;
    for (const client of this.#clients.values()) {
      if (client.closing) continue;
      if (client.behindSinceMs === undefined && this.#send(client, 'delta', delta)) continue;
      snapshot ??= this.#encoder.snapshot();
      if (this.#fits(client, snapshot)) this.#send(client, 'snapshot', snapshot);
      else client.behindSinceMs ??= this.#now();
    }
  }

  #fits(client: Client, data: string): boolean {
    const buffered = client.socket.bufferedAmount;
    return buffered === 0 || buffered + data.length <= this.#limits.bufferedBytes;
  }

  #send(client: Client, type: 'snapshot' | 'delta', data: string): boolean {
    if (!this.#fits(client, data)) return false;
    client.behindSinceMs = undefined;
    this.#messages += 1;
    const head = {
      id: `${this.#messages}`,
      source: this.#source,
      type,
      time: this.#encoder.at,
      seq: client.seq,
    };
    client.seq += 1;
    client.socket.send(`${JSON.stringify(head).slice(0, -1)},"data":${data}}`);
    return true;
  }

  /** Looks after readers that are behind or gone even when nothing is published. */
  #watch(): void {
    const every = Math.min(1_000, this.#limits.patienceMs / 4, this.#limits.heartbeatMs / 2);
    this.#watchTimer ??= setInterval(() => this.#check(), every);
  }

  #check(): void {
    const now = this.#now();
    const pingNow = now - this.#lastPingMs >= this.#limits.heartbeatMs;
    if (pingNow) this.#lastPingMs = now;
    for (const client of this.#clients.values()) {
      if (client.behindSinceMs !== undefined && now - client.behindSinceMs >= this.#limits.patienceMs)
        this.#close(client, tryAgainLater, 'too slow');
      else if (client.closing || !pingNow) continue;
      else if (client.alive) {
        client.alive = false;
        client.socket.ping();
      } else client.socket.terminate();
    }
  }

  /** A peer that does not even take the close frame is cut off one patience later. */
  #close(client: Client, code: number, reason: string): void {
    if (client.closing) {
      client.socket.terminate();
      return;
    }
    client.closing = true;
    client.behindSinceMs = this.#now();
    client.socket.close(code, reason);
  }

  #rest(): void {
    clearTimeout(this.#flushTimer);
    clearInterval(this.#watchTimer);
    this.#flushTimer = undefined;
    this.#watchTimer = undefined;
    this.#waiting = undefined;
  }
}
