import { OFP_HEADER_BYTES, OFPT_HELLO } from './constants.js';
import type { DecodeError } from './decode-error.js';
import { lengthAt, typeAt, versionAt } from './header.js';

/** The bytes are valid only during the call: the next message may overwrite them. */
export type OnMessage = (bytes: Uint8Array, offset: number, length: number) => void;

const HIGHEST_VERSION = 6;

/**
 * Cuts a byte stream into messages. A message that lies whole in a chunk is handed over in place; only the head of
 * one that continues in the next chunk is copied, and never more than one message (64 KiB) is kept.
 *
 * After an error the framing is lost for good: the stream cannot be resynchronised, and every later `push` answers
 * with the same error.
 */
export class Framer {
  private tail = new Uint8Array(0);
  private tailBytes = 0;
  private failure: DecodeError | undefined;

  /** Bytes of an unfinished message that are kept for the next chunk. */
  get pendingBytes(): number {
    return this.tailBytes;
  }

  push(chunk: Uint8Array, onMessage: OnMessage): DecodeError | undefined {
    if (this.failure !== undefined) return this.failure;
    let at = 0;
    if (this.tailBytes > 0) {
      at = this.finishTail(chunk, onMessage);
      if (at < 0) return this.failure;
    }
    while (chunk.length - at >= OFP_HEADER_BYTES) {
      if (!this.acceptHeader(chunk, at)) return this.failure;
      const length = lengthAt(chunk, at);
      if (chunk.length - at < length) break;
      onMessage(chunk, at, length);
      at += length;
    }
    if (at < chunk.length) this.keep(chunk, at, chunk.length);
    return undefined;
  }

  /** Completes the kept message from the chunk; answers where the chunk goes on, or -1 after an error. */
  private finishTail(chunk: Uint8Array, onMessage: OnMessage): number {
    let at = 0;
    if (this.tailBytes < OFP_HEADER_BYTES) {
      at = Math.min(OFP_HEADER_BYTES - this.tailBytes, chunk.length);
      this.keep(chunk, 0, at);
      if (this.tailBytes < OFP_HEADER_BYTES) return at;
    }
    if (!this.acceptHeader(this.tail, 0)) return -1;
    const length = lengthAt(this.tail, 0);
    const end = Math.min(at + length - this.tailBytes, chunk.length);
    this.keep(chunk, at, end);
    if (this.tailBytes === length) {
      this.tailBytes = 0;
      onMessage(this.tail, 0, length);
    }
    return end;
  }

  private keep(chunk: Uint8Array, from: number, to: number): void {
    const needed = this.tailBytes + to - from;
    if (needed > this.tail.length) {
      const grown = new Uint8Array(Math.max(needed, this.tail.length * 2));
      grown.set(this.tail.subarray(0, this.tailBytes));
      this.tail = grown;
    }
    this.tail.set(chunk.subarray(from, to), this.tailBytes);
    this.tailBytes = needed;
  }

  /** A hello may carry any version (that is how versions are negotiated, 1.3.5 6.3.1); everything else may not. */
  private acceptHeader(bytes: Uint8Array, at: number): boolean {
    const version = versionAt(bytes, at);
    const known = version >= 1 && (version <= HIGHEST_VERSION || typeAt(bytes, at) === OFPT_HELLO);
    if (!known) {
      this.failure = {
        code: 'bad_version',
        offset: 0,
        detail: `version ${version}: this is no OpenFlow stream, or its framing is lost`,
      };
    } else if (lengthAt(bytes, at) < OFP_HEADER_BYTES) {
      this.failure = {
        code: 'bad_length',
        offset: 2,
        detail: `header.length is ${lengthAt(bytes, at)}, expected at least 8`,
      };
    }
    return this.failure === undefined;
  }
}
