import type { NetworkMap } from './network-map.js';
import type { NetworkState } from './network-state.js';
import { apply, baseRule, boundFor, hasDscp, isIpv4, output, priorities, tables } from './pipeline-layout.js';
import type { Rule } from './rules.js';
import type { PortSpec } from './topology.js';

/** One rule for each other site, and one more for each class that is steered onto another link. */
export function pathRules(map: NetworkMap, switchName: string, state: NetworkState): Rule[] {
  const here = map.switch(switchName)?.site;
  return map.topology.sites.flatMap(({ name }) => {
    if (name === here) return [];
    const bound = boundFor(map.siteNumber(name));
    const rules: Rule[] = [];
    const plain = pathOf(map, state, switchName, name, undefined);
    if (plain) rules.push(baseRule(tables.path, priorities.path, [bound], [apply(output(plain.portNumber))]));
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
  const chosen =
    steering.find((s) => s.dscp !== undefined && s.dscp === dscp) ??
    steering.find((s) => s.dscp === undefined);
  const here = map.distanceToSite(switchName, site) ?? Number.POSITIVE_INFINITY;
  const steered =
    chosen &&
    map.ports(switchName).find((port) => {
      if (port.peer.kind !== 'link' || port.peer.link.name !== chosen.link || map.linksDown.has(chosen.link))
        return false;
      return (map.distanceToSite(port.peer.peer, site) ?? Number.POSITIVE_INFINITY) < here;
    });
  return steered ?? map.nextHop(switchName, site);
}
