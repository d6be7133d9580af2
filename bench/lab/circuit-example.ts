import { bytesPerSecond, completionSeconds, seconds } from '../../controller/index.js';
import { Engine } from '../../src/engine/engine.js';
import type { Topology } from '../../src/network/topology.js';
import { circuitsOf, runVirtual, type VirtualOptions } from '../../src/simulator/index.js';

/**
 * The worked example of a circuit beside the packet path: 50 GB, of a packet path 0.5 Gbit/s are left, and a circuit of
 * 10 Gbit/s joins it after its set-up. S/U against tau_s + (S - tau_s U)/(U + C_c), controller/circuit-policy.ts: 800 s against
 * 95.2 s with a set-up of 60 s (8.4 times), and 39.0 s with one of 1 s.
 *
 * It is played at a hundredth of its bytes and rates, which leaves all times as they are; queues are shortened to the same part of
 * a second. Bytes are those of frames, as the rates are. What the law grants is rho c less the cross traffic, and rho of the
 * circuit: capacities are chosen so that these are the example's numbers.
 */
export const circuitExample = {
  scale: 100,
  bytes: 50e9,
  packetBytesPerSecond: 0.5e9 / 8,
  circuitBytesPerSecond: 10e9 / 8,
} as const;

const payloadShare = 1448 / 1514;
const utilisation = 0.98;
/** 240 ms at the packet path's rate; at the full rate it would be as many packets as there are in 100 times the buffer */
const bufferPackets = 100;
const limitSeconds = 1200;

/** Seconds to the end by the formula, for a part of the bytes. `setupSeconds` undefined: without a circuit. */
export function exampleTheory(setupSeconds: number | undefined, part = 1): number {
  const { bytes, packetBytesPerSecond, circuitBytesPerSecond } = circuitExample;
  const both = completionSeconds(part * bytes, packetBytesPerSecond, {
    setupSeconds: seconds(setupSeconds ?? 0),
    capacityBytesPerSecond: bytesPerSecond(circuitBytesPerSecond),
    costPerSecond: 0,
    costPerSetup: 0,
  });
  return setupSeconds === undefined ? both.without : both.with;
}

/** Two sites with the links of the example, `part` of its machine, and steady cross traffic that takes half of the packet path. */
export function exampleTopology(base: Topology, setupSeconds: number, part = 1): Topology {
  const { scale, bytes, packetBytesPerSecond, circuitBytesPerSecond } = circuitExample;
  const crossBits = (8 * packetBytesPerSecond) / scale;
  const links = base.links.map((link) => {
    const packetBits = (8 * packetBytesPerSecond) / scale + crossBits;
    const circuitBits = (8 * circuitBytesPerSecond) / scale;
    if (link.kind === 'packet')
      return { ...link, capacityBitsPerSecond: packetBits / utilisation, bufferPackets };
    if (link.kind === 'circuit')
      return { ...link, capacityBitsPerSecond: circuitBits / utilisation, setupSeconds };
    return { ...link, bufferPackets };
  });
  const memoryBytes = Math.round((part * bytes * payloadShare) / scale);
  return {
    ...base,
    links,
    vms: base.vms.map((vm) => ({ ...vm, memoryBytes, dirtyBytesPerSecond: 0, workingSetBytes: 0 })),
    traffic: base.traffic.flatMap((t) =>
      t.kind === 'background' ? [{ ...t, minBitsPerSecond: crossBits, maxBitsPerSecond: crossBits }] : [],
    ),
  };
}

export interface ExampleResult {
  /** from the first byte to the machine's new place */
  readonly seconds: number;
  /** from the same instant until traffic was put on the circuit: the set-up, and what it took to decide and to make sure of it */
  readonly carriedAfterSeconds: number | null;
  readonly downtimeMs: number;
  /** of the packet path's queue while the circuit carries, bytes; null: it never did */
  readonly meanBacklogBytes: number | null;
}

/** @throws Error when the machine did not move */
export function runExample(
  base: Topology,
  setupSeconds: number | undefined,
  part = 1,
  more: Partial<VirtualOptions> = {},
): ExampleResult {
  const topology = exampleTopology(base, setupSeconds ?? 0, part);
  let carriedAt: number | undefined;
  let backlog = (): number => 0;
  const backlogs: number[] = [];
  const { migration, harness } = runVirtual({
    topology,
    seed: 1,
    durationSeconds: limitSeconds,
    createEngine: (config) => new Engine(config),
    ...(setupSeconds !== undefined && { circuits: circuitsOf(topology, { breakEvenSeconds: 0.1 }) }),
    harness: {
      onView: (view) => {
        if (!view.circuits.some((c) => c.carries)) return;
        carriedAt ??= Date.parse(view.at);
        backlogs.push(backlog());
      },
    },
    prepare: (simulation) => {
      const { name, ends } = topology.links.find((l) => l.kind === 'packet')!;
      backlog = () => simulation.waitingRoom(name, ends[0]).backlogBytes;
    },
    ...more,
  });
  if (migration?.state !== 'completed' || migration.startedAt === null || migration.endedAt === null)
    throw new Error(
      `the migration is ${migration?.state}: ${migration?.failureReason ?? JSON.stringify(harness.logs.at(-1))}`,
    );
  const startedAt = Date.parse(migration.startedAt);
  return {
    seconds: (Date.parse(migration.endedAt) - startedAt) / 1000,
    carriedAfterSeconds: carriedAt === undefined ? null : (carriedAt - startedAt) / 1000,
    downtimeMs: migration.downtimeMs ?? Number.NaN,
    meanBacklogBytes: backlogs.length === 0 ? null : backlogs.reduce((a, b) => a + b) / backlogs.length,
  };
}
