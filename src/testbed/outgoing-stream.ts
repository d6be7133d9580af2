/** One connection at the source of a migration: what it carried, what of it was consumed, and how much may be under way. */
import { connect, type Socket } from 'node:net';
import {
  acknowledgedBytes,
  FrameError,
  FrameReader,
  type FrameTypeNumber,
  frameHeader,
  frameType,
  longestDataBody,
} from './transfer-frame.js';
import { aliveMs, monotonicSeconds } from './transfer-limits.js';
import { RateMeter } from './transfer-pacer.js';

/** Bytes under way with a cap: enough for 0.3 s of it, so that a lower cap is felt soon. */
const windowSeconds = 0.3;
const smallestWindow = 262_144;
/** One of several may always have this much under way, so that the rate of its path can be found out ... */
const firstWindow = 16_384;
/** ... and as much as its path delivers in so many times the wait for an acknowledgement, so that a path that got faster is. */
const windowWaits = 3;
/** The best rate of late is believed for a time, since a stream that has little to carry shows less than its path can do. */
const halfLifeSeconds = 1;

/** What is sent as memory: nothing that a link could compress away. */
const memoryPattern = new Uint8Array(longestDataBody).map((_, i) => (i * 2_654_435_761) >>> 13);

export interface OutgoingStreamHandlers {
  onConnect(): void;
  /** any frame but an acknowledgement; may throw FrameError */
  onFrame(type: FrameTypeNumber, body: Uint8Array): void;
  /** the socket takes more */
  onDrain(): void;
  /** the connection cannot be used any more; may come more than once */
  onLost(reason: string): void;
}

export class OutgoingStream {
  readonly #socket: Socket;
  /** over the time in which something was under way */
  readonly #meter = new RateMeter();
  #busySeconds = 0;
  #tickedAt = monotonicSeconds();
  #rate = 0;
  /** from sending to acknowledgement, the least of all */
  #leastWait = Number.POSITIVE_INFINITY;
  #mark: { readonly sent: number; readonly at: number } | undefined;
  #heardAt = monotonicSeconds();
  #progressAt = this.#heardAt;
  #spokeAt = this.#heardAt;
  connected = false;
  /** bytes of memory */
  sent = 0;
  acknowledged = 0;

  constructor(
    target: { readonly address: string; readonly port: number },
    localAddress: string,
    handlers: OutgoingStreamHandlers,
  ) {
    const socket = connect({ host: target.address, port: target.port, localAddress, noDelay: true });
    this.#socket = socket;
    const reader = new FrameReader({
      onData: () => {
        throw new FrameError('the target sent memory');
      },
      onFrame: (type, body) => {
        if (type === frameType.acknowledge) this.#acknowledge(acknowledgedBytes(body));
        else handlers.onFrame(type, body);
      },
    });
    socket.on('connect', () => {
      this.connected = true;
      handlers.onConnect();
    });
    socket.on('data', (chunk) => {
      this.#heardAt = monotonicSeconds();
      try {
        reader.push(chunk);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        handlers.onLost(error.message);
      }
    });
    // not straight from the drain event: a peer that reads as fast as this writes would starve all timers
    socket.on('drain', () => setImmediate(() => handlers.onDrain()));
    socket.on('error', (error) => handlers.onLost(error.message));
    socket.on('close', () => handlers.onLost('the target closed the connection'));
  }

  write(bytes: Uint8Array): void {
    this.#spokeAt = monotonicSeconds();
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** The socket takes memory now. */
  get takes(): boolean {
    return this.#socket.writable && !this.#socket.writableNeedDrain;
  }

  sendMemory(bytes: number): void {
    this.sent += bytes;
    this.#mark ??= { sent: this.sent, at: monotonicSeconds() };
    this.#socket.cork();
    this.write(frameHeader(frameType.data, bytes));
    this.write(memoryPattern.subarray(0, bytes));
    this.#socket.uncork();
  }

  get underWay(): number {
    return this.sent - this.acknowledged;
  }

  /** Bytes/s that its path delivered of late; 0: not known. */
  get bytesPerSecond(): number {
    return this.#rate;
  }

  /** Bytes that may still go under way beside those that are, at a cap of so many bytes/s. */
  windowLeft(bytesPerSecond: number): number {
    return Math.max(0, Math.max(smallestWindow, bytesPerSecond * windowSeconds) - this.underWay);
  }

  /**
   * The same for one of several streams, where the others will have delivered their part of the round in so many seconds: more than
   * arrives by then would make the round wait for this stream (earliest completion first; Lim et al., CoNEXT 2017).
   */
  shareLeft(secondsLeft: number): number {
    const wait = Number.isFinite(this.#leastWait) ? this.#leastWait : 0;
    const horizon = Math.min(secondsLeft, Math.max(windowSeconds, windowWaits * wait));
    return Math.max(0, Math.max(firstWindow, this.#rate * horizon) - this.underWay);
  }

  #acknowledge(bytes: number): void {
    if (bytes < this.acknowledged || bytes > this.sent)
      throw new FrameError(`${bytes} bytes acknowledged of ${this.sent} sent`);
    if (bytes > this.acknowledged) this.#progressAt = monotonicSeconds();
    this.acknowledged = bytes;
    if (this.#mark !== undefined && bytes >= this.#mark.sent) {
      this.#leastWait = Math.min(this.#leastWait, monotonicSeconds() - this.#mark.at);
      this.#mark = undefined;
    }
  }

  /** Every few milliseconds while it is connected. */
  tick(now: number): void {
    const elapsed = now - this.#tickedAt;
    this.#tickedAt = now;
    if (this.underWay > 0) {
      this.#busySeconds += elapsed;
      this.#meter.note(this.#busySeconds, this.acknowledged);
      this.#rate = Math.max(this.#meter.bytesPerSecond, this.#rate * 0.5 ** (elapsed / halfLifeSeconds));
    }
    if (now - this.#spokeAt > aliveMs / 1000) this.write(frameHeader(frameType.ping, 0));
  }

  /** What is wrong with the peer, if it is silent for longer than the limit. @param waiting an answer is due */
  complaint(now: number, limitSeconds: number, waiting: boolean): string | undefined {
    if (this.sent === this.acknowledged && !waiting) this.#progressAt = now;
    if (now - this.#heardAt > limitSeconds) return `the target said nothing for ${limitSeconds} s`;
    if (now - this.#progressAt > limitSeconds) return `the target took no byte for ${limitSeconds} s`;
    return undefined;
  }

  /** An answer is due from now on. */
  expectAnswer(): void {
    this.#progressAt = monotonicSeconds();
  }

  /** What was written still goes out. */
  end(): void {
    this.#socket.destroySoon();
    // a peer that never reads must not keep the connection for ever
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
