import type { OxmField } from '../openflow/index.js';
import { type InstalledFlow, type Rule, ruleFromStats } from './rules.js';

/**
 * Rules that are known, to be found again by what they say. A switch that is read tells the same rules each time, and those that are made
 * anew after a change are mostly those of before: taken from here they are the same objects, whose texts are made once and
 * which compare by identity. What is not found is only slower: equal here means equal in every field, and `ruleText` decides what
 * is equal in meaning.
 */
class RuleIndex {
  readonly #rules = new Map<number, Rule[]>();

  constructor(rules: readonly Rule[]) {
    for (const rule of rules) {
      const number = numberOf(rule.tableId, rule.priority, rule.match);
      const others = this.#rules.get(number);
      if (others === undefined) this.#rules.set(number, [rule]);
      else others.push(rule);
    }
  }

  find(like: Omit<Rule, 'lease' | 'groups' | 'countsAnew'>): Rule | undefined {
    const { tableId, priority, match, cookie, hardTimeoutSeconds, instructions } = like;
    return this.#rules
      .get(numberOf(tableId, priority, match))
      ?.find(
        (rule) =>
          rule.tableId === tableId &&
          rule.priority === priority &&
          rule.cookie === cookie &&
          rule.hardTimeoutSeconds === hardTimeoutSeconds &&
          isSame(rule.match, match) &&
          isSame(rule.instructions, instructions),
      );
  }
}

const indices = new WeakMap<readonly Rule[], RuleIndex>();

function indexOf(rules: readonly Rule[]): RuleIndex {
  let index = indices.get(rules);
  if (index === undefined) {
    index = new RuleIndex(rules);
    indices.set(rules, index);
  }
  return index;
}

/** What a switch told, by the objects of `known` where they say the same. */
export function rulesFromStats(entries: readonly InstalledFlow[], known: readonly Rule[]): Rule[] {
  const index = indexOf(known);
  return entries.map((entry) => {
    const rule = ruleFromStats(entry);
    return index.find(rule) ?? rule;
  });
}

/** The same rules, by the objects of `known` where they are wholly the same. */
export function reuseRules(rules: readonly Rule[], known: readonly Rule[]): Rule[] {
  const index = indexOf(known);
  return rules.map((rule) => {
    const before = index.find(rule);
    const isWhole =
      before !== undefined &&
      before.lease === rule.lease &&
      before.countsAnew === rule.countsAnew &&
      isSame(before.groups, rule.groups);
    return isWhole ? before : rule;
  });
}

/** Rules of one key have one number, and few others have it. */
function numberOf(tableId: number, priority: number, match: readonly OxmField[]): number {
  let sum = (tableId << 16) + priority;
  for (const oxm of match) {
    if (oxm.field === 'raw') continue;
    const { value } = oxm;
    if (typeof value === 'number') sum = (sum + Math.imul(value, 31)) | 0;
    else if (typeof value === 'bigint') sum = (sum + Number(value & 0xffff_ffffn)) | 0;
    else {
      let part = 0;
      for (const byte of value) part = (Math.imul(part, 31) + byte) | 0;
      sum = (sum + part) | 0;
    }
  }
  return sum;
}

/** Equal in every field and in every order, but for padding. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!isSame(a[i], b[i])) return false;
    return true;
  }
  if (a instanceof Uint8Array) {
    if (!(b instanceof Uint8Array) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
    return true;
  }
  return covers(a, b) && covers(b, a);
}

function covers(a: object, b: object): boolean {
  for (const name in a)
    if (name !== 'padding' && !isSame(a[name as keyof typeof a], b[name as keyof typeof b])) return false;
  return true;
}
