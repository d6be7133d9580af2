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
  const map = networkMapOf(topology, state.linksDown);
  if (!map.switch(switchName)) return [];
  return [
    ...guardRules(map, switchName, state),
    ...locationRules(map, switchName, state),
    ...pathRules(map, switchName, state),
    ...neighbourRules(map, switchName),
    ...state.migrations.flatMap((m) => migrationRules(map, switchName, m)),
  ];
}
