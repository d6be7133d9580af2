import type { SystemView } from '../engine/view.js';
import type { CircuitJson, PathJson } from './schemas/index.js';

/** Ways between sites: each link that crosses them is one. */
export function pathsOf(view: SystemView): PathJson[] {
  const siteOf = (name: string): string | null => view.switches.find((s) => s.name === name)?.site ?? null;
  return view.links.flatMap((link): PathJson[] => {
    if (link.kind === 'local') return [];
    const { name, kind, state, capacityBitsPerSecond, oneWayDelayMs, bitsPerSecond } = link;
    const bottlenecks = view.bottlenecks
      .filter((bottleneck) => bottleneck.link === name)
      .map(({ id, backlogBytes, commandedBitsPerSecond, certificate }) => ({
        id,
        backlogBytes,
        commandedBitsPerSecond,
        light: certificate.light,
      }));
    const sites = [siteOf(link.from), siteOf(link.to)];
    return [
      {
        name,
        kind,
        sites,
        links: [name],
        state,
        capacityBitsPerSecond,
        oneWayDelayMs,
        bitsPerSecond,
        bottlenecks,
      },
    ];
  });
}

export function circuitsOf(view: SystemView): CircuitJson[] {
  return view.links
    .filter((link) => link.kind === 'circuit')
    .map(({ name, from, to, state, capacityBitsPerSecond, oneWayDelayMs, bitsPerSecond }) => ({
      name,
      ends: [from, to],
      state,
      capacityBitsPerSecond,
      oneWayDelayMs,
      bitsPerSecond,
    }));
}
