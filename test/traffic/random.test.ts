import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../src/traffic/random.js';

const take = (stream: RandomStream, n: number): number[] =>
  Array.from({ length: n }, () => stream.nextUint32());

describe('RandomStream', () => {
  it('gives the published outputs of xoshiro128** from the state 1, 2, 3, 4', () => {
    // the vector that the authors' C code gives; also in the tests of the Rust crate rand_xoshiro
    expect(take(new RandomStream(1, 2, 3, 4), 10)).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  it('depends on seed and name, and on nothing else', () => {
    expect(take(RandomStream.of(7, 'video'), 5)).toEqual(take(RandomStream.of(7, 'video'), 5));
    const firsts = [
      RandomStream.of(7, 'video'),
      RandomStream.of(8, 'video'),
      RandomStream.of(7, 'video2'),
      RandomStream.of(-7, 'video'),
      RandomStream.of(7 + 2 ** 32, 'video'),
      RandomStream.of(0, ''),
    ].map((stream) => take(stream, 2).join());
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  it('spreads fractions evenly over [0, 1)', () => {
    const stream = RandomStream.of(1, 'bins');
    const bins = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) bins[Math.floor(stream.nextFraction() * 10)]!++;
    // chi-square with 9 degrees of freedom exceeds 33.7 once in 10^4 fair generators
    const chiSquare = bins.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(33.7);
  });

  it('refuses a state of zeros and seeds that lose digits', () => {
    expect(() => new RandomStream(0, 0, 0, 0)).toThrow(RangeError);
    expect(() => RandomStream.of(0.5, 'x')).toThrow(/safe integer/);
  });
});
