import { describe, expect, it } from 'vitest';
import { measureEstimator } from '../../bench/lab/estimator-ovs.js';
import { requireOrSkip } from '../support/require.js';
import { twoDc } from '../testbed/testbed-support.js';

/** The small version of `npm run lab -- estimator`, whose bars are for a machine that has nothing else to do. */
describe.skipIf(!requireOrSkip('ovs', 'gcc'))('the estimator on Open vSwitch, held against tc', () => {
  it('tells a burst and what was planted from nothing', async () => {
    const topology = twoDc();
    const vms = topology.vms.map((vm) => ({ ...vm, memoryBytes: 300_000_000 }));
    const result = await measureEstimator(
      { ...topology, vms },
      { bursts: 4, plants: 2, seed: 1, say: () => undefined, isStopped: () => false },
    );
    const { compared, peakBytes, medianMs, meanMs } = result.truth;
    expect(compared).toBeGreaterThan(20);
    expect(peakBytes).toBeGreaterThan(200_000);
    expect(medianMs).toBeLessThan(5);
    expect(meanMs).toBeLessThan(10);
    expect(result.drains).toHaveLength(2);
    for (const { plantedBytes, seenSeconds } of result.drains) {
      expect(plantedBytes).toBeGreaterThan(50_000);
      expect(seenSeconds).not.toBeNull();
    }
  });
});
