import type { Action, OxmField } from '../openflow/index.js';
import type { GoalHops } from './detours.js';
import { type DesiredGroup, failoverGroup, fitsFailover, fittingSet, selectGroup } from './groups.js';
import { isLabelled, labelOf, pushLabel } from './labels.js';
import type { NetworkMap } from './network-map.js';
import type { NetworkState } from './network-state.js';
import {
  apply,
  backOut,
  baseRule,
  boundFor,
  hasDscp,
  isIpv4,
  onPort,
  output,
  priorities,
  tables,
} from './pipeline-layout.js';
import type { Rule } from './rules.js';
import type { PortSpec } from './topology.js';

/** The ways to each other site, those that a class is steered onto, and the ways to switches of this site where there are several. */
export function pathRules(map: NetworkMap, switchName: string, state: NetworkState): Rule[] {
  return [...siteRules(map, switchName, state), ...localRules(map, switchName)];
}

/** How packets for one goal are told from others, and what is done to them before they leave. */
interface Goal {
  readonly match: OxmField;
  readonly before: readonly Action[];
  /** they begin their way here, so that one that came by the port by which it leaves is not on a detour: it goes back */
  readonly fresh: boolean;
}
const plainGoal = (number: number): Goal => ({ match: boundFor(number), before: [], fresh: false });

/** With labels: in transit by label; what the location table has sent here gets one at a gateway. */
function goalsOf(map: NetworkMap, switchName: string, site: string): Goal[] {
  const plain = plainGoal(map.siteNumber(site));
  if (!isLabelled(map.topology)) return [plain];
  const labelled: Goal = { match: labelOf(map, site), before: [], fresh: false };
  const role = map.switch(switchName)?.role;
  if (role === 'core') return [labelled];
  if (role !== 'gateway') return [labelled, plain];
  return [labelled, { ...plain, before: pushLabel(map, site), fresh: true }];
}

function siteRules(map: NetworkMap, switchName: string, state: NetworkState): Rule[] {
  const here = map.switch(switchName)?.site;
  const { sites, switches } = map.topology;
  return sites.flatMap(({ name }) => {
    if (name === here || switches.every((s) => s.site !== name || s.role === 'core')) return [];
    return goalsOf(map, switchName, name).flatMap((goal) => rulesTo(map, switchName, state, name, goal));
  });
}

function rulesTo(map: NetworkMap, switchName: string, state: NetworkState, site: string, goal: Goal): Rule[] {
  const plain = pathOf(map, state, switchName, site, undefined);
  const rules = plain ? plainRules(map, switchName, site, plain, goal) : [];
  const codePoints = new Set(
    (state.steering ?? []).flatMap((s) => (s.site === site && s.dscp !== undefined ? [s.dscp] : [])),
  );
  for (const dscp of codePoints) {
    const port = pathOf(map, state, switchName, site, dscp);
    if (port && port !== plain)
      rules.push(pathRule(priorities.pathSteered, goal, [isIpv4, hasDscp(dscp)], output(port.portNumber)));
  }
  return rules;
}

/** All packets to a site are steered (then there is no second choice), or they go by the next hop and its detour. */
function plainRules(map: NetworkMap, switchName: string, site: string, plain: PortSpec, goal: Goal): Rule[] {
  const hops = map.hopsToSite(switchName, site);
  return hops?.ports[0] === plain.portNumber
    ? goalRules(map, switchName, goal, hops)
    : [pathRule(priorities.path, goal, [], output(plain.portNumber))];
}

/** The switches of this site on which somebody lives, as far as there is more than one way to them. */
function localRules(map: NetworkMap, switchName: string): Rule[] {
  const { topology } = map;
  const site = map.switch(switchName)?.site;
  return topology.switches.flatMap(({ name, site: itsSite }) => {
    if (itsSite !== site || name === switchName || !topology.hosts.some((h) => h.switch === name)) return [];
    const hops = map.hopsToSwitch(switchName, name);
    return hops && hops.ports.length > 1
      ? goalRules(map, switchName, plainGoal(map.switchNumber(name)), hops)
      : [];
  });
}

