/**
 * Which bytes of a virtual machine's memory still have to move: pre-copy as hypervisors do it (Clark et al.,
 * "Live Migration of Virtual Machines", NSDI 2005). Round 1 sends all memory; while a round is sent the guest
 * dirties memory at a constant rate, but never more different bytes than its working set; the next round
 * sends what was dirtied meanwhile. Time is an argument, in seconds.
 */
export interface MemoryShape {
  readonly memoryBytes: number;
  readonly dirtyBytesPerSecond: number;
  /** different bytes that a round can dirty; more than the memory counts as the memory */
  readonly workingSetBytes: number;
}

export class PrecopyMemory {
  readonly #shape: MemoryShape;
  readonly #dirtyLimit: number;
  #unsent: number;
  #dirty = 0;
  #round = 1;
  #roundStart: number;
  #stopped = false;

  constructor(shape: MemoryShape, nowSeconds: number) {
    this.#shape = shape;
    this.#dirtyLimit = Math.min(shape.workingSetBytes, shape.memoryBytes);
    this.#unsent = Math.ceil(shape.memoryBytes);
    this.#roundStart = nowSeconds;
  }

  get round(): number {
    return this.#round;
  }

  /** Bytes of this round that were not taken yet. */
  get unsentBytes(): number {
    return this.#unsent;
  }

  roundSeconds(nowSeconds: number): number {
    return nowSeconds - this.#roundStart;
  }

  /** Bytes dirtied since the round began: the next round. Whole bytes. */
  dirtyBytes(nowSeconds: number): number {
    if (!this.#stopped) {
      const dirtied = this.#shape.dirtyBytesPerSecond * Math.max(0, nowSeconds - this.#roundStart);
      this.#dirty = Math.ceil(Math.min(this.#dirtyLimit, dirtied));
    }
    return this.#dirty;
  }

  /** Takes at most `limit` bytes of this round out to be sent. */
  take(limit: number): number {
    const taken = Math.min(this.#unsent, Math.max(0, Math.floor(limit)));
    this.#unsent -= taken;
    return taken;
  }

  /** What is dirty becomes the next round, which begins now. */
  beginRound(nowSeconds: number): void {
    this.refill(nowSeconds);
    this.#round++;
  }

  /** What is dirty joins the round: how a machine close to its switch-over is kept close. */
  refill(nowSeconds: number): void {
    this.#unsent += this.dirtyBytes(nowSeconds);
    this.#dirty = 0;
    this.#roundStart = nowSeconds;
  }

  /** The guest stands still: nothing gets dirty any more, and all that is left is the last round. */
  stop(nowSeconds: number): void {
    this.beginRound(nowSeconds);
    this.#stopped = true;
  }
}
