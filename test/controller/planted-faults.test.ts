import { beforeEach, describe, expect, it, vi } from 'vitest';
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

/**
 * Faults planted in the whole loop: plant, counters, estimator, policy. For each of them the live lights must turn
 * away from green, and no slot may be green in which the true queue is above the bound that was proved.
 * The law's sign is turned in the module that has the law; nothing in the product can do that.
 */
const planted = vi.hoisted(() => ({ sign: 1 }));
vi.mock('../../controller/rate-law.js', async (original) => {
  const law = await original<typeof import('../../controller/rate-law.js')>();
  const unclippedRate: typeof law.unclippedRate = (of) =>
    law.unclippedRate({ ...of, gain: planted.sign * of.gain });
  return { ...law, unclippedRate };
});

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
/** with the share of the slots that must be proved: assumptions held, and the bound is below the 60 ms promised */
const hosts: readonly { host: string; disturbances: Disturbances; proved: number }[] = [
  { host: 'quiet', disturbances: calm, proved: 0.97 },
  { host: 'rough', disturbances: rough, proved: 0.95 },
  { host: 'harsh', disturbances: harsh, proved: 0.9 },
];

function runs(more: Partial<LoopOptions>, seeds = 3): LoopResult[] {
  return Array.from({ length: Math.round(seeds * scale) }, (_, i) =>
    runLoop({
      policy: 'steady',
      config: {},
      disturbances: calm,
      migrationBytes: 60e6,
      migrationStart: 1,
      limit: 12,
      ...more,
      plant: { ...more.plant, seed: i + 1 },
    }),
  );
}
const slotsOf = (results: readonly LoopResult[], from: number) =>
  results.flatMap((r) => r.trace.filter((t) => t.at > from && t.verdict !== null));
const greenShare = (results: readonly LoopResult[], from: number): number => {
  const slots = slotsOf(results, from);
  expect(slots.length).toBeGreaterThan(100);
  return slots.filter((t) => t.green).length / slots.length;
};
const sum = (results: readonly LoopResult[], pick: (r: LoopResult) => number): number =>
  results.reduce((s, r) => s + pick(r), 0);

beforeEach(() => {
  planted.sign = 1;
});

describe('without a fault', () => {
  it.each(hosts)(
    'most slots are green on a $host host, and none of them lies',
    ({ disturbances, proved }) => {
      const results = runs({ disturbances }, 4);
      expect(greenShare(results, 2)).toBeGreaterThan(0.9);
      const certificates = results.map((r) => r.certificate!);
      for (const c of certificates) expect(c.violations).toBe(0);
      const slots = certificates.reduce((n, c) => n + c.slots, 0);
      const good = certificates.reduce((n, c) => n + c.slots * c.provedShare, 0);
      expect(good / slots).toBeGreaterThan(proved);
      // readings that were torn without a sign can put one slot in a thousand above
      expect(sum(results, (r) => r.aboveBound)).toBeLessThanOrEqual(
        disturbances === harsh ? slots / 1000 : 0,
      );
    },
  );
});

describe('a planted fault', () => {
  it('of the wrong sign is violated, in the median within two seconds, and the safe rate holds', () => {
    planted.sign = -1;
    const results = runs({});
    const waits: number[] = [];
    for (const r of results) {
      const judged = r.trace.find((t) => t.verdict !== null)!;
      waits.push(r.trace.find((t) => t.verdict === 'violated')!.at - judged.at);
      expect(r.modes.safe).toBeGreaterThan(25);
      expect(r.certificate!.violations).toBeGreaterThan(0);
    }
    expect(quantile(waits, 0.5)).toBeLessThan(2);
    // before and between failures the law may be left at a floor where its sign does no harm: those slots are true
    expect(sum(results, (r) => r.aboveBound)).toBe(0);
  });

  it.each([
    ['told 0.75 slots while it is 5', { plantedDelaySlots: 0.75, slowPacer: 0.085 }],
    ['told 0.75 slots while it is 4', { plantedDelaySlots: 0.75, slowPacer: 0.065 }],
    ['told 5 slots while it is 1', { plantedDelaySlots: 5 }],
  ])('of the delay (%s) breaks the assumption in every slot from the third second on', (_, lie) => {
    const results = runs(lie);
    expect(greenShare(results, 3)).toBe(0);
    expect(sum(results, (r) => r.aboveBound)).toBe(0);
  });

  it.each(hosts)(
    'of a capacity told 5 percent too high shows a queue that stands within four seconds ($host host)',
    ({ disturbances }) => {
      // With the larger head-room of a rough host nothing would stand, and there were nothing to see. Beside this load we send
      // more than half of the capacity, which reserves up to half a percent more: 2 % stay free in all.
      const config = { targetUtilisation: 0.985, cautiousUtilisation: 0.985 };
      const results = runs({ disturbances, believedCapacityShare: 1.05, config });
      expect(greenShare(results, 1 + 5)).toBeLessThan(0.03);
      const standing = slotsOf(results, 1 + 5).filter((t) => t.realQueue !== 'inside');
      expect(standing.length).toBeGreaterThan(100);
    },
  );

  it('of a capacity told 5 percent too high is no lie where the head-room swallows it', () => {
    const results = runs({ disturbances: rough, believedCapacityShare: 1.05 });
    expect(sum(results, (r) => r.aboveBound)).toBe(0);
    expect(slotsOf(results, 2).filter((t) => t.green && t.queue > t.bound + 20_000)).toEqual([]);
  });

  it.each(hosts)(
    'of 300 kB that no counter saw is found, or has drained, in 0.6 s ($host host)',
    ({ disturbances }) => {
      const results = runs({ disturbances, hidden: { at: 5, bytes: 300_000 } });
      for (const r of results)
        expect(r.trace.filter((t) => t.at > 5.6 && t.green && t.queue > t.bound + 20_000)).toEqual([]);
      // it was a lie for a while: nothing that is counted had told of it yet
      const early = results.flatMap((r) => r.trace.filter((t) => t.at > 5 && t.at < 5.3));
      expect(early.some((t) => t.green && t.queue > t.bound)).toBe(true);
      // a pause of the video may drain it before it is found
      const found = results.filter((r) => r.trace.some((t) => t.at > 5 && t.at < 6 && !t.green));
      expect(found.length).toBeGreaterThan(results.length / 3);
    },
  );

  it('of a queue that stood before the start is not green before it was proven empty', () => {
    const results = runs({ plant: { initialQueue: 600_000 }, plantedBelief: 0, migrationStart: 0 });
    for (const r of results) {
      const lies = r.trace.filter((t) => t.green && t.queue > t.bound + 20_000);
      expect(lies).toEqual([]);
      expect(r.trace[5]!.realQueue).not.toBe('inside');
    }
  });
});
