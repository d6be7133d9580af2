import { describe, expect, it } from 'vitest';
import type { SystemView } from '../../src/engine/view.js';
import type { Topology } from '../../src/network/topology.js';
import { Rig, smallTopology } from './rig.js';

/** Three sites in a row, a - m - b, joined by 50 and 30 Mbit/s; one machine at a and one at m, both on their way to b. */
function chain(): Topology {
  const base = smallTopology({ memoryBytes: 15_000_000 });
  const link = (name: string) => base.links.find((l) => l.name === name)!;
  const host = (name: string) => base.hosts.find((h) => h.name === name)!;
  const sw = (name: string) => base.switches.find((s) => s.name === name)!;
  const vm = base.vms[0]!;
  return {
    ...base,
    sites: [...base.sites, { name: 'm' }],
    switches: [
      ...base.switches,
      { ...sw('gw-b'), name: 'gw-m', site: 'm', dpid: '0000000000000005' },
      { ...sw('hv-b'), name: 'hv-m', site: 'm', dpid: '0000000000000006' },
    ],
    links: [
      { ...link('wan'), name: 'am', ends: ['gw-a', 'gw-m'] },
      {
        ...link('wan'),
        name: 'mb',
        ends: ['gw-m', 'gw-b'],
        capacityBitsPerSecond: 30_000_000,
        oneWayDelayMs: 5,
      },
      link('up-a'),
      link('up-b'),
      { ...link('up-a'), name: 'up-m', ends: ['hv-m', 'gw-m'] },
    ],
    hosts: [
      host('hyp-a'),
      host('hyp-b'),
      { ...host('hyp-a'), name: 'hyp-m', switch: 'hv-m', mac: '02:00:00:00:00:13', ip: '10.99.0.13' },
    ],
    vms: [
      vm,
      {
        ...vm,
        name: 'vm2',
        mac: '02:00:00:00:01:02',
        ip: '10.99.0.102',
        hosts: ['hyp-m', 'hyp-b'],
        at: 'hyp-m',
      },
    ],
  };
}

describe('a path of two bottlenecks', () => {
  it('shares the tight one with who passes only that, and each bottleneck keeps what it may give', () => {
    const rig = new Rig({ seed: 1, topology: chain() }).settle(1);
    const ids = ['vm1', 'vm2'].map((vm) => rig.migrate({ vm }).id);
    for (const id of ids) rig.finish(id, 120);
    expect(ids.map((id) => rig.view(id)?.state)).toEqual(['completed', 'completed']);
    expect(rig.leftovers(ids)).toEqual([]);
    const views = rig.outputs.flatMap(({ output }): SystemView[] =>
      output.kind === 'publish' ? [output.view] : [],
    );
    const both = views.filter((v) => v.migrations.filter((m) => m.step === 'running').length === 2);
    expect(both.length).toBeGreaterThan(20);
    for (const view of both) {
      const [one, other] = view.migrations.map((m) => m.grantedBitsPerSecond);
      expect(one! / other!, view.at).toBeCloseTo(1, 1);
      const tight = view.bottlenecks.find((b) => b.id === 'gw-m.mb')!;
      expect(tight.split.grantedBitsPerSecond).toBeCloseTo(one! + other!, 0);
      expect(tight.split.grantedBitsPerSecond).toBeLessThanOrEqual(30e6);
    }
    for (const { split, certificate } of rig.harness.view!.bottlenecks) {
      expect(split.violations).toBe(0);
      expect(certificate.violations).toBe(0);
    }
  });
});
