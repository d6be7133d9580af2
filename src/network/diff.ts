import { isOurs } from './cookie.js';
import { type FlowModBody, flowModOf, type Rule, ruleKey, ruleText } from './rules.js';

/**
 * What a switch is known to hold. A read that failed is `unknown`, never an empty list: from an empty list every rule
 * would seem missing.
 */
export type InstalledRules =
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'known'; readonly rules: readonly Rule[] };

export interface RuleChanges {
  /** to be sent, in table order: later tables first, so that no packet is sent on to a table that is not ready */
  readonly adds: readonly Rule[];
  /** to be removed after the adds, earlier tables first */
  readonly deletes: readonly Rule[];
  /** wanted, but somebody else holds the key: adding would overwrite a rule that is not ours */
  readonly conflicts: readonly Rule[];
}

/** @throws RangeError if two desired rules have one key, or a desired rule does not carry our cookie */
export function compareRules(desired: readonly Rule[], installed: readonly Rule[]): RuleChanges {
  const wanted = new Map<string, Rule>();
  for (const rule of desired) {
    const key = ruleKey(rule);
    if (wanted.has(key)) throw new RangeError(`two desired rules with one key: ${key}`);
    if (!isOurs(rule.cookie)) throw new RangeError(`a desired rule without our cookie: ${ruleText(rule)}`);
    wanted.set(key, rule);
  }
  const deletes: Rule[] = [];
  const conflicts: Rule[] = [];
  for (const rule of installed) {
    const key = ruleKey(rule);
    const want = wanted.get(key);
    if (!isOurs(rule.cookie)) {
      if (want) conflicts.push(want);
      wanted.delete(key);
    } else if (!want) deletes.push(rule);
    else if (want === rule || ruleText(want) === ruleText(rule)) wanted.delete(key);
  }
  return {
    adds: [...wanted.values()].sort((a, b) => b.tableId - a.tableId),
    deletes: deletes.sort((a, b) => a.tableId - b.tableId),
    conflicts,
  };
}

/**
 * The messages that turn what is installed into what is desired: adds first, then strict deletes, so that a packet
 * always finds the old rule or the new one. Empty: nothing to do. A rule without our cookie is never in it.
 */
export function diffRules(desired: readonly Rule[], installed: readonly Rule[]): FlowModBody[] {
  const { adds, deletes } = compareRules(desired, installed);
  return [...adds.map((rule) => flowModOf(rule, 'add')), ...deletes.map((rule) => flowModOf(rule, 'delete'))];
}
