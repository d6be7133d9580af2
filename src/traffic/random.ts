/**
 * The only randomness of the load: xoshiro128** (D. Blackman, S. Vigna, "Scrambled Linear Pseudorandom Number
 * Generators", ACM TOMS 47(4), 2021), 128 bits of state, period 2^128 - 1, integer arithmetic only, hence the
 * same numbers on every platform.
 *
 * Each stream of load owns a generator seeded from the run's seed and the stream's name. Adding, removing or
 * reordering streams therefore never changes the load of the others.
 */
export class RandomStream {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** The four words of the state; not all zero (the generator would stay there). */
  constructor(a: number, b: number, c: number, d: number) {
    if ((a | b | c | d) === 0) throw new RangeError('the state of a generator must not be all zero');
    this.#a = a | 0;
    this.#b = b | 0;
    this.#c = c | 0;
    this.#d = d | 0;
  }

  /** The generator of the stream `name` in the run `seed` (a safe integer). */
  static of(seed: number, name: string): RandomStream {
    if (!Number.isSafeInteger(seed)) throw new RangeError(`seed ${seed}: must be a safe integer`);
    let mix = hashOf(name) ^ scramble(seed >>> 0) ^ scramble(Math.floor(seed / 2 ** 32) + 0x51ed27);
    // a Weyl sequence through a bijection: four different words, so at most one of them is zero
    const word = (): number => {
      mix = (mix + 0x9e3779b9) | 0;
      return scramble(mix);
    };
    return new RandomStream(word(), word(), word(), word());
  }

  /** The next 32 bits, as an unsigned integer. */
  nextUint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  /** Uniform in [0, 1), 32 bits fine. */
  nextFraction(): number {
    return this.nextUint32() / 2 ** 32;
  }
}

const rotateLeft = (x: number, count: number): number => (x << count) | (x >>> (32 - count));

/** The finaliser of MurmurHash3 (A. Appleby): a bijection of 32-bit words that avalanches. */
function scramble(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** FNV-1a, 32 bits, over UTF-16 code units (low byte first). */
function hashOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    h = Math.imul(h ^ (unit & 0xff), 0x01000193);
    h = Math.imul(h ^ (unit >>> 8), 0x01000193);
  }
  return h;
}
