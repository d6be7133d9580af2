import { describe, expect, it } from 'vitest';
import {
  calm,
  type Disturbances,
  harsh,
  type LoopOptions,
  type LoopResult,
  rough,
  runLoop,
} from './closed-loop.js';
import { quantile } from './plant.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

function runSeeds(count: number, disturbances: Disturbances, more: Partial<LoopOptions> = {}): LoopResult[] {
  return Array.from({ length: Math.round(count * scale) }, (_, i) =>
    runLoop({
      policy: 'steady',
      config: {},
      disturbances,
      migrationBytes: 25e6,
      migrationStart: 1,
      limit: 60,
      ...more,
      plant: { ...more.plant, seed: i + 1 },
    }),
  );
}
const total = (results: readonly LoopResult[], pick: (r: LoopResult) => number): number =>
  results.reduce((sum, r) => sum + pick(r), 0);
const longestStanding = (results: readonly LoopResult[]): number =>
  Math.max(...results.map((r) => r.longestStanding));

/** Times here are simulated ones: the plant has no clock but its own. */
describe('the loop on the traffic of the two-dc topology', () => {
  it.each([
    ['a quiet host', calm, 10, 1.09, 0.006],
    ['jitter, stalls and counters read apart', rough, 30, 1.1, 0.008],
    ['a stall and a torn reading every second', harsh, 10, 1.12, 0.01],
  ])('leaves no standing queue and the video its delay: %s', (_, disturbances, seeds, time, added) => {
    const results = runSeeds(seeds, disturbances);
    expect(results.every((r) => r.finished)).toBe(true);
    expect(longestStanding(results)).toBeLessThan(0.5);
    const p99 = results.map((r) => r.videoP99 - r.aloneP99);
    expect(quantile(p99, 0.5)).toBeLessThan(added);
    expect(
      quantile(
        results.map((r) => r.videoP50 - r.aloneP50),
        0.5,
      ),
    ).toBeLessThan(0.003);
    expect(total(results, (r) => r.migrationSeconds) / total(results, (r) => r.boundSeconds)).toBeLessThan(
      time,
    );
    expect(total(results, (r) => r.certificate!.violations)).toBe(0);
    expect(total(results, (r) => r.certificate!.assumptionBroken)).toBeLessThan(
      0.08 * total(results, (r) => r.certificate!.slots),
    );
    expect(total(results, (r) => r.probes.strangers)).toBe(0);
  });

  it('knows the queue it cannot read', () => {
    const errors = runSeeds(8, calm).flatMap((r) => r.estimateErrors.map(Math.abs));
    expect(quantile(errors, 0.5)).toBeLessThan(3000);
    expect(quantile(errors, 0.99)).toBeLessThan(45_000);
  });

  it('drains a standing queue of 300 kB that no counter saw within two seconds', () => {
    for (const disturbances of [calm, harsh]) {
      const results = runSeeds(10, disturbances, {
        hidden: { at: 3.1, bytes: 300_000 },
        migrationBytes: 20e6,
      });
      // it was there (48 ms of it take time to go) and it went
      expect(Math.min(...results.map((r) => r.longestStanding))).toBeGreaterThan(0.05);
      expect(longestStanding(results)).toBeLessThan(2);
    }
  });

  it('drains a queue that stood before the start and was taken for an empty one', () => {
    const results = runSeeds(10, rough, {
      plant: { initialQueue: 300_000 },
      plantedBelief: 0,
      migrationStart: 0,
      migrationBytes: 10e6,
    });
    expect(longestStanding(results)).toBeLessThan(2);
  });

  it.each([0.97, 1.03])('lives with a capacity that it was told wrong by a factor of %f', (share) => {
    const results = runSeeds(6, rough, { believedCapacityShare: share });
    expect(longestStanding(results)).toBeLessThan(2);
    expect(
      quantile(
        results.map((r) => r.videoP99 - r.aloneP99),
        0.5,
      ),
    ).toBeLessThan(0.015);
  });

  it('is measured by a plant that can tell: without control the queue stands', () => {
    const results = runSeeds(2, calm, { policy: 'none', migrationBytes: 10e6 });
    expect(Math.min(...results.map((r) => r.longestStanding))).toBeGreaterThan(1);
    expect(Math.min(...results.map((r) => r.videoP99 - r.aloneP99))).toBeGreaterThan(0.1);
  });

  it('gives the same run for the same seed', () => {
    const [first] = runSeeds(1, harsh);
    const [second] = runSeeds(1, harsh);
    expect(first!.trace).toEqual(second!.trace);
  });
});
