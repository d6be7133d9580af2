import { describe, expect, it } from 'vitest';
import { bytes, bytesPerSecond } from '../../controller/index.js';
import { circuitDemand } from '../../src/engine/circuit-demand.js';
import { Migration, type MigrationFacts } from '../../src/engine/migration.js';
import type { RatePlan } from '../../src/engine/rate-plan.js';
import { transitions } from '../../src/migration/index.js';
import { shippedTopology } from '../network/support/topologies.js';

const topology = shippedTopology('two-dc');
const link = topology.links.find((l) => l.kind === 'circuit')!;
const facts: MigrationFacts = {
  id: 'm-1',
  ordinal: 1,
  request: {
    vm: 'vm1',
    destination: 'hyp-b',
    mode: 'precopy',
    maxBandwidthBytesPerSecond: null,
    downtimeLimitMs: 300,
    disk: 'none',
    dryRun: false,
  },
  source: 'hyp-a',
  destination: 'hyp-b',
  memoryBytes: 1e8,
  dirtyBytesPerSecond: 0,
  workingSetBytes: 1e6,
  destinationAddress: '10.99.0.12',
  streams: [{ port: 4901 }, { port: 4965 }],
  flipLevels: [],
  holdsPackets: true,
  onePath: false,
  mayThrottle: false,
};
const need = {
  bytesLeft: bytes(1e7),
  rateBytesPerSecond: bytesPerSecond(1e6),
  debtBytes: bytes(0),
  lastRoundBytes: bytes(0),
  gainBytesPerSecond: bytesPerSecond(0),
};

describe('what a circuit is wanted for', () => {
  it('is a last round from when a machine is about to stand still until it lives elsewhere', () => {
    const steps = [...new Set(transitions.map((t) => t.from))];
    const inLastRound = steps.filter((step) => {
      const migration = new Migration(facts, 0, 'admitted');
      migration.restore(step, 0, '');
      migration.plan = { circuitNeed: () => need } as unknown as RatePlan;
      return circuitDemand(0, topology, link, [migration], () => []).lastRound;
    });
    expect(inLastRound).toEqual(['staging', 'redirecting', 'stopping']);
  });

  it('is nothing between other sites', () => {
    const migration = new Migration({ ...facts, destination: 'hyp-a' }, 0, 'admitted');
    migration.plan = { circuitNeed: () => need } as unknown as RatePlan;
    expect(circuitDemand(0, topology, link, [migration], () => []).jobs).toEqual([]);
  });
});
