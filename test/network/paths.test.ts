import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backupOf,
  disjointBackup,
  NetworkMap,
  networkMapOf,
  type Path,
  type PortSpec,
  shortestPaths,
} from '../../src/network/index.js';
import { anyNetwork } from './support/random-network.js';
import { shippedTopology } from './support/topologies.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

/** Every loop-free path, by walking everywhere. */
function everyPath(map: NetworkMap, from: string, to: string): string[][] {
  const all: string[][] = [];
  const walk = (here: string, seen: readonly string[], links: readonly string[]): void => {
    if (here === to) {
      all.push([...links]);
      return;
    }
    for (const { peer } of map.linkPorts(here))
      if (!seen.includes(peer.peer)) walk(peer.peer, [...seen, peer.peer], [...links, peer.link.name]);
  };
  walk(from, [from], []);
  return all;
}
const delayOf = (map: NetworkMap, links: readonly string[]): number =>
  links.reduce((sum, name) => sum + map.topology.links.find((l) => l.name === name)!.oneWayDelayMs, 0);
const key = (links: readonly string[]): string => links.join();

describe('paths on random networks', () => {
  it('are the shortest of all there are, in order, without loops', () => {
    fc.assert(
      fc.property(
        anyNetwork(7),
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom('hops' as const, 'delay' as const),
        (topology, count, metric) => {
          const map = new NetworkMap(topology);
          const [from, to] = [topology.switches[0]!.name, topology.switches.at(-1)!.name];
          const all = everyPath(map, from, to);
          const length = (links: readonly string[]): number =>
            metric === 'hops' ? links.length : delayOf(map, links);
          const found = shortestPaths(map, { from, to, metric }, count);
          const best = all.map(length).sort((a, b) => a - b);
          expect(found.map((p) => Math.round(length(p.links) * 1000))).toEqual(
            best.slice(0, count).map((l) => Math.round(l * 1000)),
          );
          expect(new Set(found.map((p) => key(p.links))).size).toBe(found.length);
          const known = new Set(all.map(key));
          for (const path of found) {
            expect(known.has(key(path.links))).toBe(true);
            expect(new Set(path.switches).size).toBe(path.switches.length);
            expect(path.delayMs).toBeCloseTo(delayOf(map, path.links), 6);
          }
        },
      ),
      { numRuns: 300 * scale },
    );
  });

  it('have a backup that shares as few links as can be, and is the shortest of those', () => {
    fc.assert(
      fc.property(anyNetwork(7), (topology) => {
        const map = new NetworkMap(topology);
        const [from, to] = [topology.switches[0]!.name, topology.switches.at(-1)!.name];
        const path = shortestPaths(map, { from, to }, 1)[0]!;
        const backup = disjointBackup(map, path);
        const shared = (links: readonly string[]): number =>
          links.filter((l) => path.links.includes(l)).length;
        const others = everyPath(map, from, to).filter((p) => key(p) !== key(path.links));
        if (others.length === 0) expect(backup).toBeUndefined();
        else {
          const least = Math.min(...others.map(shared));
          expect(shared(backup!.links)).toBe(least);
          expect(backup!.links.length).toBe(
            Math.min(...others.filter((p) => shared(p) === least).map((p) => p.length)),
          );
        }
      }),
      { numRuns: 300 * scale },
    );
  });

  it('have as next hops of equal cost those with which a shortest path begins', () => {
    fc.assert(
      fc.property(anyNetwork(7), (topology) => {
        const map = new NetworkMap(topology);
        const to = topology.switches.at(-1)!;
        for (const { name: from } of topology.switches.slice(0, -1)) {
          const all = everyPath(map, from, to.name);
          const least = Math.min(...all.map((p) => p.length));
          const first = new Set(all.filter((p) => p.length === least).map((p) => p[0]));
          const hops = map
            .nextHops(from, to.site)
            .map((p) => (p.peer.kind === 'link' ? p.peer.link.name : ''));
          expect(new Set(hops)).toEqual(first);
          expect(hops[0]).toBe(portLink(map.nextHops(from, to.site)[0]));
        }
      }),
      { numRuns: 100 * scale },
    );
  });
});

const portLink = (port: PortSpec | undefined): string | undefined =>
  port?.peer.kind === 'link' ? port.peer.link.name : undefined;

describe('paths of the shipped networks', () => {
  const names = (paths: readonly Path[]): string[] => paths.map((p) => p.links.join(' '));

  it('cross the country both ways', () => {
    const map = new NetworkMap(shippedTopology('abilene'));
    const found = shortestPaths(map, { from: 'gw-sea', to: 'gw-wdc', metric: 'delay' }, 3);
    expect(names(found)[0]).toBe('sea-den den-kan kan-ind ind-atl atl-wdc');
    expect(found[0]!.delayMs).toBeCloseTo(24.12, 2);
    const backup = disjointBackup(map, found[0]!, 'delay')!;
    // The east has two ways in, over Atlanta and Indianapolis, and this path takes both.
    expect(backup.links.filter((l) => found[0]!.links.includes(l))).toEqual(['atl-wdc']);
  });

  it('say what a site with a single link shares', () => {
    const map = new NetworkMap(shippedTopology('three-site'));
    const path = shortestPaths(map, { from: 'hv-a', to: 'gw-c' }, 5);
    expect(names(path)).toEqual(['up-a ac', 'up-a ab bc']);
    expect(names([disjointBackup(map, path[0]!)!])).toEqual(['up-a ab bc']);
    expect(disjointBackup(map, shortestPaths(map, { from: 'hv-a', to: 'gw-a' }, 1)[0]!)).toBeUndefined();
  });

  it('have a way round each link, a circuit its packet path, and a single link none', () => {
    const abilene = shippedTopology('abilene');
    const backups = (name: string, down: string[] = []) => {
      const link = abilene.links.find((l) => l.name === name)!;
      return backupOf(networkMapOf(abilene, down), link);
    };
    for (const { kind, name } of abilene.links) {
      const round = backups(name);
      expect(round === undefined, name).toBe(kind === 'local');
      expect(round ?? []).not.toContain(name);
    }
    expect(backups('nyc-wdc')).toEqual(['nyc-chi', 'chi-ind', 'ind-atl', 'atl-wdc']);
    const two = shippedTopology('two-dc');
    const ways = two.links.map((l) => backupOf(networkMapOf(two), l)?.join() ?? null);
    expect(ways).toEqual([null, 'wan', null, null]);
  });

  it('are four between edges of two pods', () => {
    const map = new NetworkMap(shippedTopology('fat-tree-4'));
    const all = shortestPaths(map, { from: 'e11', to: 'e32' }, 10);
    expect(all.filter((p) => p.links.length === 4)).toHaveLength(4);
    expect(map.localNextHops('e11', 'e32')).toHaveLength(2);
    expect(map.localNextHops('a11', 'e32')).toHaveLength(2);
    expect(map.localNextHops('c1', 'e32')).toHaveLength(1);
    expect(map.localNextHops('gw-dc', 'e32')).toHaveLength(4);
  });
});
