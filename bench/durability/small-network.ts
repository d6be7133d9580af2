import { join } from 'node:path';
import { readTopology } from '../../src/io/topology-file.js';
import type { Topology } from '../../src/network/topology.js';
import { projectRoot } from '../lab/project-root.js';

/** Two data centres without traffic, a small machine, and a circuit that is soon lit and soon let go. */
export function smallNetwork(memoryBytes = 10e6): Topology {
  const file = readTopology(join(projectRoot(), 'topologies', 'two-dc.yaml'));
  const prices = { setupSeconds: 0.2, costPerSetup: 0.1, costPerSecond: 1 };
  return {
    ...file,
    traffic: [],
    vms: file.vms.map((vm) => ({ ...vm, memoryBytes, workingSetBytes: 1e6, dirtyBytesPerSecond: 1e5 })),
    links: file.links.map((l) => (l.kind === 'circuit' ? { ...l, ...prices } : l)),
  };
}

/** Of `steady.yaml`. */
export const circuitSection = (url: string) => ({
  provider: { url, timeoutSeconds: 1 },
  links: [{ link: 'circuit', budgetPerSecond: 10, breakEvenSeconds: 0.01, minimumHoldSeconds: 1 }],
});

/** Of `steady.yaml`. A machine with other work to do reads counters late, and the safe rate of then must not be what a trial waits for. */
export const controlSection = { slotMs: 50, safeBitsPerSecond: 20_000_000 };
