import type { HostSpec, LinkSpec, SwitchSpec, Topology, VmSpec } from '../../network/topology.js';
import type { Draw } from './draw.js';

const siteNames = ['a', 'b', 'c'];
const shapes = ['pair', 'pair', 'pair', 'pair', 'pair', 'line', 'ring'] as const;

/**
 * Two or three sites, each with a gateway and a hypervisor switch, joined as a pair, a line or a ring; in a ring there are detours and
 * their groups. Every machine may live at every site.
 */
export function chaosTopology(draw: Draw): Topology {
  const shape = draw.pick(shapes);
  const sites = siteNames.slice(0, shape === 'pair' ? 2 : 3);
  const switches = sites.flatMap((site, i): SwitchSpec[] => [
    { name: `gw-${site}`, site, role: 'gateway', dpid: dpidOf(2 * i + 1) },
    { name: `hv-${site}`, site, role: 'hypervisor', dpid: dpidOf(2 * i + 2) },
  ]);
  const pairs = sites.slice(1).map((site, i) => [sites[i]!, site] as const);
  if (shape === 'ring') pairs.push(['c', 'a']);
  const links = [
    ...pairs.map(
      ([a, b]): LinkSpec => link(`wan-${a}${b}`, 'packet', `gw-${a}`, `gw-${b}`, draw.whole(2, 30)),
    ),
    ...sites.map((site): LinkSpec => link(`up-${site}`, 'local', `hv-${site}`, `gw-${site}`, 0)),
  ];
  const hosts = sites.flatMap((site, i): HostSpec[] => [
    {
      name: `hyp-${site}`,
      role: 'hypervisor',
      switch: `hv-${site}`,
      mac: macOf(1, i),
      ip: `10.0.0.${i + 1}`,
    },
  ]);
  const homes = sites.map((site) => `hyp-${site}`);
  const vms = Array.from(
    { length: draw.whole(2, 3) },
    (_, i): VmSpec => ({
      name: `vm${i + 1}`,
      mac: macOf(3, i),
      ip: `10.0.2.${i + 1}`,
      hosts: homes,
      at: draw.pick(homes),
      memoryBytes: 4_000_000,
      dirtyBytesPerSecond: 20_000,
      workingSetBytes: 1_000_000,
    }),
  );
  return {
    name: `chaos-${shape}`,
    description: 'made from a seed',
    sites: sites.map((name) => ({ name })),
    switches,
    links,
    hosts,
    vms,
    traffic: [],
  };
}

function link(
  name: string,
  kind: LinkSpec['kind'],
  from: string,
  to: string,
  oneWayDelayMs: number,
): LinkSpec {
  const capacityBitsPerSecond = kind === 'packet' ? 50_000_000 : undefined;
  return { name, kind, ends: [from, to], capacityBitsPerSecond, oneWayDelayMs, bufferPackets: 1000 };
}

const dpidOf = (number: number): string => number.toString(16).padStart(16, '0');
const macOf = (kind: number, number: number): string => `02:00:00:00:0${kind}:0${number + 1}`;
