/**
 * Where everything is on the map. Sites stand round an empty middle through which the links between them run;
 * inside a site a tree grows away from the middle: gateways, then the switches behind them, then hosts.
 */
import type { LinkView, SystemView } from './types.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Box extends Point {
  /** x, y: the centre */
  readonly width: number;
  readonly height: number;
}
export interface PlacedNode extends Box {
  readonly kind: 'switch' | 'host' | 'hosts';
  /** `switch:gw-a`, `host:hyp-a`; `hosts:gw-a` stands for all hosts of a switch in a large network */
  readonly id: string;
  readonly name: string;
  readonly count: number;
}
export interface PlacedSite extends Box {
  readonly name: string;
}
export interface PlacedLink {
  readonly link: LinkView;
  readonly points: readonly Point[];
  /** centre of its label, beside the line */
  readonly label: Point;
}
export interface PlacedCable {
  readonly from: Point;
  readonly to: Point;
  readonly host: string;
}
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly sites: readonly PlacedSite[];
  readonly nodes: ReadonlyMap<string, PlacedNode>;
  readonly links: readonly PlacedLink[];
  readonly cables: readonly PlacedCable[];
}
export type Orientation = 'row' | 'column';
type Facing = 'right' | 'left' | 'down' | 'up';

export const mapLimits = { foldHostsAbove: 48, tableAbove: 200 } as const;
const nodeSize = { width: 98, switchHeight: 34, hostHeight: 30, vmHeight: 22, vmsShown: 3 } as const;
const gaps = { depth: 28, sibling: 16, padding: 18, title: 24, betweenRow: 250, betweenColumn: 150 } as const;

export const nodeCount = (view: SystemView): number =>
  view.switches.filter((s) => s.name !== null).length + view.hosts.length + view.vms.length;

interface Branch {
  readonly id: string;
  readonly name: string;
  readonly kind: PlacedNode['kind'];
  readonly count: number;
  readonly height: number;
  readonly children: Branch[];
}

/**
 * VMs whose home is this host, and those that are on their way to it. A hypervisor has room for one in any case,
 * so that the map does not jump when a machine comes or goes.
 */
function vmRows(view: SystemView, host: SystemView['hosts'][number]): number {
  const here = view.vms.filter((v) => v.host === host.name).length;
  const coming = view.migrations.filter(
    (m) => m.destination === host.name && view.vms.some((v) => v.migration === m.id && v.host !== host.name),
  ).length;
  const least = host.role === 'hypervisor' ? 1 : 0;
  return Math.min(Math.max(here + coming, least), nodeSize.vmsShown + 1);
}

function branchesOf(view: SystemView, site: string, fold: boolean): Branch[] {
  const switches = view.switches.filter((s) => s.site === site && s.name !== null);
  const seen = new Set<string>();
  const hostBranches = (name: string): Branch[] => {
    const hosts = view.hosts.filter((h) => h.switch === name);
    if (fold && hosts.length > 1)
      return [
        {
          id: `hosts:${name}`,
          name: `${hosts.length} hosts`,
          kind: 'hosts',
          count: hosts.length,
          height: nodeSize.hostHeight,
          children: [],
        },
      ];
    return hosts.map((h) => ({
      id: `host:${h.name}`,
      name: h.name,
      kind: 'host',
      count: 1,
      height: nodeSize.hostHeight + vmRows(view, h) * nodeSize.vmHeight,
      children: [],
    }));
  };
  const grow = (name: string): Branch => {
    seen.add(name);
    const behind: Branch[] = [];
    for (const link of view.links) {
      if (link.kind !== 'local' || (link.from !== name && link.to !== name)) continue;
      const other = link.from === name ? link.to : link.from;
      if (!seen.has(other) && switches.some((s) => s.name === other)) behind.push(grow(other));
    }
    return {
      id: `switch:${name}`,
      name,
      kind: 'switch',
      count: 1,
      height: nodeSize.switchHeight,
      children: [...behind, ...hostBranches(name)],
    };
  };
  const roots: Branch[] = [];
  for (const s of [...switches].sort((a, b) => Number(b.role === 'gateway') - Number(a.role === 'gateway')))
    if (!seen.has(s.name!)) roots.push(grow(s.name!));
  return roots;
}

interface Placement {
  /** distance from the middle of the map, and position along the side, of the node's centre */
  readonly along: number;
  readonly depth: number;
  readonly branch: Branch;
}
const depthOf = (branch: Branch): number => 1 + Math.max(0, ...branch.children.map(depthOf));

