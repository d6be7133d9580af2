import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.js';
import type { MigrationView } from '../../src/engine/view.js';
import { circuitsOf, runVirtual } from '../../src/simulator/run-virtual.js';
import { shippedTopology } from '../network/support/topologies.js';

const seed = 3;
/** Machines whose places are the ends of a circuit are the larger ones. */
const acrossTheCountry = ['vm1', 'vm2', 'vm4', 'vm5'];
const whole = shippedTopology('abilene');
const topology = {
  ...whole,
  vms: whole.vms.map((vm) => ({
    ...vm,
    memoryBytes: acrossTheCountry.includes(vm.name) ? 20_000_000 : 4_000_000,
    workingSetBytes: 500_000,
    dirtyBytesPerSecond: 100_000,
  })),
};
/** Seconds; with 10 and 8 the admission refuses three of them. */
const deadlineOf = (vm: string): number => (acrossTheCountry.includes(vm) ? 14 : 9);

describe('twelve machines on the move at once over eleven sites', () => {
  const requests = topology.vms.map(({ name, at, hosts }) => ({
    vm: name,
    destination: hosts.find((host) => host !== at)!,
    deadlineSeconds: deadlineOf(name),
  }));
  // One second is too little for any of them, which is for the admission to say.
  const hasty = { ...requests[7]!, deadlineSeconds: 1 };
  let mostAtOnce = 0;
  const { migrations, harness } = runVirtual({
    topology,
    seed,
    control: { slotMs: 50 },
    circuits: circuitsOf(topology, { breakEvenSeconds: 0.1, minimumHoldSeconds: 2 }),
    createEngine: (config) => new Engine(config),
    warmupSeconds: 1.5,
    durationSeconds: 60,
    migration: requests[0]!,
    further: [hasty, ...requests.slice(1)].map((request, i) => ({ afterSeconds: 0.02 * (i + 1), request })),
    harness: {
      onView: (view) => {
        const moving = view.migrations.filter(
          (m) => m.state === 'running' || m.state === 'switchover',
        ).length;
        mostAtOnce = Math.max(mostAtOnce, moving);
      },
    },
  });
  const admitted = migrations.filter((m): m is MigrationView => m !== undefined);

  it('all come to their places, within the deadlines that the admission accepted', () => {
    expect(migrations[1]).toBeUndefined();
    expect(admitted.map((m) => m.vm)).toEqual(topology.vms.map((vm) => vm.name));
    expect(mostAtOnce).toBe(12);
    for (const { vm, state, createdAt, endedAt, deadlineSeconds, failureReason } of admitted) {
      expect(state, `${vm}: ${failureReason}`).toBe('completed');
      const seconds = (Date.parse(endedAt!) - Date.parse(createdAt)) / 1000;
      expect(seconds, vm).toBeLessThanOrEqual(deadlineSeconds!);
    }
  });

  it('circuits are ordered for those who need them, and as many are released', () => {
    const lit = () => harness.view!.circuits.some((circuit) => circuit.state !== 'dark');
    expect(harness.runWhile(lit, harness.now + 30, 0.1)).toBe(true);
    for (const { name, ledger } of harness.view!.circuits) {
      expect(ledger.requested, name).toBeGreaterThan(0);
      expect([ledger.released, ledger.open], name).toEqual([ledger.requested, 0]);
    }
    expect(harness.circuits.model.circuits()).toEqual([]);
  });
});
