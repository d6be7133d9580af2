import { describe, expect, it } from 'vitest';
import { ThroughputWindow } from '../../src/engine/throughput-window.js';

describe('the throughput window', () => {
  it('compares the last tenth of a second with the least grant of late', () => {
    const window = new ThroughputWindow();
    expect(window.share).toBe(1);
    for (let k = 0; k < 50; k++) {
      window.granted(k * 0.02, 1_000_000);
      window.arrived(20_000, 0.02);
    }
    expect(window.share).toBeCloseTo(1, 9);
    // senders held to half: five slots later it is seen
    for (let k = 50; k < 54; k++) window.arrived(10_000, 0.02);
    expect(window.share).toBeCloseTo(0.6, 9);
    window.arrived(10_000, 0.02);
    expect(window.share).toBeCloseTo(0.5, 9);
    // a grant that is raised has not arrived yet, and proves nothing
    window.granted(1, 4_000_000);
    expect(window.share).toBeCloseTo(0.5, 9);
    window.granted(1.31, 4_000_000);
    expect(window.share).toBeCloseTo(0.125, 9);
  });

  it('says 1 where nothing or anything at all may be sent', () => {
    const window = new ThroughputWindow();
    window.arrived(10_000, 0.2);
    window.granted(0, 0);
    expect(window.share).toBe(1);
    window.granted(1, Number.POSITIVE_INFINITY);
    expect(window.share).toBe(1);
  });
});
