/**
 * The socket to `/v1/stream`: asks who we are to the controller first (a browser does not tell why an upgrade was
 * refused), reconnects with growing pauses, asks for a new snapshot when a message is missing,
 * and gives a silent connection up. It knows nothing of what the messages mean beyond the reducer.
 */
import type { Access, Admission } from './model/access.js';
import {
  applyEnvelope,
  emptyState,
  parseEnvelope,
  reconnected,
  type StreamState,
} from './model/stream-state.js';
import type { SystemView } from './model/types.js';

export type LinkState =
  | { readonly kind: 'connecting'; readonly attempt: number }
  | { readonly kind: 'open' }
  /** a token is asked for: nothing happens until `open` is called */
  | { readonly kind: 'locked' }
  | { readonly kind: 'waiting'; readonly attempt: number; readonly until: number; readonly reason: string };

export interface StreamListener {
  onView(view: SystemView): void;
  onLink(state: LinkState): void;
  onAccess(access: Access): void;
}
export interface StreamDoor {
  readonly url: string;
  readonly admission: () => Promise<Admission>;
  /** what the WebSocket offers as subprotocols: the token is one of them */
  readonly protocols: () => string[];
}

const firstPauseMs = 500;
const longestPauseMs = 10_000;
/** A server that is alive sends several messages a second. */
const silenceMs = 10_000;
const openWithinMs = 10_000;

/** Half fixed, half random: many pages that lost the same server must not come back in step. */
export const pauseMs = (attempt: number, random: number): number => {
  const longest = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(attempt - 1, 10));
  return longest * (0.5 + 0.5 * random);
};

export class StreamConnection {
  readonly #door: StreamDoor;
  readonly #listener: StreamListener;
  #socket: WebSocket | undefined;
  #state: StreamState = emptyState;
  #attempt = 0;
  #reconnectTimer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** counts the openings: an answer to an earlier one is not heard any more */
  #opening = 0;

  constructor(door: StreamDoor, listener: StreamListener) {
    this.#door = door;
    this.#listener = listener;
  }

  open(): void {
    clearTimeout(this.#reconnectTimer);
    this.#abandon();
    if (this.#closed) return;
    this.#attempt++;
    this.#listener.onLink({ kind: 'connecting', attempt: this.#attempt });
    this.#state = reconnected(this.#state);
    const opening = this.#opening;
    void this.#door.admission().then((admission) => {
      if (opening !== this.#opening || this.#closed) return;
      if (admission.kind === 'retry') this.#retry(admission.reason);
      else {
        this.#listener.onAccess(admission);
        if (admission.kind === 'granted') this.#join();
        else this.#listener.onLink({ kind: 'locked' });
      }
    });
  }

  #join(): void {
    const socket = new WebSocket(this.#door.url, this.#door.protocols());
    this.#socket = socket;
    this.#watch(openWithinMs, 'the server did not answer');
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (socket === this.#socket) this.#receive(event.data);
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#retry(closeReason(event));
    };
  }

  /** For good. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#reconnectTimer);
    this.#abandon();
  }

  #receive(data: unknown): void {
    const next =
      typeof data === 'string' ? this.#understand(data) : 'the stream sent something that is not text';
    if (typeof next === 'string') {
      this.#retry(next);
      return;
    }
    this.#state = next;
    if (this.#attempt !== 0) this.#listener.onLink({ kind: 'open' });
    this.#attempt = 0;
    this.#watch(silenceMs, `nothing came for ${silenceMs / 1000} s`);
    if (next.view !== null) this.#listener.onView(next.view);
  }

  /** The state after a message, or why the connection must be made anew. */
  #understand(text: string): StreamState | string {
    const envelope = parseEnvelope(text);
    if (typeof envelope === 'string') return envelope;
    const applied = applyEnvelope(this.#state, envelope);
    if (applied.kind === 'invalid') return applied.reason;
    if (applied.kind === 'gap')
      return `message ${applied.expected ?? 'with a snapshot'} is missing, got ${applied.got}`;
    return applied.state;
  }

  #retry(reason: string): void {
    this.#abandon();
    if (this.#closed) return;
    const attempt = Math.max(1, this.#attempt);
    const pause = pauseMs(attempt, Math.random());
    this.#listener.onLink({ kind: 'waiting', attempt, until: performance.now() + pause, reason });
    this.#reconnectTimer = setTimeout(() => this.open(), pause);
  }

  #watch(limitMs: number, reason: string): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#retry(reason), limitMs);
  }

  #abandon(): void {
    this.#opening++;
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }
}

function closeReason(event: CloseEvent): string {
  if (event.reason !== '') return event.reason;
  if (event.code === 1013) return 'this page was too slow for the stream';
  if (event.code === 1000 || event.code === 1001) return 'the controller has ended the stream';
  return 'the controller cannot be reached';
}

export function streamUrl(location: Location): string {
  const url = new URL('/v1/stream', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
