import type { SystemView } from './application.js';
import { ViewEncoder } from './view-encoder.js';

/** What the hub needs of a connection: `ws` has it, and `event-source.ts` makes it of an HTTP response. */
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
  clients: 256,
  bufferedBytes: 1 << 20,
  patienceMs: 10_000,
  intervalMs: 100,
  heartbeatMs: 15_000,
};

/** What a reader asked for. */
export interface Subscription {
  /** members of SystemView; undefined: all */
  readonly topics?: ReadonlySet<string>;
  /** at most one message in this time; undefined or less than the hub's: the hub's */
  readonly intervalMs?: number;
}

/** What to call when something happens to the reader's connection. */
export interface StreamReader {
  gone(): void;
  pong(): void;
  /** it found a gap, or wants to begin anew */
  resync(): void;
}

interface Client {
  readonly socket: StreamSocket;
  readonly topics: ReadonlySet<string> | undefined;
  readonly intervalMs: number;
  seq: number;
  /** number of the view that it has; -1: only a snapshot makes sense next */
  has: number;
  lastSentMs: number;
  behindSinceMs: number | undefined;
  alive: boolean;
  closing: boolean;
}

const tryAgainLater = 1013;
const goingAway = 1001;
const farewellMs = 500;

/** One view in, at most one message per reader out; a slow reader costs no memory. See `schemas/stream.ts`. */
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

  add(socket: StreamSocket, view: SystemView, wanted: Subscription = {}): StreamReader {
    this.#waiting ??= view;
    this.#flush();
    const client: Client = {
      socket,
      topics: wanted.topics,
      intervalMs: Math.max(this.#limits.intervalMs, wanted.intervalMs ?? 0),
      seq: 0,
      has: -1,
      lastSentMs: Number.NEGATIVE_INFINITY,
      behindSinceMs: undefined,
      alive: true,
      closing: false,
    };
    this.#clients.set(socket, client);
    this.#serve(client);
    this.#watch();
    return {
      gone: () => {
        this.#clients.delete(socket);
        if (this.#clients.size === 0) this.#rest();
      },
      pong: () => {
        client.alive = true;
      },
      resync: () => {
        client.has = -1;
        this.#schedule();
      },
    };
  }

  /** May be called at any pace; what comes faster than the interval is replaced by what comes after it. */
  publish(view: SystemView): void {
    if (this.#clients.size === 0) return;
    this.#waiting = view;
    if (this.#now() >= this.#lastFlushMs + this.#limits.intervalMs) this.#flush();
    else this.#schedule();
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

  /** The next flush: when the hub's interval is over, and then when the first reader may have what it has not. */
  #schedule(): void {
    if (this.#flushTimer !== undefined) return;
    const due = [...this.#clients.values()]
      .filter(
        (client) => !client.closing && (this.#waiting !== undefined || client.has !== this.#encoder.number),
      )
      .map((client) => client.lastSentMs + client.intervalMs);
    if (due.length === 0) return;
    const at = Math.max(Math.min(...due), this.#lastFlushMs + this.#limits.intervalMs);
    this.#flushTimer = setTimeout(() => this.#flush(), Math.max(0, at - this.#now()));
  }

  #flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#lastFlushMs = this.#now();
    if (this.#waiting !== undefined) this.#encoder.update(this.#waiting);
    this.#waiting = undefined;
    // a timer may fire a little early
    for (const client of this.#clients.values())
      if (!client.closing && this.#lastFlushMs >= client.lastSentMs + client.intervalMs - 1)
        this.#serve(client);
    this.#schedule();
  }

  /** Sends what the reader does not have; if it does not take it, it is behind and will begin anew. */
  #serve(client: Client): void {
    const type = client.has < 0 ? 'snapshot' : 'delta';
    const data = this.#encoder.data(client.has, client.topics);
    if (data === undefined) {
      client.has = this.#encoder.number;
      return;
    }
    const { bufferedAmount } = client.socket;
    if (bufferedAmount > 0 && bufferedAmount + data.length > this.#limits.bufferedBytes) {
      client.behindSinceMs ??= this.#now();
      client.has = -1;
      client.lastSentMs = this.#now();
      return;
    }
    client.behindSinceMs = undefined;
    client.has = this.#encoder.number;
    client.lastSentMs = this.#now();
    this.#messages += 1;
    const id = `${this.#messages}`;
    const head = { id, source: this.#source, type, time: this.#encoder.at, seq: client.seq };
    client.seq += 1;
    client.socket.send(`${JSON.stringify(head).slice(0, -1)},"data":${data}}`);
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
