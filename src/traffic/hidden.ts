import { RandomStream } from './random.js';

/**
 * Inelastic traffic of strangers in a carrier's queue: full frames at a fixed spacing, during exponentially distributed
 * times `on`, silence during exponentially distributed times `off`. Simulator and testbed draw the same times.
 */
export interface HiddenPattern {
  /** mean of the times with traffic, seconds */
  readonly onSeconds: number;
  /** mean of the times without */
  readonly offSeconds: number;
  readonly seed: number;
}

export const hiddenFrameBytes = 1514;

/** The state of the generator with which the times of a seed begin: what a program in another language needs. */
export function hiddenStateOf(seed: number): readonly [number, number, number, number] {
  const stream = RandomStream.of(seed, 'hidden');
  return [stream.nextUint32(), stream.nextUint32(), stream.nextUint32(), stream.nextUint32()];
}

/** The lengths of the phases one after the other, the first one `on`. */
export class HiddenPhases {
  readonly #pattern: HiddenPattern;
  readonly #stream: RandomStream;
  #on = false;

  /** @throws RangeError when a mean is not positive */
  constructor(pattern: HiddenPattern) {
    if (!(pattern.onSeconds > 0 && pattern.offSeconds > 0))
      throw new RangeError('the mean times of hidden traffic must be above 0 s');
    this.#pattern = pattern;
    this.#stream = new RandomStream(...hiddenStateOf(pattern.seed));
  }

  next(): { readonly on: boolean; readonly seconds: number } {
    this.#on = !this.#on;
    const mean = this.#on ? this.#pattern.onSeconds : this.#pattern.offSeconds;
    return { on: this.#on, seconds: -mean * Math.log(1 - this.#stream.nextFraction()) };
  }
}
