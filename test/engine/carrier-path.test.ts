import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.js';
import type { Topology } from '../../src/network/topology.js';
import { EngineHarness } from '../../src/simulator/engine-harness.js';
import { NetworkSimulation } from '../../src/simulator/network-simulation.js';
import { virtualConfig } from '../../src/simulator/run-virtual.js';
import { sideBySide, twinOf } from '../../src/simulator/twin-topology.js';
import { twoDc } from '../simulator/fixtures.js';

/** The demo's opaque path with half of its load, a machine that never ends, and another round trip. */
function site(roundTripMs: number): Topology {
  const base = twoDc('-opaque');
  return {
    ...base,
    links: base.links.map((l) =>
      l.carrier === undefined ? l : { ...l, carrier: { ...l.carrier, oneWayDelayMs: roundTripMs / 2 } },
    ),
    vms: base.vms.map((vm) => ({ ...vm, memoryBytes: 1_000_000_000 })),
    traffic: base.traffic.map((t) =>
      t.kind === 'video'
        ? { ...t, baseBitsPerSecond: t.baseBitsPerSecond / 2, burstBitsPerSecond: t.burstBitsPerSecond / 2 }
        : { ...t, minBitsPerSecond: t.minBitsPerSecond / 2, maxBitsPerSecond: t.maxBitsPerSecond / 2 },
    ),
  };
}

/** One engine, its machine and what it has sent. */
class Controller {
  readonly harness: EngineHarness;
  /** views in which the promise of delay was void */
  voids = 0;
  private readonly topology: Topology;
  private readonly simulation: NetworkSimulation;

  constructor(simulation: NetworkSimulation, topology: Topology) {
    this.topology = topology;
    this.simulation = simulation;
    this.harness = new EngineHarness(simulation, {
      config: virtualConfig(topology),
      createEngine: (config) => new Engine(config),
      channelDelaySeconds: (name) => (name.startsWith('gw-b') ? 0.02 : 0.0005),
      onView: (view) => {
        if (view.bottlenecks[0]?.delayPromiseVoid) this.voids += 1;
      },
    });
    this.harness.start();
  }

  migrate(): void {
    const [vm] = this.topology.vms;
    this.harness.api({
      kind: 'createMigration',
      id: 'migration-1',
      idempotencyKey: null,
      bodyDigest: '',
      request: {
        vm: vm!.name,
        destination: vm!.hosts.find((h) => h !== vm!.at)!,
        mode: 'precopy',
        maxBandwidthBytesPerSecond: null,
        downtimeLimitMs: 300,
        disk: 'none',
        dryRun: false,
      },
    });
  }

  get sentBytes(): number {
    return this.simulation.agents.get(this.topology.vms[0]!.at)!.status('migration-1').transferredBytes;
  }
  get path() {
    return this.harness.view!.bottlenecks[0]!;
  }
}

describe('two engines at one carrier', () => {
  it.each([{ seed: 2, roundTrips: [20, 80] }] as const)(
    'share it fairly when the second comes 10 s later, round trips of $roundTrips ms, seed $seed',
    ({ seed, roundTrips }) => {
      const one = site(roundTrips[0]);
      const other = twinOf(site(roundTrips[1]));
      const simulation = new NetworkSimulation(sideBySide(one, other), {
        seed,
        sharedCarriers: [['wan', 'wan2']],
      });
      const both = [new Controller(simulation, one), new Controller(simulation, other)];
      simulation.startTraffic();
      simulation.runUntil(5);
      both[0]!.migrate();
      simulation.runUntil(15);
      both[1]!.migrate();
      const queue: number[] = [];
      const shares: number[] = [];
      for (let at = 20; at < 40; at += 0.1) {
        simulation.runUntil(at);
        queue.push((simulation.carrier('wan', 'gw-a').backlogBytes * 8) / 50e6);
        if (at === 20) shares.push(...both.map((c) => c.sentBytes));
      }
      const got = both.map((c, i) => c.sentBytes - shares[i]!);
      const jain = (got[0]! + got[1]!) ** 2 / (2 * (got[0]! ** 2 + got[1]! ** 2));
      expect(jain).toBeGreaterThan(0.9);
      // neither takes the other for an elastic flow, and no queue of TCP's is left to stand
      expect(both.map((c) => c.voids)).toEqual([0, 0]);
      expect(both.map((c) => c.path.certificate.violations)).toEqual([0, 0]);
      expect(queue.sort((a, b) => a - b)[queue.length >> 1]).toBeLessThan(0.05);
    },
  );
});

describe('a policer at the carrier', () => {
  it('is recognised and shown, a rate below its own is kept, and it is noticed to have gone', () => {
    const topology = site(40);
    const simulation = new NetworkSimulation(topology, { seed: 1 });
    const controller = new Controller(simulation, topology);
    simulation.startTraffic();
    simulation.runUntil(5);
    controller.migrate();
    const carrier = simulation.carrier('wan', 'gw-a');
    simulation.runUntil(12);
    expect(controller.path.policedBitsPerSecond).toBeNull();
    const committed = 30e6;
    carrier.police(committed, 100_000);
    simulation.runUntil(16.5);
    expect(controller.path.policedBitsPerSecond).toBeLessThan(committed);
    expect(controller.path.policedBitsPerSecond).toBeGreaterThan(0.75 * committed);
    const before = carrier.statistics();
    simulation.runUntil(22);
    const after = carrier.statistics();
    expect(after.policedBytes - before.policedBytes).toBe(0);
    expect((after.forwardedBytes - before.forwardedBytes) * 8).toBeGreaterThan(0.75 * 5.5 * committed);
    carrier.police(null);
    simulation.runUntil(37);
    expect(controller.path.policedBitsPerSecond).toBeNull();
    expect(controller.path.capacityBitsPerSecond).toBeGreaterThan(45e6);
  });
});
