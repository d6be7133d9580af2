import { describe, expect, it } from 'vitest';
import { explainMigration } from '../../src/api/words/migration-explanation.js';
import { unknownStatus } from '../../src/engine/migration-progress.js';
import { stepWaitsFor } from '../../src/engine/migration-words.js';
import type { MigrationFacts, MigrationWorld } from '../../src/engine/migration-world.js';
import type { Step } from '../../src/migration/index.js';
import { Rig, smallTopology } from './rig.js';

const settledSeconds = 5;
/** Enough to copy for a while. */
const topology = smallTopology({ memoryBytes: 30_000_000 });

describe('the copy of a migration as it is shown', () => {
  const copyOf = (rig: Rig, id: string) => rig.view(id)!.copy!;
  const reasons = (rig: Rig, id: string) => explainMigration(rig.harness.view!, id)!.map(({ kind }) => kind);

  it('names its bottleneck, and how much of what is granted arrives', () => {
    const rig = new Rig({ seed: 1, topology }).settle();
    const { id } = rig.migrate();
    rig.settle(settledSeconds);
    const copy = copyOf(rig, id);
    expect(copy.passes.map(({ bottleneck }) => bottleneck)).toEqual([rig.harness.view!.bottlenecks[0]!.id]);
    expect(copy.waitsFor).toBeNull();
    // headers are granted, too, and not acknowledged as memory
    const share = copy.measuredBitsPerSecond / copy.meanGrantedBitsPerSecond;
    expect(share).toBeGreaterThan(0.8);
    expect(share).toBeLessThan(1.05);
    expect(reasons(rig, id)).toEqual(['bottleneck']);
    rig.finish(id);
    expect(rig.view(id)).not.toHaveProperty('copy');
    expect(reasons(rig, id)).toEqual(['ended']);
  });

  it('asks for nothing more than its own cap', () => {
    const rig = new Rig({ seed: 1, topology }).settle();
    const { id } = rig.migrate({ maxBandwidthBytesPerSecond: 200_000 });
    rig.settle(settledSeconds);
    const copy = copyOf(rig, id);
    expect(copy.meanGrantedBitsPerSecond).toBeCloseTo(1_600_000, -3);
    expect(reasons(rig, id)).toEqual(['own-cap']);
  });
});

describe('the price of a bottleneck', () => {
  it('is nothing for one alone, and the same for all who share it', () => {
    const [vm] = topology.vms;
    const vms = [1, 2].map((n) => ({
      ...vm!,
      name: `vm${n}`,
      mac: `02:00:00:00:01:0${n}`,
      ip: `10.99.0.10${n}`,
    }));
    const rig = new Rig({ seed: 1, topology: { ...topology, vms } }).settle();
    const pricesOf = (id: string) => rig.view(id)!.copy!.passes.map(({ priceBytes }) => priceBytes);
    const first = rig.migrate({ vm: 'vm1' }).id;
    rig.settle(1);
    expect(pricesOf(first)).toEqual([0]);
    const second = rig.migrate({ vm: 'vm2' }).id;
    rig.settle(1);
    expect(pricesOf(first)[0]).toBeGreaterThan(0);
    expect(pricesOf(second)).toEqual(pricesOf(first));
  });
});

describe('what a step waits for', () => {
  const facts = { source: 'hyp-a', destination: 'hyp-b' } as MigrationFacts;
  const held = { acknowledged: true, verified: true, missing: [], unconfirmed: [], refused: null };
  const world = (rules: Partial<ReturnType<MigrationWorld['rules']>>, away = ''): MigrationWorld =>
    ({
      rules: () => ({ ...held, ...rules }),
      hypervisorConnected: (host: string) => host !== away,
    }) as MigrationWorld;
  const statuses = {
    source: { ...unknownStatus, phase: 'none' as const },
    destination: { ...unknownStatus, phase: 'incoming' as const },
  };
  const waits = (step: Step, of: MigrationWorld) => stepWaitsFor(step, facts, of, statuses);

  it.each<[Step, MigrationWorld, string | null]>([
    ['preparing', world({}, 'hyp-b'), 'the agent of hyp-b is not connected'],
    ['starting', world({}), 'the agents say none and incoming'],
    ['failing', world({ acknowledged: false }), 'rules are not acknowledged'],
    ['running', world({ acknowledged: false, unconfirmed: ['gw-a'] }), null],
    ['running', world({ missing: ['gw-a'] }), 'switches not there: gw-a'],
    ['staging', world({ acknowledged: false }), 'rules are not acknowledged'],
    ['staging', world({ unconfirmed: ['gw-a'] }), null],
    ['redirecting', world({ unconfirmed: ['gw-a', 'hv-a'] }), 'rules are not read back: gw-a, hv-a'],
    ['flipping', world({}), null],
    ['cleaning', world({ unconfirmed: ['gw-b'] }), 'rules are not read back: gw-b'],
  ])('%s', (step, of, said) => {
    expect(waits(step, of)).toBe(said);
  });
});
