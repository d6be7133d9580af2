import { type DecodeError, Framer } from '../openflow/index.js';

/** Messages that were received and not yet worked on, where they lie in the chunks they came in. */
export class Inbox {
  #framer = new Framer();
  /** the framer stands on a message that was not worked on yet */
  #found = false;

  /** The chunk must not be overwritten before `isEmpty`. */
  push(chunk: Uint8Array): void {
    this.#framer.append(chunk);
    if (!this.#found) this.#found = this.#framer.next();
  }

  get isEmpty(): boolean {
    return !this.#found;
  }
  /** received and not yet worked on, the beginning of an unfinished message included */
  get bytes(): number {
    return this.#framer.waitingBytes + (this.#found ? this.#framer.length : 0);
  }
  /** Only meaningful once `isEmpty`: the stream broke behind the messages that were here. */
  get error(): DecodeError | undefined {
    return this.#framer.error;
  }

  /** Hands the oldest message to `work` and forgets it; its length in bytes. Not to be called when `isEmpty`. */
  shift(work: (bytes: Uint8Array, offset: number, length: number) => void): number {
    const { bytes, offset, length } = this.#framer;
    this.#found = this.#framer.next();
    work(bytes, offset, length);
    return length;
  }

  clear(): void {
    this.#framer = new Framer();
    this.#found = false;
  }
}
