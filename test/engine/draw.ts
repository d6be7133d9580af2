import { RandomStream } from '../../src/traffic/random.js';

/** Numbers of a test's own, uniform in [from, to), that follow from its seed. */
export function drawOf(seed: number): (from: number, to: number) => number {
  const stream = RandomStream.of(seed, 'test');
  return (from, to) => from + (to - from) * stream.nextFraction();
}