/** A tidy tree: leaves get consecutive room, a parent stands in the middle of its children. */
function place(
  roots: readonly Branch[],
  sideways: boolean,
): { placed: Placement[]; extent: number; depth: number } {
  const placed: Placement[] = [];
  let cursor = 0;
  const roomOf = (b: Branch): number => (sideways ? b.height : nodeSize.width);
  const visit = (branch: Branch, depth: number): number => {
    let along: number;
    if (branch.children.length === 0) {
      along = cursor + roomOf(branch) / 2;
      cursor += roomOf(branch) + gaps.sibling;
    } else {
      const centres = branch.children.map((child) => visit(child, depth + 1));
      along = (centres[0]! + centres.at(-1)!) / 2;
    }
    placed.push({ along, depth, branch });
    return along;
  };
  for (const root of roots) visit(root, 0);
  const depth = Math.max(1, ...roots.map(depthOf));
  return {
    placed,
    extent: Math.max(cursor - gaps.sibling, sideways ? nodeSize.switchHeight : nodeSize.width),
    depth,
  };
}

interface SiteDraft {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** nodes relative to the top left corner of the site's box */
  readonly nodes: readonly PlacedNode[];
}

function draftSite(view: SystemView, site: string, facing: Facing, fold: boolean): SiteDraft {
  const sideways = facing === 'right' || facing === 'left';
  const { placed, extent, depth } = place(branchesOf(view, site, fold), sideways);
  const tallest = (d: number): number =>
    Math.max(0, ...placed.filter((p) => p.depth === d).map((p) => p.branch.height));
  const sizes = Array.from({ length: depth }, (_, d) => (sideways ? nodeSize.width : tallest(d)));
  const offsets = sizes.map(
    (size, d) => sizes.slice(0, d).reduce((sum, s) => sum + s + gaps.depth, 0) + size / 2,
  );
  const depthExtent = sizes.reduce((sum, s) => sum + s, 0) + gaps.depth * (depth - 1);
  const inner = sideways ? { width: depthExtent, height: extent } : { width: extent, height: depthExtent };
  const width = inner.width + 2 * gaps.padding;
  const height = inner.height + 2 * gaps.padding + gaps.title;
  const nodes = placed.map(({ along, depth: d, branch }): PlacedNode => {
    const deep = facing === 'right' || facing === 'down' ? depthExtent - offsets[d]! : offsets[d]!;
    const x = gaps.padding + (sideways ? deep : along);
    const y = gaps.padding + gaps.title + (sideways ? along : deep);
    const { id, name, kind, count } = branch;
    return { id, name, kind, count, x, y, width: nodeSize.width, height: branch.height };
  });
  return { name: site, width, height, nodes };
}

/** Corners of the sites' boxes. Two sites face each other; more stand on two opposite sides of the middle. */
function arrange(
  view: SystemView,
  orientation: Orientation,
  fold: boolean,
): { drafts: { draft: SiteDraft; corner: Point }[]; width: number; height: number } {
  const [near, far]: [Facing, Facing] = orientation === 'row' ? ['right', 'left'] : ['down', 'up'];
  const split = Math.ceil(view.sites.length / 2);
  const sides = [
    view.sites.slice(0, split).map((s) => draftSite(view, s, near, fold)),
    view.sites.slice(split).map((s) => draftSite(view, s, far, fold)),
  ];
  const along = orientation === 'row' ? 'height' : 'width';
  const across = orientation === 'row' ? 'width' : 'height';
  const total = (side: readonly SiteDraft[]): number =>
    side.reduce((sum, d) => sum + d[along] + gaps.sibling, -gaps.sibling);
  const thick = sides.map((side) => Math.max(0, ...side.map((d) => d[across])));
  const between = sides[1]!.length === 0 ? 0 : orientation === 'row' ? gaps.betweenRow : gaps.betweenColumn;
  const long = Math.max(...sides.map(total), 0);
  const drafts: { draft: SiteDraft; corner: Point }[] = [];
  for (const [i, side] of sides.entries()) {
    let at = (long - total(side)) / 2;
    for (const draft of side) {
      // The gateway's edge of every box lies on the rim of the empty middle.
      const deep = i === 0 ? thick[0]! - draft[across] : thick[0]! + between;
      drafts.push({ draft, corner: orientation === 'row' ? { x: deep, y: at } : { x: at, y: deep } });
      at += draft[along] + gaps.sibling;
    }
  }
  const deepTotal = thick[0]! + between + thick[1]!;
  return {
    drafts,
    width: orientation === 'row' ? deepTotal : long,
    height: orientation === 'row' ? long : deepTotal,
  };
}

