import { type DecodeError, Framer } from '../openflow/index.js';

/** Messages that were received and not yet worked on, as views into the chunks they came in. */
export class Inbox {
  readonly #framer = new Framer();
  #chunks: Uint8Array[] = [];
  #offsets: number[] = [];
  #lengths: number[] = [];
  #head = 0;
  #bytes = 0;
  /** the stream broke behind the messages that are still here */
  #error: DecodeError | undefined;

  /** The chunk must not be overwritten before `isEmpty`. */
  push(chunk: Uint8Array): void {
    this.#error ??= this.#framer.push(chunk, (bytes, offset, length) => {
      // What spans chunks lies in the framer's own memory, which the next message overwrites.
      const own = bytes === chunk;
      this.#chunks.push(own ? bytes : bytes.slice(offset, offset + length));
      this.#offsets.push(own ? offset : 0);
      this.#lengths.push(length);
      this.#bytes += length;
    });
  }

  get isEmpty(): boolean {
    return this.#head === this.#chunks.length;
  }
  get messages(): number {
    return this.#chunks.length - this.#head;
  }
  get bytes(): number {
    return this.#bytes;
  }
  /** Only meaningful once `isEmpty`. */
  get error(): DecodeError | undefined {
    return this.#error;
  }

  /** Hands the oldest message to `work` and forgets it; its length in bytes. */
  shift(work: (bytes: Uint8Array, offset: number, length: number) => void): number {
    const at = this.#head++;
    const bytes = this.#chunks[at]!;
    const offset = this.#offsets[at]!;
    const length = this.#lengths[at]!;
    this.#bytes -= length;
    if (this.isEmpty) this.clear();
    work(bytes, offset, length);
    return length;
  }

  clear(): void {
    this.#chunks = [];
    this.#offsets = [];
    this.#lengths = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
