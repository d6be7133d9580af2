import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.js';
import type { SystemView } from '../../src/engine/view.js';
import { readTopology } from '../../src/io/topology-file.js';
import { runVirtual } from '../../src/simulator/run-virtual.js';

/** The whole engine in virtual time while the link between the sites loses half its rate from 8 s to 14 s. */
function halved(file: string) {
  const views: [number, SystemView][] = [];
  const topology = readTopology(`topologies/${file}.yaml`);
  const result = runVirtual({
    topology: { ...topology, traffic: topology.traffic.filter((t) => t.kind === 'video') },
    seed: 2,
    createEngine: (config) => new Engine(config),
    memoryBytes: 60_000_000,
    warmupSeconds: 4,
    durationSeconds: 60,
    harness: {
      channelDelaySeconds: (name) => (name === 'gw-b' ? 0.02 : 0.0005),
      onView: (view, now) => views.push([now, view]),
    },
    prepare: (simulation) => {
      for (const [at, rate] of [
        [8, 25e6],
        [14, 50e6],
      ] as const)
        simulation.events.call(at, () => simulation.setLinkRate('wan', rate));
    },
  });
  const capacityAt = (at: number): number =>
    views.find(([now]) => now >= at)![1].bottlenecks.find((b) => b.id === 'gw-a.wan')!.capacityBitsPerSecond /
    1e6;
  return { result, capacityAt };
}

describe.each(['two-dc', 'two-dc-opaque'])(
  'a capacity that halves and comes back, unannounced (%s)',
  (file) => {
    it('is followed within two seconds, and the queue goes', () => {
      const { result, capacityAt } = halved(file);
      expect(result.migration?.state).toBe('completed');
      expect(capacityAt(7.9)).toBeGreaterThan(45);
      expect(capacityAt(10)).toBeGreaterThan(22.5);
      expect(capacityAt(10)).toBeLessThan(27.5);
      expect(capacityAt(16)).toBeGreaterThan(45);
      expect(capacityAt(16)).toBeLessThan(55);
      const video = result.streams.find((s) => s.name === 'video')!;
      expect(video.lossPercent).toBe(0);
      // 240 ms of buffer would be full within half a second
      expect(video.maxMs).toBeLessThan(160);
    });
  },
);

describe('a carrier that strips a tag of our packets, or puts one on', () => {
  it('is found out from the packet counters of both ends', () => {
    const header = -4;
    const views: SystemView[] = [];
    const result = runVirtual({
      topology: readTopology('topologies/two-dc-opaque.yaml'),
      seed: 2,
      createEngine: (config) => new Engine(config),
      memoryBytes: 60_000_000,
      warmupSeconds: 8,
      durationSeconds: 60,
      harness: {
        channelDelaySeconds: (name) => (name === 'gw-b' ? 0.02 : 0.0005),
        onView: (view) => views.push(view),
      },
      prepare: (simulation) => simulation.carrier('wan', 'gw-a').setHeader(header),
    });
    expect(result.migration?.state).toBe('completed');
    const overhead = views.at(-1)!.bottlenecks.find((b) => b.id === 'gw-a.wan')!.packetOverhead!;
    expect(Math.abs(overhead.bytes - header)).toBeLessThan(0.5);
    expect(overhead.uncertaintyBytes).toBeLessThan(1);
    expect(result.streams.find((s) => s.name === 'video')!.p99Ms).toBeLessThan(60);
  });
});

describe('a migration over an opaque path of which nothing is known yet', () => {
  it('begins at the safe rate, and is done in time', () => {
    const views: SystemView[] = [];
    const result = runVirtual({
      topology: readTopology('topologies/two-dc-opaque.yaml'),
      seed: 3,
      createEngine: (config) => new Engine(config),
      memoryBytes: 20_000_000,
      warmupSeconds: 7,
      durationSeconds: 120,
      // so far away that no counter and no probe has come back when the migration begins
      harness: {
        channelDelaySeconds: (name) => (name === 'gw-b' ? 0.9 : 0.0005),
        onView: (view) => views.push(view),
      },
    });
    const learning = views.filter(
      (v) =>
        v.migrations.some((m) => m.state === 'running') &&
        v.bottlenecks.some((b) => b.capacityBitsPerSecond === 0),
    );
    expect(learning.length).toBeGreaterThan(0);
    expect(result.migration?.state).toBe('completed');
    expect(result.streams.find((s) => s.name === 'video')!.maxMs).toBeLessThan(160);
  });
});
