/** One connection at the target of a migration: its frames, what it has delivered, and the waits for the other streams. */
import type { Socket } from 'node:net';
import {
  acknowledgeFrame,
  FrameError,
  FrameReader,
  type FrameTypeNumber,
  frameHeader,
  frameType,
  jsonFrame,
} from './transfer-frame.js';
import { aliveMs, monotonicSeconds } from './transfer-limits.js';

export interface IncomingStreamHandlers {
  onHeard(stream: IncomingStream): void;
  /** may throw FrameError, as the others */
  onData(stream: IncomingStream, bytes: number): void;
  onFrame(stream: IncomingStream, type: FrameTypeNumber, body: Uint8Array): void;
  /** once: the connection is over */
  onGone(stream: IncomingStream, reason: string): void;
}

export class IncomingStream {
  readonly #socket: Socket;
  readonly #handlers: IncomingStreamHandlers;
  readonly #reader: FrameReader;
  #gone = false;
  /** was told `refused`: what it still sends is read and thrown away, or a reset would overtake the word */
  #dismissed = false;
  #acknowledged = 0;
  #spokeAt = monotonicSeconds();
  /** its number in the migration, once it has said it */
  number: number | undefined;
  /** bytes of memory */
  consumed = 0;
  /** it has delivered all it carries */
  finished = false;

  constructor(socket: Socket, handlers: IncomingStreamHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#reader = new FrameReader({
      onData: (bytes) => {
        if (!this.#dismissed) handlers.onData(this, bytes);
      },
      onFrame: (type, body) => {
        // what came in one piece with the frame that was refused
        if (!this.#dismissed) handlers.onFrame(this, type, body);
      },
    });
    socket.on('data', (chunk) => {
      if (this.#dismissed) return;
      handlers.onHeard(this);
      this.#read(() => this.#reader.push(chunk));
    });
    socket.on('error', (error) => this.drop(error.message));
    socket.on('close', () => this.drop('the source closed the connection'));
  }

  #read(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.drop(error.message);
    }
  }

  /** Called while one of its frames is handled: nothing behind it is taken before `release`. */
  hold(): void {
    this.#reader.hold();
    this.#socket.pause();
  }

  release(): void {
    this.#read(() => this.#reader.release());
    if (!this.#reader.held) this.#socket.resume();
  }

  /** Says how much was consumed, if there is news or nothing was said for long. */
  acknowledge(now: number): void {
    if (this.consumed === this.#acknowledged && now - this.#spokeAt <= aliveMs / 1000) return;
    // acknowledgements add up: one that waits in the socket makes the next one superfluous
    if (!this.#socket.writable || this.#socket.writableLength > 0) return;
    this.#spokeAt = now;
    this.#acknowledged = this.consumed;
    this.#socket.write(acknowledgeFrame(this.consumed));
  }

  sayResumed(): void {
    if (this.#socket.writable) this.#socket.write(frameHeader(frameType.resumed, 0));
  }

  refuse(code: string, detail: string): void {
    if (!this.#socket.writable) return;
    this.#dismissed = true;
    this.#socket.resume();
    this.#socket.end(jsonFrame(frameType.refused, { code, detail: detail.slice(0, 500) }));
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  drop(reason: string): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#socket.destroy();
    this.#handlers.onGone(this, reason);
  }
}
