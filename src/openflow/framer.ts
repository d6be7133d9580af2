import { OFP_HEADER_BYTES, OFPT_HELLO } from './constants.js';
import type { DecodeError } from './decode-error.js';
import { lengthAt, typeAt, versionAt } from './header.js';

export type OnMessage = (bytes: Uint8Array, offset: number, length: number) => void;

const HIGHEST_VERSION = 6;
const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * Cuts a byte stream into messages, one at a time: `append` a chunk, then `next` as long as it finds one. A message that
 * lies whole in a chunk is found in place; only one that continues in the next chunk is copied, and never more than one
 * message (64 KiB) is kept. The bytes of a message stay as they are for as long as the caller leaves the chunks alone.
 *
 * After an error the framing is lost for good: the stream cannot be resynchronised, and nothing more is found.
 */
export class Framer {
  /** Where the message is that `next` found last. */
  bytes: Uint8Array = NOTHING;
  offset = 0;
  length = 0;
  /** What broke the stream, once everything before it was found. */
  error: DecodeError | undefined;
  private chunk = NOTHING;
  private at = 0;
  private later: Uint8Array[] = [];
  private waiting = 0;
  private tail = NOTHING;
  private tailBytes = 0;

  /** Bytes of an unfinished message that are kept for the next chunk. */
  get pendingBytes(): number {
    return this.tailBytes;
  }

  /** Bytes that were appended and belong to no message found so far. */
  get waitingBytes(): number {
    return this.waiting;
  }

  append(chunk: Uint8Array): void {
    if (this.error !== undefined) return;
    this.waiting += chunk.length;
    this.later.push(chunk);
  }

  /** True: `bytes`, `offset` and `length` are those of the next message. */
  next(): boolean {
    while (this.error === undefined) {
      const rest = this.chunk.length - this.at;
      if (this.tailBytes > 0) {
        if (this.finishTail()) return true;
      } else if (rest >= OFP_HEADER_BYTES) {
        if (!this.acceptHeader(this.chunk, this.at)) break;
        const length = lengthAt(this.chunk, this.at);
        if (rest >= length) {
          this.found(this.chunk, this.at, length);
          this.at += length;
          return true;
        }
        this.keep(this.chunk, this.at, this.chunk.length);
      } else if (rest > 0) this.keep(this.chunk, this.at, this.chunk.length);
      if (this.error !== undefined) break;
      this.chunk = this.later.shift() ?? NOTHING;
      this.at = 0;
      if (this.chunk.length === 0 && this.later.length === 0) break;
    }
    // A chunk that was worked off is not held on to.
    this.bytes = NOTHING;
    if (this.error === undefined) return false;
    this.chunk = NOTHING;
    this.at = 0;
    this.later = [];
    this.waiting = 0;
    return false;
  }

  /** Appends and hands every message over at once; the error that broke the stream, now or before. */
  push(chunk: Uint8Array, onMessage: OnMessage): DecodeError | undefined {
    this.append(chunk);
    while (this.next()) onMessage(this.bytes, this.offset, this.length);
    return this.error;
  }

  private found(bytes: Uint8Array, offset: number, length: number): void {
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    this.waiting -= length;
  }

  /** Completes the kept message from the chunk; false: the chunk is used up, or broken. */
  private finishTail(): boolean {
    if (this.tailBytes < OFP_HEADER_BYTES) this.takeUpTo(OFP_HEADER_BYTES);
    if (this.tailBytes < OFP_HEADER_BYTES || !this.acceptHeader(this.tail, 0)) return false;
    const length = lengthAt(this.tail, 0);
    this.takeUpTo(length);
    if (this.tailBytes < length) return false;
    this.found(this.tail, 0, length);
    this.tail = NOTHING;
    this.tailBytes = 0;
    return true;
  }

  /** Moves bytes from the chunk to the tail until that has so many, or the chunk is used up. */
  private takeUpTo(bytes: number): void {
    const end = Math.min(this.at + bytes - this.tailBytes, this.chunk.length);
    this.keep(this.chunk, this.at, end);
    this.at = end;
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
      this.error = {
        code: 'bad_version',
        offset: 0,
        detail: `version ${version}: this is no OpenFlow stream, or its framing is lost`,
      };
    } else if (lengthAt(bytes, at) < OFP_HEADER_BYTES) {
      this.error = {
        code: 'bad_length',
        offset: 2,
        detail: `header.length is ${lengthAt(bytes, at)}, expected at least 8`,
      };
    }
    return this.error === undefined;
  }
}
