import fc from 'fast-check';
import type { LinkSpec, Topology } from '../../../src/network/index.js';

interface Edge {
  readonly a: number;
  readonly b: number;
  readonly delayMs: number;
}

/** Connected graphs of up to `most` gateways, each a site of its own with one user. */
export const anyNetwork = (most: number): fc.Arbitrary<Topology> =>
  anyGraph(most).map(({ count, edges }) => networkOf(count, edges));

/** The same graphs as the inside of one site: all links are local, and a second site hangs on the first switch. */
export const anySite = (most: number): fc.Arbitrary<Topology> =>
  anyGraph(most).map(({ count, edges }) => siteOf(count, edges));

const anyGraph = (most: number): fc.Arbitrary<{ count: number; edges: Edge[] }> =>
  fc.integer({ min: 2, max: most }).chain((count) =>
    fc
      .tuple(
        // A tree first, so that all is connected: node i hangs on one before it.
        fc.tuple(...Array.from({ length: count - 1 }, (_, i) => fc.nat(i))),
        fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 2 * count }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3 * count, maxLength: 3 * count }),
      )
      .map(([parents, extra, delays]) => {
        const edges = new Map<string, Edge>();
        const add = (a: number, b: number): void => {
          const name = `${Math.min(a, b)}-${Math.max(a, b)}`;
          if (a !== b && !edges.has(name))
            edges.set(name, { a, b, delayMs: delays[edges.size % delays.length]! });
        };
        for (const [a, b] of extra) add(a, b);
        for (const [i, parent] of (parents as number[]).entries()) add(i + 1, parent);
        return { count, edges: [...edges.values()] };
      }),
  );

const hex = (n: number, width: number): string => n.toString(16).padStart(width, '0');

function networkOf(count: number, edges: readonly Edge[]): Topology {
  const numbers = Array.from({ length: count }, (_, i) => i);
  return {
    name: 'random',
    description: '',
    sites: numbers.map((n) => ({ name: `s${n}` })),
    switches: numbers.map((n) => ({
      name: `g${n}`,
      site: `s${n}`,
      role: 'gateway' as const,
      dpid: hex(n + 1, 16),
    })),
    links: edges.map((e) => linkOf(e, 'packet')),
    hosts: numbers.map((n) => userOf(n, `g${n}`)),
    vms: [],
    traffic: [],
  };
}

function siteOf(count: number, edges: readonly Edge[]): Topology {
  const { switches, links, hosts, ...rest } = networkOf(count, edges);
  const far = { name: 'far', site: 'far', role: 'gateway' as const, dpid: hex(count + 1, 16) };
  return {
    ...rest,
    sites: [{ name: 'dc' }, { name: 'far' }],
    switches: [
      ...switches.map((s, n) => ({
        ...s,
        site: 'dc',
        role: n === 0 ? ('gateway' as const) : ('hypervisor' as const),
      })),
      far,
    ],
    links: [
      ...links.map((l) => ({ ...l, kind: 'local' as const })),
      { ...linkOf({ a: 0, b: 0, delayMs: 1 }, 'packet'), name: 'wan', ends: ['g0', 'far'] },
    ],
    hosts: [...hosts, userOf(count, 'far')],
  };
}

const linkOf = (e: Edge, kind: 'packet' | 'local'): LinkSpec => ({
  name: `l${e.a}-${e.b}`,
  kind,
  ends: [`g${e.a}`, `g${e.b}`],
  capacityBitsPerSecond: kind === 'packet' ? 1e6 : undefined,
  oneWayDelayMs: e.delayMs,
  bufferPackets: 1000,
});

const userOf = (n: number, at: string): Topology['hosts'][number] => ({
  name: `u${n}`,
  role: 'user',
  switch: at,
  mac: `02:00:00:00:02:${hex(n, 2)}`,
  ip: `10.0.2.${n + 1}`,
});
