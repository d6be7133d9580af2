import {
  type InstalledFlow,
  isOurs,
  parseCookie,
  type Rule,
  ruleFromStats,
  ruleKey,
  rulesEqual,
} from '../network/index.js';
import { planText } from './migration-preview.js';

export type RuleStanding =
  /** it is there as it should be */
  | 'held'
  /** it should be there and is not */
  | 'missing'
  /** a rule of ours is under its key, and another one */
  | 'changed'
  /** a rule of ours that is not wanted, any more or yet */
  | 'extra'
  /** it should be there, and somebody else's rule is under its key */
  | 'conflict'
  /** somebody else's; it is left alone */
  | 'foreign';

export interface ComparedRule {
  readonly standing: RuleStanding;
  readonly owner: 'network' | 'migration' | 'other';
  readonly tableId: number;
  readonly priority: number;
  /** in the words of ovs-ofctl; null: not wanted */
  readonly intended: string | null;
  /** null: not there */
  readonly installed: string | null;
  /** decimal; that it has counted since it was added; null: not there */
  readonly packets: string | null;
}

/** An entry of a flow multipart reply. */
export interface CountedFlow extends InstalledFlow {
  readonly packet_count: bigint;
}

const ownerOf = (rule: Rule): ComparedRule['owner'] => {
  const parts = parseCookie(rule.cookie);
  return parts === undefined ? 'other' : parts.ordinal === 0 ? 'network' : 'migration';
};
const compared = (
  standing: RuleStanding,
  want: Rule | undefined,
  held: Rule | undefined,
  flow: CountedFlow | undefined,
): ComparedRule => {
  const rule = (want ?? held)!;
  return {
    standing,
    owner: ownerOf(rule),
    tableId: rule.tableId,
    priority: rule.priority,
    intended: want === undefined ? null : planText(want),
    installed: held === undefined ? null : planText(held),
    packets: flow === undefined ? null : flow.packet_count.toString(),
  };
};

/** Every rule that should be on a switch and every rule that is, side by side: by table, the highest priority first. */
export function compareWithInstalled(
  desired: readonly Rule[],
  flows: readonly CountedFlow[],
): ComparedRule[] {
  const wanted = new Map(desired.map((rule) => [ruleKey(rule), rule]));
  const all = flows.map((flow) => {
    const held = ruleFromStats(flow);
    const want = wanted.get(ruleKey(held));
    wanted.delete(ruleKey(held));
    const standing: RuleStanding = !isOurs(held.cookie)
      ? want === undefined
        ? 'foreign'
        : 'conflict'
      : want === undefined
        ? 'extra'
        : rulesEqual(want, held)
          ? 'held'
          : 'changed';
    return compared(standing, want, held, flow);
  });
  for (const want of wanted.values()) all.push(compared('missing', want, undefined, undefined));
  return all.sort((a, b) => a.tableId - b.tableId || b.priority - a.priority);
}
