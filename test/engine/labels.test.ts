import { describe, expect, it } from 'vitest';
import type { Topology } from '../../src/network/index.js';
import { Rig, smallTopology } from './rig.js';

/** The two sites with a core between them; the first half of the way is the tight one. */
function overCore(): Topology {
  const base = smallTopology({ memoryBytes: 15_000_000, traffic: true });
  const wan = { ...base.links.find((l) => l.name === 'wan')!, oneWayDelayMs: 10, mtuBytes: 1504 };
  return {
    ...base,
    sites: [...base.sites, { name: 'pop' }],
    switches: [...base.switches, { name: 'co', site: 'pop', role: 'core', dpid: '00000000000000c0' }],
    links: [
      { ...wan, ends: ['gw-a', 'co'] },
      { ...wan, name: 'wan2', ends: ['co', 'gw-b'], capacityBitsPerSecond: 60_000_000 },
      ...base.links.filter((l) => l.kind === 'local'),
    ],
  };
}

/** What the gateway's queue is thought to hold, in the mean of 5 s, and what a packet is thought to be longer behind it. */
function thought(topology: Topology): { backlogBytes: number; bytesPerPacket: number } {
  const rig = new Rig({ seed: 1, topology }).settle(12);
  const queue = () => rig.harness.view!.bottlenecks.find((b) => b.id === 'gw-a.wan')!;
  let backlogBytes = 0;
  for (let i = 0; i < 50; i++) {
    rig.harness.runUntil(rig.now + 0.1);
    backlogBytes += queue().backlogBytes / 50;
  }
  return { backlogBytes, bytesPerPacket: queue().packetOverhead!.bytes };
}

describe('packets with labels', () => {
  it('are four bytes longer behind the gateway, which is fitted and is no backlog', () => {
    const plain = thought(smallTopology({ memoryBytes: 15_000_000, traffic: true }));
    const labelled = thought(overCore());
    expect(plain.bytesPerPacket).toBe(0);
    // Of the packets that pass some are probes and LLDP, which have no label.
    expect(labelled.bytesPerPacket).toBeGreaterThan(3.5);
    expect(labelled.bytesPerPacket).toBeLessThanOrEqual(4.1);
    // The same seed is the same load. Not fitted, 4 bytes of some 2,000 packets/s are 8 kB a second.
    expect(Math.abs(labelled.backlogBytes - plain.backlogBytes)).toBeLessThan(1000);
  });

  it('cross a core that a migration does not touch', () => {
    const rig = new Rig({ seed: 2, topology: overCore() }).settle(1);
    const before = rig.dump('co');
    const { id } = rig.migrate();
    rig.finish(id, 60);
    expect(rig.view(id)!.state).toBe('completed');
    expect(rig.dump('co')).toBe(before);
    expect(rig.leftovers([id])).toEqual([]);
    for (const { certificate } of rig.harness.view!.bottlenecks) expect(certificate.violations).toBe(0);
  });
});
