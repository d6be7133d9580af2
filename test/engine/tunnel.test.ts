import { describe, expect, it } from 'vitest';
import type { Topology } from '../../src/network/index.js';
import { Rig, smallTopology } from './rig.js';

const plain = smallTopology({ memoryBytes: 15_000_000, traffic: true });
/** The two sites with a tunnel between them; nothing else is different. */
const tunnelled: Topology = {
  ...plain,
  links: plain.links.map((l) =>
    l.name === 'wan'
      ? { ...l, mtuBytes: 1550, vxlan: { vni: 7, addresses: ['192.0.2.1', '192.0.2.2'] as const } }
      : l,
  ),
};

describe('a tunnel between sites', () => {
  it('makes packets longer, which is known and needs no fit', () => {
    const rig = new Rig({ seed: 1, topology: tunnelled }).settle(12);
    const { packetOverhead } = rig.harness.view!.bottlenecks.find((b) => b.id === 'gw-a.wan')!;
    expect(packetOverhead!.bytes).toBe(0);
    expect(packetOverhead!.uncertaintyBytes).toBeLessThan(1);
    // What the queue has sent is what went into the tunnel, and 50 bytes of each packet.
    const gateway = rig.harness.simulation.switches.get('gw-a')!;
    const [into, below] = ['gw-a.wan', 'gw-a_wan'].map((name) => gateway.portNamed(name)!.egress);
    const waiting = below!.queues.reduce((sum, queue) => sum + queue.backlogPackets, 0);
    expect(into!.txPackets).toBeGreaterThan(10_000);
    expect(into!.txPackets).toBe(below!.txPackets + waiting);
    const longer = (below!.txBytes + below!.backlogBytes() - into!.txBytes) / into!.txPackets;
    expect(longer).toBe(50);
  });

  it('carries a machine like any link', () => {
    const rig = new Rig({ seed: 2, topology: tunnelled }).settle(1);
    const { id } = rig.migrate();
    rig.finish(id, 60);
    expect(rig.view(id)!.state).toBe('completed');
    expect(rig.leftovers([id])).toEqual([]);
    for (const { certificate } of rig.harness.view!.bottlenecks) expect(certificate.violations).toBe(0);
  });

  it('is down when the port below it is', () => {
    const rig = new Rig({ seed: 3, topology: tunnelled }).settle(1);
    const state = () => rig.harness.view!.links.find((l) => l.name === 'wan')!.state;
    expect(state()).toBe('up');
    rig.harness.simulation.setLinkUp('wan', false);
    rig.settle(0.2);
    expect(state()).toBe('down');
    rig.harness.simulation.setLinkUp('wan', true);
    rig.settle(2);
    expect(state()).toBe('up');
  });
});
