const DEFAULT_SLAB_BYTES = 16_384;
/** The first slab, and those of a writer that has little to say: there may be a thousand of those. */
const SMALLEST_SLAB_BYTES = 256;
/** Slabs of a writer that says little, but often: they double up to here. */
const OFTEN_SLAB_BYTES = 4096;
/** Pieces as long as the last one that a new slab has room for, within its bounds. */
const PIECES_OF_SLAB = 4;

/**
 * Collects everything that is written in one turn in one piece of memory, so that it leaves in one `write`.
 *
 * `finish` hands out what was written since the last `finish`. Handed-out bytes are never written again: the writer
 * goes on behind them, and takes a fresh slab when this one is full. Fresh bytes are zero, so padding needs no writes.
 */
export class SlabWriter {
  /** The slab. Changes when the writer grows: take it anew after every `reserve`. */
  bytes: Uint8Array;
  /** The wire version of the message that is being written: some match fields came with a later one. */
  version = 4;
  private start = 0;
  private end = 0;
  private readonly slabBytes: number;

  constructor(slabBytes: number = DEFAULT_SLAB_BYTES) {
    this.slabBytes = Math.max(slabBytes, SMALLEST_SLAB_BYTES);
    this.bytes = new Uint8Array(SMALLEST_SLAB_BYTES);
  }

  /** Where the next byte goes. */
  get at(): number {
    return this.end;
  }

  /** Bytes written since the last `finish`. */
  get pendingBytes(): number {
    return this.end - this.start;
  }

  /** Claims `count` zero bytes and answers the position of the first. Positions are offsets into `bytes`. */
  reserve(count: number): number {
    if (this.end + count > this.bytes.length) this.grow(count);
    const at = this.end;
    this.end += count;
    return at;
  }

  /** Appends bytes that are already encoded. */
  append(encoded: Uint8Array): void {
    const at = this.reserve(encoded.length);
    this.bytes.set(encoded, at);
  }

  /** Drops everything from `mark` on, a value of `pendingBytes` from before. */
  rewind(mark: number): void {
    const at = this.start + mark;
    this.bytes.fill(0, at, this.end);
    this.end = at;
  }

  /** What was written since the last call; an empty array when nothing was. */
  finish(): Uint8Array {
    const written = this.bytes.subarray(this.start, this.end);
    this.start = this.end;
    // What comes next is probably as long: better a new slab now than one to which its beginning has to be moved.
    if (this.bytes.length - this.end < Math.max(written.length, 64)) {
      const doubled = Math.min(this.bytes.length * 2, OFTEN_SLAB_BYTES);
      this.bytes = new Uint8Array(
        Math.min(Math.max(written.length * PIECES_OF_SLAB, doubled), this.slabBytes),
      );
      this.start = 0;
      this.end = 0;
    }
    return written;
  }

  /** Moves what is pending to a larger slab, to the same place, so that positions stay valid. Doubling bounds the copies. */
  private grow(count: number): void {
    const grown = new Uint8Array((this.end + count) * 2);
    grown.set(this.bytes.subarray(this.start, this.end), this.start);
    this.bytes = grown;
  }
}
