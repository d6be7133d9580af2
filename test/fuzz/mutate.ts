import { RandomStream } from '../../src/traffic/random.js';
import type { LengthField, Seed } from './seeds.js';

/**
 * Damage to well-formed messages that knows where their lengths and types are. Mutant number n of a seed number is
 * always the same bytes, whoever makes it: a failure is reproduced by two numbers.
 *
 * The first mutants are all single faults of one kind: every length field with every suspicious value, every
 * truncation with and without a header that agrees. The rest are random combinations.
 */
export class Mutator {
  /** How many of the first mutants are enumerated. */
  readonly enumerated: number;
  private readonly seeds: readonly Seed[];
  private readonly runSeed: number;
  /** For each seed message, the number of its first enumerated mutant. */
  private readonly firsts: readonly number[];

  constructor(seeds: readonly Seed[], runSeed: number) {
    this.seeds = seeds;
    this.runSeed = runSeed;
    const firsts: number[] = [];
    let total = 0;
    for (const seed of seeds) {
      firsts.push(total);
      total += seed.lengths.length * LENGTH_VALUES + 2 * seed.bytes.length;
    }
    this.firsts = firsts;
    this.enumerated = total;
  }

  mutant(number: number): Uint8Array {
    if (number < this.enumerated) return this.single(number);
    const random = new RandomStream(this.runSeed, number, Math.floor(number / 2 ** 32), 0x5eed);
    // States that are alike give alike numbers at first.
    for (let i = 0; i < 12; i += 1) random.nextUint32();
    return this.combined(new Dice(random));
  }

  private single(number: number): Uint8Array {
    let which = this.firsts.length - 1;
    while (this.firsts[which] > number) which -= 1;
    const seed = this.seeds[which];
    let left = number - this.firsts[which];
    if (left < seed.lengths.length * LENGTH_VALUES) {
      const field = seed.lengths[Math.floor(left / LENGTH_VALUES)];
      const bytes = Uint8Array.from(seed.bytes);
      putLength(bytes, field, suspiciousLengths(field)[left % LENGTH_VALUES]);
      return bytes;
    }
    left -= seed.lengths.length * LENGTH_VALUES;
    const cut = seed.bytes.slice(0, left >> 1);
    if ((left & 1) === 1) agree(cut);
    return cut;
  }

  private combined(dice: Dice): Uint8Array {
    const seed = dice.of(this.seeds);
    let bytes = Uint8Array.from(seed.bytes);
    // At most one change of size, the first, since the places that a seed knows hold only before it.
    if (dice.chance(0.4)) bytes = this.resized(bytes, seed, dice);
    const count = 1 + dice.below(3);
    for (let i = 0; i < count; i += 1) damage(bytes, seed, dice);
    if (dice.chance(0.7)) agree(bytes);
    return bytes;
  }

  private resized(bytes: Uint8Array<ArrayBuffer>, seed: Seed, dice: Dice): Uint8Array<ArrayBuffer> {
    switch (dice.below(5)) {
      case 0:
        return bytes.slice(0, dice.below(bytes.length + 1));
      case 1:
        return joined(bytes, dice.bytes(dice.below(40)));
      case 2:
        return nested(bytes, dice);
      case 3: {
        const element = dice.pick(seed.elements);
        return element === undefined ? bytes : replaced(seed, element.start, element.end, new Uint8Array());
      }
      default: {
        const element = dice.pick(seed.elements);
        if (element === undefined) return bytes;
        const other = dice.chance(0.3) ? seed : dice.of(this.seeds);
        const alike = other.elements.filter((each) => each.list === element.list);
        const from = dice.pick(alike.length > 0 && dice.chance(0.8) ? alike : other.elements) ?? element;
        const source = other.elements.includes(from) ? other : seed;
        const to = dice.chance(0.5) ? element.start : element.end;
        return replaced(seed, element.start, to, source.bytes.slice(from.start, from.end));
      }
    }
  }
}

/** Random choices of a mutation. */
class Dice {
  private readonly random: RandomStream;

  constructor(random: RandomStream) {
    this.random = random;
  }
  below(limit: number): number {
    return limit <= 1 ? 0 : this.random.nextUint32() % limit;
  }
  chance(probability: number): boolean {
    return this.random.nextFraction() < probability;
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  pick<T>(list: readonly T[]): T | undefined {
    return list.length === 0 ? undefined : this.of(list);
  }
  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }
}

