import { RandomStream } from '../../traffic/index.js';

/** Numbers of one purpose in one world: they follow from the run's seed, the world's number and the purpose. */
export class Draw {
  private readonly stream: RandomStream;

  constructor(seed: number, world: number, purpose: string) {
    this.stream = RandomStream.of(seed, `world ${world}: ${purpose}`);
  }

  /** uniform in [from, to) */
  between(from: number, to: number): number {
    return from + (to - from) * this.stream.nextFraction();
  }

  /** one of from, from + 1, ..., to */
  whole(from: number, to: number): number {
    return Math.floor(this.between(from, to + 1));
  }

  chance(probability: number): boolean {
    return this.stream.nextFraction() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.whole(0, list.length - 1)]!;
  }
}
