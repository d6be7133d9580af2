import { type NetworkState, passingRules, reuseRules, standingKey, standingRules } from '../network/index.js';
import type { Rule } from '../network/rules.js';
import type { Topology } from '../network/topology.js';

/** What a switch was told to hold, and from what that followed: the standing rules, and all of them. */
interface KnownRules {
  readonly standsBy: string;
  readonly standing: readonly Rule[];
  readonly passesBy: string;
  readonly rules: readonly Rule[];
}

/**
 * The rules that each switch should hold, made anew only when what they follow from has changed: where many switches come and go,
 * nearly never. What is as before is the same object as before, so that comparing it costs nothing.
 */
export class RuleMaker {
  readonly #known = new Map<string, KnownRules>();

  rulesOf(topology: Topology, switchName: string, state: NetworkState): readonly Rule[] {
    const known = this.#known.get(switchName);
    const standsBy = standingKey(state);
    const passesBy = JSON.stringify(state.migrations);
    const stands = known?.standsBy === standsBy;
    if (stands && known.passesBy === passesBy) return known.rules;
    const standing = stands
      ? known.standing
      : reuseRules(standingRules(topology, switchName, state), known?.standing ?? []);
    const rules = [...standing, ...reuseRules(passingRules(topology, switchName, state), known?.rules ?? [])];
    this.#known.set(switchName, { standsBy, standing, passesBy, rules });
    return rules;
  }
}
