/** Entries of a set: the work of one look-up, and what an address competes with when the table is full. */
const ways = 8;
/** Words of an entry: low 32 bits of the address, high 16 bits, port, second of the last sight plus one (0: empty). */
const stride = 4;
const setWords = ways * stride;
const firstSets = 8;

/**
 * Which port an address was last seen on: a set-associative table, so that every look-up costs at most eight
 * comparisons, whatever addresses a network (or somebody who floods it) makes up. It starts small, doubles while sets
 * overflow, and when it may not grow the address of the set that was unseen for longest makes room.
 *
 * Addresses are split into their high 16 and low 32 bits; times are whole seconds of any epoch, not negative.
 */
export class MacTable {
  #words = new Uint32Array(firstSets * setWords);
  #setMask = firstSets - 1;
  readonly #maximumSets: number;
  readonly #ageSeconds: number;

  /** @param maximumEntries rounded up to a power of two, at least 64 */
  constructor(maximumEntries: number, ageSeconds: number) {
    this.#maximumSets = Math.max(firstSets, 2 ** Math.ceil(Math.log2(maximumEntries / ways)));
    this.#ageSeconds = ageSeconds;
  }

  /** Entries there is room for at present; never more than the maximum. */
  get capacity(): number {
    return (this.#setMask + 1) * ways;
  }

  /** The port of an address that was seen within the age limit, else -1. */
  find(high: number, low: number, nowSeconds: number): number {
    const words = this.#words;
    const first = this.#setOf(high, low);
    for (let at = first; at < first + setWords; at += stride)
      if (words[at] === low && words[at + 1] === high)
        return this.#isFresh(words[at + 3]!, nowSeconds) ? words[at + 2]! : -1;
    return -1;
  }

  /** Notes a sight. True if the address was known, and not too old, on another port: it has moved. */
  learn(high: number, low: number, port: number, nowSeconds: number): boolean {
    const words = this.#words;
    const first = this.#setOf(high, low);
    for (let at = first; at < first + setWords; at += stride) {
      if (words[at] !== low || words[at + 1] !== high || words[at + 3] === 0) continue;
      const moved = words[at + 2] !== port && this.#isFresh(words[at + 3]!, nowSeconds);
      words[at + 2] = port;
      words[at + 3] = nowSeconds + 1;
      return moved;
    }
    this.#insert(high, low, port, nowSeconds);
    return false;
  }

  #insert(high: number, low: number, port: number, nowSeconds: number): void {
    let at = this.#oldestOf(this.#setOf(high, low));
    while (this.#isFresh(this.#words[at + 3]!, nowSeconds) && this.#setMask + 1 < this.#maximumSets) {
      this.#double();
      at = this.#oldestOf(this.#setOf(high, low));
    }
    const words = this.#words;
    words[at] = low;
    words[at + 1] = high;
    words[at + 2] = port;
    words[at + 3] = nowSeconds + 1;
  }

  /** An empty entry counts as older than any. */
  #oldestOf(first: number): number {
    const words = this.#words;
    let oldest = first;
    for (let at = first + stride; at < first + setWords; at += stride)
      if (words[at + 3]! < words[oldest + 3]!) oldest = at;
    return oldest;
  }

  /** The sets of the old table split in two each, so none of them can overflow. */
  #double(): void {
    const old = this.#words;
    this.#words = new Uint32Array(old.length * 2);
    this.#setMask = this.#setMask * 2 + 1;
    for (let from = 0; from < old.length; from += stride) {
      if (old[from + 3] === 0) continue;
      const to = this.#oldestOf(this.#setOf(old[from + 1]!, old[from]!));
      this.#words.set(old.subarray(from, from + stride), to);
    }
  }

  #isFresh(seen: number, nowSeconds: number): boolean {
    return seen !== 0 && nowSeconds + 1 - seen <= this.#ageSeconds;
  }

  /** A multiplicative mix: consecutive addresses, as machines and generators make them, fall into different sets. */
  #setOf(high: number, low: number): number {
    let mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
    mixed ^= mixed >>> 15;
    return (mixed & this.#setMask) * setWords;
  }
}
