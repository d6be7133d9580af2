import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pointAlong, routeBetween } from '../../src/dashboard/model/route.js';
import {
  type Box,
  borderPoint,
  type Layout,
  layOut,
  mapLimits,
  type Orientation,
} from '../../src/dashboard/model/topology-layout.js';
import type { SystemView } from '../../src/dashboard/model/types.js';
import { FakeWorld } from './fake-world.js';

const runs = 60 * Number(process.env.STEADY_TEST_SCALE ?? 1);
const base = (): SystemView => {
  const world = new FakeWorld('running', Date.UTC(2026, 0, 1));
  for (let i = 0; i < 1000; i++) world.step();
  return world.view();
};

const edges = (b: Box) => ({
  left: b.x - b.width / 2,
  right: b.x + b.width / 2,
  top: b.y - b.height / 2,
  bottom: b.y + b.height / 2,
});
function overlap(a: Box, b: Box): boolean {
  const [p, q] = [edges(a), edges(b)];
  return p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom;
}
function inside(a: Box, b: { width: number; height: number }): boolean {
  const e = edges(a);
  return e.left >= -1e-9 && e.top >= -1e-9 && e.right <= b.width + 1e-9 && e.bottom <= b.height + 1e-9;
}
function expectTidy(layout: Layout): void {
  const nodes = [...layout.nodes.values()];
  for (const [i, a] of nodes.entries()) {
    expect(inside(a, layout)).toBe(true);
    for (const b of nodes.slice(i + 1))
      expect({ a: a.id, b: b.id, overlap: overlap(a, b) }).toEqual({ a: a.id, b: b.id, overlap: false });
  }
  for (const [i, a] of layout.sites.entries())
    for (const b of layout.sites.slice(i + 1)) expect(overlap(a, b)).toBe(false);
}

/** A network of any size: sites in a ring, each with a gateway, hypervisor switches and hosts. */
function network(sites: number, switches: number, hosts: number): SystemView {
  const view = base();
  const template = view.switches[0]!;
  const names = Array.from({ length: sites }, (_, i) => `s${i}`);
  const all: SystemView['switches'][number][] = [];
  const links: SystemView['links'][number][] = [];
  const attached: SystemView['hosts'][number][] = [];
  for (const [i, site] of names.entries()) {
    all.push({ ...template, name: `gw-${site}`, site, role: 'gateway' });
    if (sites > 1)
      links.push({
        ...view.links[0]!,
        name: `wan-${i}`,
        from: `gw-${site}`,
        to: `gw-${names[(i + 1) % sites]}`,
      });
    for (let j = 0; j < switches; j++) {
      all.push({ ...template, name: `hv-${site}-${j}`, site, role: 'hypervisor' });
      links.push({ ...view.links[2]!, name: `up-${site}-${j}`, from: `hv-${site}-${j}`, to: `gw-${site}` });
      for (let k = 0; k < hosts; k++)
        attached.push({ name: `h-${site}-${j}-${k}`, role: 'hypervisor', site, switch: `hv-${site}-${j}` });
    }
  }
  return { ...view, sites: names, switches: all, links, hosts: attached, vms: [], migrations: [] };
}

const orientations: readonly Orientation[] = ['row', 'column'];

