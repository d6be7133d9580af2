import { guardRules } from './guard-rules.js';
import { locationRules } from './location-rules.js';
import { migrationRules } from './migration-rules.js';
import { neighbourRules } from './neighbour-rules.js';
import { networkMapOf } from './network-map.js';
import type { NetworkState } from './network-state.js';
import { pathRules } from './path-rules.js';
import type { Rule } from './rules.js';
import type { Topology } from './topology.js';

/** All rules that one switch must hold; nothing for a switch that is not in the topology. */
export function desiredRules(topology: Topology, switchName: string, state: NetworkState): Rule[] {
  return [...standingRules(topology, switchName, state), ...passingRules(topology, switchName, state)];
}

/** Those of them that are nobody's but the network's own. */
export function standingRules(topology: Topology, switchName: string, state: NetworkState): Rule[] {
  const map = networkMapOf(topology, state.linksDown);
  if (!map.switch(switchName)) return [];
  return [
    ...guardRules(map, switchName, state),
    ...locationRules(map, switchName, state),
    ...pathRules(map, switchName, state),
    ...neighbourRules(map, switchName),
  ];
}

/** Equal texts: equal standing rules, for one topology and one set of classes. Of migrations it matters who is about to resume. */
export function standingKey({ vmLocation, migrations, steering, linksDown }: NetworkState): string {
  const resuming = migrations.filter((m) => m.awaitsResume).map((m) => [m.vm, m.source]);
  return JSON.stringify([[...vmLocation], resuming, steering, linksDown]);
}

/** Those that migrations ask for while they last. */
export function passingRules(
  topology: Topology,
  switchName: string,
  { migrations, linksDown }: Pick<NetworkState, 'migrations' | 'linksDown'>,
): Rule[] {
  const map = networkMapOf(topology, linksDown);
  return map.switch(switchName) ? migrations.flatMap((m) => migrationRules(map, switchName, m)) : [];
}