function goalRules(map: NetworkMap, switchName: string, goal: Goal, hops: GoalHops): Rule[] {
  const dead = map.deadPorts(switchName);
  return hops.balanced
    ? balancedRules(goal, fittingSet(hops.ports), dead)
    : preferredRules(goal, hops.ports, dead, map.portsBelow(switchName));
}

/** Any of the ports; what comes in by one of them leaves by the others. */
function balancedRules(goal: Goal, ports: readonly number[], dead: ReadonlySet<number>): Rule[] {
  const among = (set: readonly number[], priority: number, from: Rule['match']): Rule[] => {
    if (set.length === 0) return [];
    if (set.length === 1) return [pathRule(priority, goal, from, output(set[0]!))];
    return [groupRule(priority, goal, from, selectGroup(set, dead))];
  };
  return [
    ...among(ports, priorities.path, []),
    ...ports.flatMap((port) =>
      among(
        ports.filter((p) => p !== port),
        priorities.pathDetour,
        [onPort(port)],
      ),
    ),
  ];
}

/** The first port as long as it lives, else the second; what comes from the first is on a detour and goes to the second. */
function preferredRules(
  goal: Goal,
  ports: readonly number[],
  dead: ReadonlySet<number>,
  below: ReadonlyMap<number, number>,
): Rule[] {
  const [first, second] = ports as [number, number | undefined];
  const back = pathRule(priorities.pathDetour, goal, [onPort(first)], backOut);
  if (second === undefined || !fitsFailover([first, second]))
    return [pathRule(priorities.path, goal, [], output(first)), ...(goal.fresh ? [back] : [])];
  const group = (cameBySecond: boolean): DesiredGroup =>
    failoverGroup([first, second], cameBySecond, dead, below);
  return [
    groupRule(priorities.path, goal, [], group(false)),
    groupRule(priorities.pathBack, goal, [onPort(second)], group(true)),
    goal.fresh ? back : pathRule(priorities.pathDetour, goal, [onPort(first)], output(second)),
  ];
}

const pathRule = (priority: number, goal: Goal, from: Rule['match'], action: Action): Rule =>
  baseRule(tables.path, priority, [...from, goal.match], [apply(...goal.before, action)]);

const groupRule = (priority: number, goal: Goal, from: Rule['match'], group: DesiredGroup): Rule => ({
  ...pathRule(priority, goal, from, { type: 'group', group_id: group.groupId }),
  groups: [group],
});

/**
 * The port by which packets of a class (code point; undefined: no class) leave a switch for a site: the steered link
 * where there is one at this switch, else the next hop of the shortest packet path. A steered link that does not
 * lead nearer to the site, or is down, is not used: it could make a loop.
 */
export function pathOf(
  map: NetworkMap,
  state: Pick<NetworkState, 'steering'>,
  switchName: string,
  site: string,
  dscp: number | undefined,
): PortSpec | undefined {
  const steering = (state.steering ?? []).filter((s) => s.site === site);
  const ofClass = steering.filter((s) => s.dscp !== undefined && s.dscp === dscp);
  const chosen = new Set(
    (ofClass.length > 0 ? ofClass : steering.filter((s) => s.dscp === undefined)).map((s) => s.link),
  );
  const here = map.distanceToSite(switchName, site) ?? Number.POSITIVE_INFINITY;
  const steered = map.ports(switchName).find((port) => {
    if (port.peer.kind !== 'link') return false;
    const { name } = port.peer.link;
    if (!chosen.has(name) || map.linksDown.has(name)) return false;
    return (map.distanceToSite(port.peer.peer, site) ?? Number.POSITIVE_INFINITY) < here;
  });
  return steered ?? map.nextHops(switchName, site)[0];
}