const LENGTH_VALUES = 14;

function suspiciousLengths({ value, minimum }: LengthField): number[] {
  return [
    0,
    1,
    2,
    4,
    7,
    minimum - 1,
    minimum,
    minimum + 1,
    value - 8,
    value - 1,
    value + 1,
    value + 8,
    0xff,
    0xffff,
  ];
}

const INTERESTING_BYTES = [0, 1, 2, 3, 4, 7, 8, 0x0f, 0x10, 0x7f, 0x80, 0xfe, 0xff];
const INTERESTING_TYPES = [0, 1, 2, 3, 4, 5, 6, 8, 10, 11, 15, 16, 25, 26, 28, 29, 0x2320, 0xfffe, 0xffff];
const KNOWN_VERSIONS = [1, 4, 5, 6];

/** One change that leaves the size as it is. */
function damage(bytes: Uint8Array, seed: Seed, dice: Dice): void {
  if (bytes.length === 0) return;
  switch (dice.below(8)) {
    case 0: {
      const field = dice.of(seed.lengths);
      if (field.at + field.width <= bytes.length) putLength(bytes, field, dice.of(suspiciousLengths(field)));
      break;
    }
    case 1: {
      const at = dice.pick(seed.types);
      if (at !== undefined && at + 2 <= bytes.length) put16(bytes, at, dice.of(INTERESTING_TYPES));
      break;
    }
    case 2:
      bytes[0] = dice.chance(0.8) ? dice.of(KNOWN_VERSIONS) : dice.below(256);
      break;
    case 3:
      if (bytes.length > 1) bytes[1] = dice.chance(0.9) ? dice.below(36) : dice.below(256);
      break;
    case 4: // the type of a multipart message, or the like
      if (bytes.length >= 10) put16(bytes, 8, dice.of(INTERESTING_TYPES));
      break;
    case 5:
      bytes[dice.below(bytes.length)] ^= 1 << dice.below(8);
      break;
    case 6:
      bytes[dice.below(bytes.length)] = dice.of(INTERESTING_BYTES);
      break;
    default: {
      const at = dice.below(bytes.length);
      for (let i = 0; i < 4 && at + i < bytes.length; i += 1) bytes[at + i] = dice.below(256);
    }
  }
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

function putLength(bytes: Uint8Array, field: LengthField, value: number): void {
  if (field.width === 2) put16(bytes, field.at, value);
  else bytes[field.at] = value;
}

/** Makes the header's length the true one, so that the fault lies deeper. */
function agree(bytes: Uint8Array): void {
  if (bytes.length >= 4) put16(bytes, 2, Math.min(bytes.length, 0xffff));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Puts `piece` in the place of `from` to `to` and corrects every length that counts these bytes. */
function replaced(seed: Seed, from: number, to: number, piece: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = joined(seed.bytes.subarray(0, from), piece, seed.bytes.subarray(to));
  const grown = piece.length - (to - from);
  for (const field of seed.lengths) {
    const counts = field.start <= from && field.end >= to && (field.at < from || field.at >= to);
    if (counts && field.at < from) putLength(whole, field, field.value + grown);
  }
  return whole;
}

const ONF = 0x4f4e4600;
const ADD_MESSAGE_OF_13 = 2301;
const MAX_WRAPS = 6;

/** The message inside so many bundle messages of 1.3, or of 1.4 and later. */
function nested(bytes: Uint8Array<ArrayBuffer>, dice: Dice): Uint8Array<ArrayBuffer> {
  let inner = bytes;
  for (let left = 1 + dice.below(MAX_WRAPS); left > 0; left -= 1) {
    const experimenter = dice.chance(0.7);
    const head = new Uint8Array(experimenter ? 24 : 16);
    const view = new DataView(head.buffer);
    head[0] = bytes[0] ?? 4;
    head[1] = experimenter ? 4 : 34;
    if (experimenter) {
      view.setUint32(8, ONF);
      view.setUint32(12, ADD_MESSAGE_OF_13);
    }
    inner = joined(head, inner);
    agree(inner);
  }
  return inner;
}
