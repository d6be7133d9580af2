/** The way a migration's bytes go on the map, and the point on it that corresponds to its progress. */
import type { Layout, PlacedLink, Point } from './topology-layout.js';
import type { SystemView } from './types.js';

export interface Route {
  readonly links: readonly string[];
  readonly points: readonly Point[];
  /** the part on which progress is shown: between the sites, or all of it if the migration stays in one */
  readonly crossing: readonly Point[];
}

const hostNode = (layout: Layout, view: SystemView, host: string): Point | undefined => {
  const at = view.hosts.find((h) => h.name === host);
  return layout.nodes.get(`host:${host}`) ?? (at && layout.nodes.get(`hosts:${at.switch}`));
};

/** Breadth first over links that carry packets; circuits last, since the packet path carries in any case. */
function linksBetween(
  layout: Layout,
  from: string,
  to: string,
): { placed: PlacedLink; forward: boolean }[] | undefined {
  const usable = layout.links
    .filter(({ link }) => link.state === 'up')
    .sort((a, b) => Number(a.link.kind === 'circuit') - Number(b.link.kind === 'circuit'));
  const cameBy = new Map<string, { placed: PlacedLink; forward: boolean; before: string } | null>([
    [from, null],
  ]);
  const queue = [from];
  for (const at of queue) {
    if (at === to) break;
    for (const placed of usable) {
      const { link } = placed;
      const next = link.from === at ? link.to : link.to === at ? link.from : undefined;
      if (next === undefined || cameBy.has(next)) continue;
      cameBy.set(next, { placed, forward: link.from === at, before: at });
      queue.push(next);
    }
  }
  if (!cameBy.has(to)) return undefined;
  const path: { placed: PlacedLink; forward: boolean }[] = [];
  for (let step = cameBy.get(to); step !== null && step !== undefined; step = cameBy.get(step.before))
    path.unshift({ placed: step.placed, forward: step.forward });
  return path;
}

/** undefined: one of the hosts is not on the map, or no link that is up joins them. */
export function routeBetween(
  layout: Layout,
  view: SystemView,
  source: string,
  destination: string,
): Route | undefined {
  const switchOf = (host: string): string | undefined => view.hosts.find((h) => h.name === host)?.switch;
  const [from, to] = [switchOf(source), switchOf(destination)];
  const [start, end] = [hostNode(layout, view, source), hostNode(layout, view, destination)];
  if (from === undefined || to === undefined || start === undefined || end === undefined) return undefined;
  const path = linksBetween(layout, from, to);
  if (path === undefined) return undefined;
  const points: Point[] = [{ x: start.x, y: start.y }];
  const crossing: Point[] = [];
  for (const { placed, forward } of path) {
    const onward = forward ? placed.points : [...placed.points].reverse();
    points.push(...onward);
    if (placed.link.kind !== 'local') crossing.push(...onward);
  }
  points.push({ x: end.x, y: end.y });
  return {
    links: path.map((p) => p.placed.link.name),
    points,
    crossing: crossing.length > 0 ? crossing : points,
  };
}

const lengthsOf = (points: readonly Point[]): number[] =>
  points.slice(1).map((p, i) => Math.hypot(p.x - points[i]!.x, p.y - points[i]!.y));

/** `fraction` pressed together so that what is drawn there stays `room` away from both ends and hides nothing there. */
export function clearOfEnds(fraction: number, points: readonly Point[], room: number): number {
  const total = lengthsOf(points).reduce((sum, l) => sum + l, 0);
  const inset = total > 0 ? Math.min(0.5, room / total) : 0.5;
  return inset + fraction * (1 - 2 * inset);
}

/** The point at `fraction` (0..1) of the length of a polyline. */
export function pointAlong(points: readonly Point[], fraction: number): Point {
  const lengths = lengthsOf(points);
  let left = Math.min(1, Math.max(0, fraction)) * lengths.reduce((sum, l) => sum + l, 0);
  for (const [i, length] of lengths.entries()) {
    if (left <= length && length > 0) {
      const [a, b, t] = [points[i]!, points[i + 1]!, left / length];
      return { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t };
    }
    left -= length;
  }
  return points.at(-1) ?? { x: 0, y: 0 };
}

export const pathData = (points: readonly Point[]): string =>
  points.map((p, i) => `${i === 0 ? 'M' : 'L'}${p.x.toFixed(1)} ${p.y.toFixed(1)}`).join('');
