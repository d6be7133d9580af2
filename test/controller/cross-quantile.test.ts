import { describe, expect, it } from 'vitest';
import { CrossTrafficQuantile } from '../../controller/cross-quantile.js';
import { bytes, seconds } from '../../controller/units.js';
import { randomSource } from './plant.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

describe('the 95 % quantile of cross traffic', () => {
  it.each([5, 20, 60])('is exceeded by the mean over %d s in about 5 of 100 cases', (horizon) => {
    const random = randomSource(horizon);
    // video at 6 or 22 Mbit/s and background of 2.5 to 20, new each second, in bytes
    const second = (): number => (random() < 0.25 ? 2.75e6 : 0.75e6) + 0.3e6 + 2.2e6 * random();
    const runs = Math.round(2000 * scale);
    let exceeded = 0;
    for (let run = 0; run < runs; run++) {
      const quantile = new CrossTrafficQuantile();
      for (let s = 0; s < 60; s++) {
        const amount = second();
        for (let part = 0; part < 4; part++) quantile.push(bytes(amount / 4), seconds(0.25));
      }
      let mean = 0;
      for (let s = 0; s < horizon; s++) mean += second() / horizon;
      if (mean > quantile.upper95(seconds(horizon))!) exceeded += 1;
    }
    expect(exceeded / runs).toBeGreaterThan(0.02);
    expect(exceeded / runs).toBeLessThan(0.08);
  });

  it('says nothing before it has seen three seconds, and forgets what is older than its window', () => {
    const quantile = new CrossTrafficQuantile(5);
    for (let s = 0; s < 2; s++) quantile.push(bytes(1e6), seconds(1));
    expect(quantile.upper95(seconds(10))).toBeUndefined();
    quantile.push(bytes(1e6), seconds(0));
    expect(quantile.upper95(seconds(10))).toBeUndefined();
    quantile.push(bytes(1e6), seconds(1));
    expect(quantile.upper95(seconds(10))).toBe(1e6);
    for (let s = 0; s < 5; s++) quantile.push(bytes(2e6), seconds(1));
    expect(quantile.upper95(seconds(10))).toBe(2e6);
  });
});
