import type { SystemView } from '../engine/view.js';
import type { CircuitListJson, PathJson } from './schemas/index.js';

/** Ways between sites: each link that crosses them is one. */
export function pathsOf(view: SystemView): PathJson[] {
  const siteOf = (name: string): string | null => view.switches.find((s) => s.name === name)?.site ?? null;
  return view.links.flatMap((link): PathJson[] => {
    if (link.kind === 'local') return [];
    const { name, kind, state, backup, capacityBitsPerSecond, oneWayDelayMs, bitsPerSecond } = link;
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
        backup,
        state,
        capacityBitsPerSecond,
        oneWayDelayMs,
        bitsPerSecond,
        bottlenecks,
      },
    ];
  });
}

export function circuitsOf(view: SystemView): CircuitListJson {
  const totals = { requested: 0, released: 0, open: 0, cost: 0 };
  for (const { ledger } of view.circuits) {
    totals.requested += ledger.requested;
    totals.released += ledger.released;
    totals.open += ledger.open;
    totals.cost += ledger.cost;
  }
  return { items: view.circuits, totals };
}