/** Where the straight line from the centre of `box` to `towards` leaves the box. */
export function borderPoint(box: Box, towards: Point): Point {
  const [dx, dy] = [towards.x - box.x, towards.y - box.y];
  if (dx === 0 && dy === 0) return { x: box.x, y: box.y };
  const scale = Math.min(
    dx === 0 ? Number.POSITIVE_INFINITY : box.width / 2 / Math.abs(dx),
    dy === 0 ? Number.POSITIVE_INFINITY : box.height / 2 / Math.abs(dy),
  );
  return { x: box.x + dx * Math.min(1, scale), y: box.y + dy * Math.min(1, scale) };
}

const curveSteps = 16;
/** how far apart parallel links are pulled, and how far a label stands off its line */
const bowOf = { row: 110, column: 70 } as const;
const labelGap = { row: 30, column: 102 } as const;
/** Parallel links between the same two switches bow away from each other. */
function curve(from: Box, to: Box, bow: number): { points: Point[]; middle: Point } {
  const [start, end] = [borderPoint(from, to), borderPoint(to, from)];
  const length = Math.hypot(end.x - start.x, end.y - start.y) || 1;
  const middle = {
    x: (start.x + end.x) / 2 - ((end.y - start.y) / length) * bow,
    y: (start.y + end.y) / 2 + ((end.x - start.x) / length) * bow,
  };
  const points = Array.from({ length: curveSteps + 1 }, (_, i): Point => {
    const t = i / curveSteps;
    const [a, b, c] = [(1 - t) ** 2, 2 * t * (1 - t), t * t];
    return { x: a * start.x + b * middle.x + c * end.x, y: a * start.y + b * middle.y + c * end.y };
  });
  return { points, middle: points[curveSteps / 2]! };
}

/** Beside the line on its outer side, so that neither the line nor a machine on it is hidden. */
function labelPoint(middle: Point, bow: number, alone: boolean, orientation: Orientation): Point {
  const side = alone ? -1 : Math.sign(bow);
  return orientation === 'row'
    ? { x: middle.x, y: middle.y + side * labelGap.row }
    : { x: middle.x - side * labelGap.column, y: middle.y };
}

function placeLinks(
  view: SystemView,
  nodes: ReadonlyMap<string, PlacedNode>,
  orientation: Orientation,
): PlacedLink[] {
  const links: PlacedLink[] = [];
  const pairOf = (l: LinkView): string => [l.from, l.to].sort().join('|');
  for (const link of view.links) {
    const [from, to] = [nodes.get(`switch:${link.from}`), nodes.get(`switch:${link.to}`)];
    if (from === undefined || to === undefined) continue;
    const parallel = view.links.filter((l) => pairOf(l) === pairOf(link));
    const outward = parallel.indexOf(link) - (parallel.length - 1) / 2;
    // The bow is measured from a fixed direction, so that a link and one in the reverse direction do not coincide.
    const sign = link.from <= link.to ? 1 : -1;
    const { points, middle } = curve(from, to, sign * outward * bowOf[orientation]);
    links.push({ link, points, label: labelPoint(middle, outward, parallel.length === 1, orientation) });
  }
  return links;
}

export function layOut(view: SystemView, orientation: Orientation): Layout {
  const fold = nodeCount(view) > mapLimits.foldHostsAbove;
  const { drafts, width, height } = arrange(view, orientation, fold);
  const nodes = new Map<string, PlacedNode>();
  const sites: PlacedSite[] = [];
  for (const { draft, corner } of drafts) {
    sites.push({
      name: draft.name,
      x: corner.x + draft.width / 2,
      y: corner.y + draft.height / 2,
      width: draft.width,
      height: draft.height,
    });
    for (const n of draft.nodes) nodes.set(n.id, { ...n, x: n.x + corner.x, y: n.y + corner.y });
  }
  const links = placeLinks(view, nodes, orientation);
  const cables: PlacedCable[] = [];
  for (const host of view.hosts) {
    const [from, to] = [nodes.get(`switch:${host.switch}`), nodes.get(`host:${host.name}`)];
    if (from !== undefined && to !== undefined)
      cables.push({ host: host.name, from: borderPoint(from, to), to: borderPoint(to, from) });
  }
  for (const node of nodes.values()) {
    const at = node.kind === 'hosts' ? nodes.get(`switch:${node.id.slice('hosts:'.length)}`) : undefined;
    if (at !== undefined)
      cables.push({ host: node.id, from: borderPoint(at, node), to: borderPoint(node, at) });
  }
  return { width, height, sites, nodes, links, cables };
}
