import { describe, expect, it } from 'vitest';
import { bytes, bytesPerSecond, instant, LoopDelay, seconds } from '../../controller/index.js';
import { randomSource } from './plant.js';

describe('LoopDelay', () => {
  /** rates that change, effective after `delay`, counted exactly in slots with jitter */
  function feed(estimator: LoopDelay, delay: number, change: boolean, fill = 1): void {
    const random = randomSource(3);
    const commands: { at: number; rate: number }[] = [];
    let before = 0;
    for (let k = 1; k < 400; k++) {
      const at = k * 0.02 + 0.001 * random();
      let own = 0;
      for (let i = 0; i < commands.length; i++) {
        const from = Math.max(before, commands[i]!.at + delay);
        const to = Math.min(at, (commands[i + 1]?.at ?? Number.POSITIVE_INFINITY) + delay);
        if (to > from) own += (to - from) * commands[i]!.rate;
      }
      estimator.observed(instant(at), seconds(at - before), bytes(fill * own));
      before = at;
      const rate = change ? 1e6 + 3e6 * random() : 2e6;
      commands.push({ at, rate });
      estimator.commanded(instant(at), bytesPerSecond(rate));
    }
  }

  it.each([0.01, 0.025, 0.06, 0.1])('finds a delay of %f s', (delay) => {
    const estimator = new LoopDelay(seconds(0.02), 1);
    feed(estimator, delay, true);
    expect(Math.abs(estimator.delaySeconds - delay)).toBeLessThanOrEqual(0.005);
    // and says how well: the truth is inside, two slots are not needed
    expect(Math.abs(estimator.delaySeconds - delay)).toBeLessThanOrEqual(0.02 * estimator.uncertaintySlots);
    expect(estimator.uncertaintySlots).toBeLessThanOrEqual(0.5);
  });
  it('believes what it was told while the rate does not move or the sender does not fill it', () => {
    const still = new LoopDelay(seconds(0.02), 1.5);
    feed(still, 0.08, false);
    expect(still.slots).toBe(1.5);
    expect(still.uncertaintySlots).toBe(2);
    const idle = new LoopDelay(seconds(0.02), 1.5);
    feed(idle, 0.08, true, 0.1);
    expect(idle.slots).toBe(1.5);
    expect(idle.uncertaintySlots).toBe(2);
  });
});
