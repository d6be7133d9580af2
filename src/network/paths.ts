import type { NetworkMap } from './network-map.js';
import type { LinkSpec, PortSpec } from './topology.js';

/** What a path is short in: links, or the sum of the configured one-way delays (links break ties). */
export type PathMetric = 'hops' | 'delay';

/** A way through the network that meets no switch twice. */
export interface Path {
  /** at least one; the ends included */
  readonly switches: readonly string[];
  /** the port by which each switch but the last is left */
  readonly ports: readonly PortSpec[];
  /** names of the links, in order */
  readonly links: readonly string[];
  readonly delayMs: number;
}

export interface PathQuestion {
  readonly from: string;
  readonly to: string;
  readonly metric?: PathMetric;
  /** which links may be used; default: all that routing uses, circuits never */
  readonly uses?: (link: LinkSpec) => boolean;
}

/** Cost of one link: compared from left to right. */
type Cost = readonly [number, number, number];
type LinkCost = (link: LinkSpec) => Cost;

/**
 * The `count` shortest loop-free paths, shortest first (Yen, Management Science 17(11), 1971). Paths of equal length come in
 * an order that depends on the topology file alone. Fewer are given when there are no more.
 */
export function shortestPaths(map: NetworkMap, question: PathQuestion, count: number): Path[] {
  const cost = costOf(question.metric ?? 'hops');
  const { from, to } = question;
  const first = shortest(map, from, to, cost, allowed(question));
  const found: Path[] = first ? [first] : [];
  const candidates: Path[] = [];
  while (found.length < count && found.length > 0) {
    const last = found.at(-1)!;
    for (let i = 0; i < last.ports.length; i++) {
      const candidate = spur(map, question, cost, found, last, i);
      const known = candidate && [...found, ...candidates].some((p) => sameLinks(p, candidate));
      if (candidate && !known) candidates.push(candidate);
    }
    if (candidates.length === 0) break;
    candidates.sort((a, b) => compareCost(totalCost(a, cost), totalCost(b, cost)) || compareText(a, b));
    found.push(candidates.shift()!);
  }
  return found;
}

/** The shortest path that shares the first `at` links with `last` and then differs from every path found so far. */
function spur(
  map: NetworkMap,
  question: PathQuestion,
  cost: LinkCost,
  found: readonly Path[],
  last: Path,
  at: number,
): Path | undefined {
  const root = last.links.slice(0, at);
  const taken = new Set(
    found.filter((p) => root.every((link, k) => p.links[k] === link)).map((p) => p.links[at]),
  );
  const passed = new Set(last.switches.slice(0, at));
  const uses = allowed(question);
  const rest = shortest(
    map,
    last.switches[at]!,
    question.to,
    cost,
    (link, end, here) =>
      uses(link, end) && !passed.has(end) && !(here === last.switches[at] && taken.has(link.name)),
  );
  return rest && pathOfPorts(question.from, [...last.ports.slice(0, at), ...rest.ports]);
}

/**
 * A path between the same ends that shares as few links with the given one as can be, and is the shortest of those. It may
 * share some (a site with one link), and then says so by its links; undefined: there is no other path.
 */
export function disjointBackup(map: NetworkMap, path: Path, metric: PathMetric = 'hops'): Path | undefined {
  const from = path.switches[0]!;
  const to = path.switches.at(-1)!;
  const shared = new Set(path.links);
  const plain = costOf(metric);
  const backup = shortest(
    map,
    from,
    to,
    (link) => [shared.has(link.name) ? 1 : 0, ...plain(link).slice(1)] as unknown as Cost,
    allowed({ from, to }),
  );
  return backup && !sameLinks(backup, path) ? backup : undefined;
}

/**
 * The links that join the ends of a link without it, by as few as can be: the way of its packets when it fails, or of a circuit's
 * while it is dark. Undefined: there is none. Worked out once for each map.
 */
export function backupOf(map: NetworkMap, link: LinkSpec): readonly string[] | undefined {
  const known = backups.get(map) ?? new Map<string, readonly string[] | undefined>();
  backups.set(map, known);
  if (!known.has(link.name)) {
    const [from] = link.ends;
    const port = map.ports(from).find((p) => p.peer.kind === 'link' && p.peer.link === link)!;
    known.set(link.name, disjointBackup(map, pathOfPorts(from, [port]))?.links);
  }
  return known.get(link.name);
}
const backups = new WeakMap<NetworkMap, Map<string, readonly string[] | undefined>>();

const allowed =
  (question: PathQuestion) =>
  (link: LinkSpec, _end: string): boolean =>
    question.uses?.(link) ?? true;

const costOf =
  (metric: PathMetric): LinkCost =>
  (link) =>
    metric === 'hops' ? [0, 1, link.oneWayDelayMs] : [0, link.oneWayDelayMs, 1];

/** Dijkstra; ties go to what was reached first, and ports are tried in port order. */
function shortest(
  map: NetworkMap,
  from: string,
  to: string,
  cost: LinkCost,
  uses: (link: LinkSpec, end: string, here: string) => boolean,
): Path | undefined {
  const reached = new Map<string, { cost: Cost; ports: PortSpec[] }>([
    [from, { cost: [0, 0, 0], ports: [] }],
  ]);
  const settled = new Set<string>();
  for (;;) {
    const here = cheapest(reached, settled);
    if (here === undefined) return undefined;
    const { cost: soFar, ports } = reached.get(here)!;
    if (here === to) return pathOfPorts(from, ports);
    settled.add(here);
    for (const { port, peer } of map.linkPorts(here)) {
      if (settled.has(peer.peer) || !uses(peer.link, peer.peer, here)) continue;
      const total = addCost(soFar, cost(peer.link));
      const known = reached.get(peer.peer);
      if (known === undefined || compareCost(total, known.cost) < 0)
        reached.set(peer.peer, { cost: total, ports: [...ports, port] });
    }
  }
}

function cheapest(
  reached: ReadonlyMap<string, { readonly cost: Cost }>,
  settled: ReadonlySet<string>,
): string | undefined {
  let best: string | undefined;
  for (const [name, { cost }] of reached)
    if (!settled.has(name) && (best === undefined || compareCost(cost, reached.get(best)!.cost) < 0))
      best = name;
  return best;
}

function pathOfPorts(from: string, ports: readonly PortSpec[]): Path {
  const links = ports.flatMap((p) => (p.peer.kind === 'link' ? [p.peer] : []));
  return {
    switches: [from, ...links.map((l) => l.peer)],
    ports,
    links: links.map((l) => l.link.name),
    delayMs: links.reduce((sum, l) => sum + l.link.oneWayDelayMs, 0),
  };
}

const totalCost = (path: Path, cost: LinkCost): Cost =>
  path.ports.reduce<Cost>(
    (sum, p) => (p.peer.kind === 'link' ? addCost(sum, cost(p.peer.link)) : sum),
    [0, 0, 0],
  );
const addCost = (a: Cost, b: Cost): Cost => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
/** Delays are sums of decimals: what differs by rounding alone is equal. */
const compareCost = (a: Cost, b: Cost): number => {
  for (let i = 0; i < 3; i++) if (Math.abs(a[i]! - b[i]!) > 1e-9) return a[i]! - b[i]!;
  return 0;
};
const compareText = (a: Path, b: Path): number => (a.links.join() < b.links.join() ? -1 : 1);
const sameLinks = (a: Path, b: Path): boolean => a.links.join() === b.links.join();