describe('layout of the map', () => {
  it.each(orientations)('two data centres face each other, nothing overlaps (%s)', (orientation) => {
    const layout = layOut(base(), orientation);
    expect(layout.nodes.size).toBe(9);
    expectTidy(layout);
    const [a, b] = layout.sites;
    const main = orientation === 'row' ? 'x' : 'y';
    expect(b![main]).toBeGreaterThan(a![main]);
    const at = (id: string) => layout.nodes.get(id)![main];
    expect(at('host:hyp-a')).toBeLessThan(at('switch:hv-a'));
    expect(at('switch:hv-a')).toBeLessThan(at('switch:gw-a'));
    expect(at('switch:gw-a')).toBeLessThan(at('switch:gw-b'));
    expect(at('switch:gw-b')).toBeLessThan(at('switch:hv-b'));
  });

  it('parallel links and their labels are apart', () => {
    const links = layOut(base(), 'row').links.filter((l) => l.link.kind !== 'local');
    expect(links).toHaveLength(2);
    const [wan, circuit] = links;
    expect(Math.abs(wan!.points[8]!.y - circuit!.points[8]!.y)).toBeGreaterThan(30);
    expect(wan!.label.y).toBeLessThan(wan!.points[8]!.y);
    expect(circuit!.label.y).toBeGreaterThan(circuit!.points[8]!.y);
  });

  it('any network is laid out without overlap, large ones with their hosts folded', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 0, max: 5 }),
        fc.constantFrom(...orientations),
        (sites, switches, hosts, orientation) => {
          const view = network(sites, switches, hosts);
          const layout = layOut(view, orientation);
          expectTidy(layout);
          const total = sites * (1 + switches + switches * hosts);
          const folded = total > mapLimits.foldHostsAbove && hosts > 1;
          expect(layout.nodes.size).toBe(sites * (1 + switches + switches * (folded ? 1 : hosts)));
        },
      ),
      { numRuns: runs },
    );
  });

  it('a machine that comes or goes does not move the network', () => {
    const view = base();
    const moved = {
      ...view,
      migrations: [],
      vms: view.vms.map((v) => ({ ...v, host: 'hyp-b', site: 'b', migration: null })),
    };
    expect([...layOut(moved, 'row').nodes.values()]).toEqual([...layOut(view, 'row').nodes.values()]);
  });

  it('a line from a box begins on its border', () => {
    const box = { x: 0, y: 0, width: 10, height: 4 };
    expect(borderPoint(box, { x: 100, y: 0 })).toEqual({ x: 5, y: 0 });
    expect(borderPoint(box, { x: 0, y: -7 })).toEqual({ x: 0, y: -2 });
    expect(borderPoint(box, { x: 0, y: 0 })).toEqual({ x: 0, y: 0 });
  });
});

describe('way of a migration', () => {
  const layout = layOut(base(), 'row');

  it('goes over the packet link, from host to host, and crosses between the gateways', () => {
    const route = routeBetween(layout, base(), 'hyp-a', 'hyp-b')!;
    expect(route.links).toEqual(['up-a', 'wan', 'up-b']);
    const [from, to] = [layout.nodes.get('host:hyp-a')!, layout.nodes.get('host:hyp-b')!];
    expect(route.points[0]).toEqual({ x: from.x, y: from.y });
    expect(route.points.at(-1)).toEqual({ x: to.x, y: to.y });
    expect(route.crossing).toHaveLength(17);
  });

  it('is the same backwards', () => {
    const there = routeBetween(layout, base(), 'hyp-a', 'hyp-b')!;
    const back = routeBetween(layout, base(), 'hyp-b', 'hyp-a')!;
    expect([...back.points].reverse()).toEqual(there.points);
  });

  it('takes a lit circuit when the packet link is down, and none when nothing is up', () => {
    const view = base();
    const withStates = (wan: 'up' | 'down', circuit: 'up' | 'dark'): SystemView => ({
      ...view,
      links: view.links.map((l) =>
        l.name === 'wan' ? { ...l, state: wan } : l.name === 'circuit' ? { ...l, state: circuit } : l,
      ),
    });
    const over = (v: SystemView) => routeBetween(layOut(v, 'row'), v, 'hyp-a', 'hyp-b')?.links;
    expect(over(withStates('down', 'up'))).toEqual(['up-a', 'circuit', 'up-b']);
    expect(over(withStates('up', 'up'))).toEqual(['up-a', 'wan', 'up-b']);
    const circuitFirst = withStates('up', 'up');
    expect(over({ ...circuitFirst, links: [...circuitFirst.links].reverse() })).toEqual([
      'up-a',
      'wan',
      'up-b',
    ]);
    expect(over(withStates('down', 'dark'))).toBeUndefined();
    expect(routeBetween(layout, view, 'hyp-a', 'nowhere')).toBeUndefined();
  });

  it('progress is a fraction of its length', () => {
    const corner = [
      { x: 0, y: 0 },
      { x: 30, y: 0 },
      { x: 30, y: 10 },
    ];
    expect([-1, 0, 0.5, 0.75, 1, 2].map((f) => pointAlong(corner, f))).toEqual([
      { x: 0, y: 0 },
      { x: 0, y: 0 },
      { x: 20, y: 0 },
      { x: 30, y: 0 },
      { x: 30, y: 10 },
      { x: 30, y: 10 },
    ]);
    expect(pointAlong([], 0.5)).toEqual({ x: 0, y: 0 });
  });
});
