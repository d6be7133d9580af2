import type { NetworkMap } from './network-map.js';
import type { PortSpec } from './topology.js';

/**
 * Where one switch sends packets for one goal. A packet that meets a port without signal is sent on another way by the switch itself,
 * without a word from the controller, and no single failed link makes it circle:
 *
 * *Tree.* The next hops towards a goal make a tree. If the link from t to its next hop fails, packets must leave the part
 * of the tree behind t by a link that is not in the tree. `detour` of a switch is the first step to such a link: the one whose ends meet
 * nearest to the goal (Tarjan's low point, SIAM J. Comput. 1(2), 1972), the shortest of those. It serves whichever link
 * above failed, since who leaves for the nearest meeting point has left every smaller part too. A packet that comes
 * *from* the next hop can only be on a detour (a swap edge; compare failure-inferencing routing, Lee et al., INFOCOM 2004), so it
 * is sent on to the detour and never back. Behind the swap edge the tree leads to the goal, and not over the failed link.
 *
 * *Several ways of equal length* (inside a site). All next hops are strictly nearer to the goal, so any choice ends there. A switch
 * with one next hop left alone by its failure needs a neighbour that is as near as itself, or one that is a link
 * farther and has another next hop, which then does not use the one that the packet came from: all ways from there
 * keep to switches at least as near as the failed one's, and never meet it.
 */
export interface GoalHops {
  /** 1: no choice; several: in the order of preference, or all alike if `balanced` */
  readonly ports: readonly number[];
  readonly balanced: boolean;
}

/** A step from a switch: the port, and the switch behind it. */
interface Step {
  readonly port: PortSpec;
  readonly link: string;
  readonly to: string;
}

/** Tree over the switches that reach a goal: the step towards it and how far it is. */
interface Tree {
  readonly next: ReadonlyMap<string, Step>;
  readonly depth: ReadonlyMap<string, number>;
  steps(switchName: string): readonly Step[];
}

interface Exit {
  readonly first: Step;
  /** distance from the goal of the switch where both ends' ways meet; -1: they end at different switches of the goal */
  readonly meetsAt: number;
  readonly length: number;
}

/** By switch: where packets for a site go. */
export function hopsToSite(map: NetworkMap, site: string): ReadonlyMap<string, GoalHops> {
  const names = map.topology.switches.map((s) => s.name);
  return treeHops(
    treeOf(
      map,
      names,
      (name) => map.distanceToSite(name, site),
      (name) => map.nextHops(name, site)[0],
    ),
  );
}

/** By switch of the same site: where packets for one switch go, over local links. */
export function hopsToSwitch(map: NetworkMap, goal: string): ReadonlyMap<string, GoalHops> {
  const site = map.switch(goal)?.site;
  const names = map.topology.switches.filter((s) => s.site === site).map((s) => s.name);
  const tree = treeOf(
    map,
    names,
    (name) => map.distanceToSwitch(name, goal),
    (name) => map.localNextHops(name, goal)[0],
    'local',
  );
  const byTree = treeHops(tree);
  return balancedHops(map, tree, goal, byTree) ?? byTree;
}

function treeOf(
  map: NetworkMap,
  names: readonly string[],
  distance: (name: string) => number | undefined,
  nextHop: (name: string) => PortSpec | undefined,
  only?: 'local',
): Tree {
  const depth = new Map<string, number>();
  const next = new Map<string, Step>();
  const steps = (name: string): Step[] =>
    map
      .linkPorts(name)
      .filter(({ peer }) => only === undefined || peer.link.kind === only)
      .map(({ port, peer }) => ({ port, link: peer.link.name, to: peer.peer }));
  for (const name of names) {
    const far = distance(name);
    if (far !== undefined) depth.set(name, far);
    const port = nextHop(name);
    const step = port && steps(name).find((s) => s.port === port);
    if (step) next.set(name, step);
  }
  return { next, depth, steps };
}

function treeHops(tree: Tree): Map<string, GoalHops> {
  const exits = exitsOf(tree);
  const hops = new Map<string, GoalHops>();
  for (const [name, { port }] of tree.next) {
    const detour = exits.get(name)?.first.port.portNumber;
    const ports = detour === undefined ? [port.portNumber] : [port.portNumber, detour];
    hops.set(name, { ports, balanced: false });
  }
  return hops;
}

/** The first step out of the part of the tree behind each switch; leaves first, so that children are known. */
function exitsOf(tree: Tree): Map<string, Exit> {
  const exits = new Map<string, Exit>();
  const deepestFirst = [...tree.next.keys()].sort((a, b) => tree.depth.get(b)! - tree.depth.get(a)!);
  for (const name of deepestFirst) {
    const depth = tree.depth.get(name)!;
    const best = tree
      .steps(name)
      .map((step) => exitBy(tree, exits, name, step))
      .filter((exit) => exit !== undefined && exit.meetsAt < depth)
      .reduce<Exit | undefined>((a, b) => (a === undefined || isBetter(b!, a) ? b : a), undefined);
    if (best) exits.set(name, best);
  }
  return exits;
}

const isBetter = (a: Exit, b: Exit): boolean =>
  a.meetsAt < b.meetsAt || (a.meetsAt === b.meetsAt && a.length < b.length);

function exitBy(tree: Tree, exits: ReadonlyMap<string, Exit>, name: string, step: Step): Exit | undefined {
  if (step.link === tree.next.get(name)!.link) return undefined;
  if (tree.next.get(step.to)?.link === step.link) {
    const beyond = exits.get(step.to);
    return beyond && { first: step, meetsAt: beyond.meetsAt, length: beyond.length + 1 };
  }
  const depth = tree.depth.get(step.to);
  return depth === undefined
    ? undefined
    : { first: step, meetsAt: meetingDepth(tree, name, step.to), length: depth + 1 };
}

/** Distance from the goal of the first switch that is on both ways to it. */
function meetingDepth(tree: Tree, a: string, b: string): number {
  let [x, y]: (string | undefined)[] = [a, b];
  while (x !== y) {
    if (x === undefined || y === undefined) return -1;
    if (tree.depth.get(x)! >= tree.depth.get(y)!) x = tree.next.get(x)?.to;
    else y = tree.next.get(y)?.to;
  }
  return x === undefined ? -1 : tree.depth.get(x)!;
}

/** All next hops of equal cost; undefined where the tree protects a switch that these ways would not. */
function balancedHops(
  map: NetworkMap,
  tree: Tree,
  goal: string,
  byTree: ReadonlyMap<string, GoalHops>,
): Map<string, GoalHops> | undefined {
  const hops = new Map<string, GoalHops>();
  for (const name of tree.next.keys()) {
    const ports = map.localNextHops(name, goal).map((p) => p.portNumber);
    hops.set(name, { ports, balanced: ports.length > 1 });
  }
  if (![...hops.values()].some((h) => h.balanced)) return undefined;
  for (const [name, { balanced, ports }] of [...hops]) {
    if (balanced) continue;
    const here = tree.depth.get(name)!;
    const helper = tree.steps(name).find((step) => {
      if (step.port.portNumber === ports[0]) return false;
      const far = tree.depth.get(step.to);
      return far === here || (far === here + 1 && hops.get(step.to)!.balanced);
    });
    if (helper) hops.set(name, { ports: [ports[0]!, helper.port.portNumber], balanced: false });
    else if (byTree.get(name)!.ports.length > 1) return undefined;
  }
  return hops;
}
