import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { LinkSpec, Topology } from '../../../src/network/index.js';

/** The shipped topologies, as the tests of this room read them: no defaults are needed, the files are complete. */
export function shippedTopology(
  name:
    | 'two-dc'
    | 'two-dc-opaque'
    | 'two-dc-priority'
    | 'two-dc-vxlan'
    | 'three-site'
    | 'abilene'
    | 'abilene-core'
    | 'fat-tree-4',
): Topology {
  const file = new URL(`../../../topologies/${name}.yaml`, import.meta.url);
  return parse(readFileSync(file, 'utf8')) as Topology;
}

/** `three-site`, where hosts and the machine have IPv6 addresses, too. */
export function threeSiteWithIpv6(): Topology {
  const plain = shippedTopology('three-site');
  return {
    ...plain,
    hosts: plain.hosts.map((h, i) => ({ ...h, ipv6: `fd00::${i + 1}` })),
    vms: plain.vms.map((v) => ({ ...v, ipv6: 'fd00::101' })),
  };
}

/** Sites s1..sN around a hub, each with one link; a VM that may live at every site but the hub. */
export function starTopology(siteCount: number): Topology {
  const ring = ringTopology(siteCount);
  const wan = ring.links.find((l) => l.kind === 'packet')!;
  const gateways = ring.switches.filter((s) => s.role === 'gateway');
  return {
    ...ring,
    name: `star-${siteCount}`,
    sites: [...ring.sites, { name: 'hub' }],
    switches: [...ring.switches, { name: 'hub', site: 'hub', role: 'gateway', dpid: '00000000000000ff' }],
    links: [
      ...ring.links.filter((l) => l.kind === 'local'),
      ...gateways.map((g) => ({ ...wan, name: `to-${g.site}`, ends: [g.name, 'hub'] as const })),
    ],
  };
}

/** Sites s1..sN in a ring, each a gateway with a hypervisor switch; a VM that may live at every site. */
export function ringTopology(siteCount: number): Topology {
  const numbers = Array.from({ length: siteCount }, (_, i) => i + 1);
  const two = (n: number): string => n.toString(16).padStart(2, '0');
  const link = (name: string, kind: 'local' | 'packet', a: string, b: string): LinkSpec => ({
    name,
    kind,
    ends: [a, b],
    capacityBitsPerSecond: kind === 'packet' ? 50e6 : undefined,
    oneWayDelayMs: 0,
    bufferPackets: 1000,
  });
  return {
    name: 'ring',
    description: '',
    sites: numbers.map((n) => ({ name: `s${n}` })),
    switches: numbers.flatMap((n) => [
      { name: `g${n}`, site: `s${n}`, role: 'gateway' as const, dpid: two(n).padStart(16, '0') },
      { name: `h${n}`, site: `s${n}`, role: 'hypervisor' as const, dpid: two(n + 128).padStart(16, '0') },
    ]),
    links: [
      ...numbers.map((n) => link(`w${n}`, 'packet', `g${n}`, `g${(n % siteCount) + 1}`)),
      ...numbers.map((n) => link(`u${n}`, 'local', `h${n}`, `g${n}`)),
    ],
    hosts: numbers.flatMap((n) => [
      {
        name: `hyp${n}`,
        role: 'hypervisor' as const,
        switch: `h${n}`,
        mac: `02:00:00:00:01:${two(n)}`,
        ip: `10.0.1.${n}`,
      },
      {
        name: `user${n}`,
        role: 'user' as const,
        switch: `g${n}`,
        mac: `02:00:00:00:02:${two(n)}`,
        ip: `10.0.2.${n}`,
      },
    ]),
    vms: [
      {
        name: 'vm',
        mac: '02:00:00:00:03:01',
        ip: '10.0.3.1',
        hosts: numbers.map((n) => `hyp${n}`),
        at: 'hyp1',
        memoryBytes: 1e6,
        dirtyBytesPerSecond: 0,
        workingSetBytes: 1e6,
      },
    ],
    traffic: [],
  };
}
