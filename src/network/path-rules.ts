import type { Action } from '../openflow/index.js';
import type { GoalHops } from './detours.js';
import { type DesiredGroup, failoverGroup, fitsFailover, fittingSet, selectGroup } from './groups.js';
import type { NetworkMap } from './network-map.js';
import type { NetworkState } from './network-state.js';
import {
  apply,
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

function siteRules(map: NetworkMap, switchName: string, state: NetworkState): Rule[] {
  const here = map.switch(switchName)?.site;
  return map.topology.sites.flatMap(({ name }) => {
    if (name === here) return [];
    const bound = boundFor(map.siteNumber(name));
    const plain = pathOf(map, state, switchName, name, undefined);
    const rules = plain ? plainRules(map, switchName, name, plain) : [];
    const codePoints = new Set(
      (state.steering ?? []).flatMap((s) => (s.site === name && s.dscp !== undefined ? [s.dscp] : [])),
    );
    for (const dscp of codePoints) {
      const port = pathOf(map, state, switchName, name, dscp);
      if (port && port !== plain)
        rules.push(
          baseRule(
            tables.path,
            priorities.pathSteered,
            [bound, isIpv4, hasDscp(dscp)],
            [apply(output(port.portNumber))],
          ),
        );
    }
    return rules;
  });
}

/** All packets to a site are steered (then there is no second choice), or they go by the next hop and its detour. */
function plainRules(map: NetworkMap, switchName: string, site: string, plain: PortSpec): Rule[] {
  const goal = map.siteNumber(site);
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
    return hops && hops.ports.length > 1 ? goalRules(map, switchName, map.switchNumber(name), hops) : [];
  });
}

function goalRules(map: NetworkMap, switchName: string, goal: number, hops: GoalHops): Rule[] {
  const dead = map.deadPorts(switchName);
  return hops.balanced
    ? balancedRules(goal, fittingSet(hops.ports), dead)
    : preferredRules(goal, hops.ports, dead);
}

/** Any of the ports; what comes in by one of them leaves by the others. */
function balancedRules(goal: number, ports: readonly number[], dead: ReadonlySet<number>): Rule[] {
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
function preferredRules(goal: number, ports: readonly number[], dead: ReadonlySet<number>): Rule[] {
  const [first, second] = ports as [number, number | undefined];
  if (second === undefined || !fitsFailover([first, second]))
    return [pathRule(priorities.path, goal, [], output(first))];
  const group = (back: boolean): DesiredGroup => failoverGroup([first, second], back, dead);
  return [
    groupRule(priorities.path, goal, [], group(false)),
    groupRule(priorities.pathBack, goal, [onPort(second)], group(true)),
    pathRule(priorities.pathDetour, goal, [onPort(first)], output(second)),
  ];
}

const pathRule = (priority: number, goal: number, from: Rule['match'], action: Action): Rule =>
  baseRule(tables.path, priority, [...from, boundFor(goal)], [apply(action)]);

const groupRule = (priority: number, goal: number, from: Rule['match'], group: DesiredGroup): Rule => ({
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
  return steered ?? map.nextHop(switchName, site);
}
