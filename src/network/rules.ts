import {
  OFP_NO_BUFFER,
  OFPFC_ADD,
  OFPFC_DELETE_STRICT,
  OFPFF_RESET_COUNTS,
  OFPG_ANY,
  OFPP_ANY,
  OFPP_CONTROLLER,
} from '../openflow/constants.js';
import type { Action, FlowMod, FlowStats, Instruction, OxmField, OxmRef } from '../openflow/index.js';
import type { DesiredGroup } from './groups.js';
import { fieldNamed, matchText, scalarOf } from './match.js';

/** One flow rule as it is wanted, or as it was read back. */
export interface Rule {
  readonly tableId: number;
  /** higher wins; 0 is left to others (some switches treat it as the table-miss rule) */
  readonly priority: number;
  readonly match: readonly OxmField[];
  readonly instructions: readonly Instruction[];
  /** see `cookie.ts` */
  readonly cookie: bigint;
  /** 0: none */
  readonly hardTimeoutSeconds: number;
  /** it is refreshed before its hard timeout as long as the controller lives, and dies with it */
  readonly lease?: boolean;
  /** the groups that its instructions use; each must be there before the rule, and as long as it */
  readonly groups?: readonly DesiredGroup[];
  /** it is there to be counted: when it takes the place of another of the same key, it counts from 0 */
  readonly countsAnew?: boolean;
}

/** A flow_mod without transaction id: the session gives it one. */
export type FlowModBody = Omit<FlowMod, 'xid'>;

/** A flow entry in a `flow` multipart reply, as far as a rule is concerned. */
export type InstalledFlow = Pick<
  FlowStats,
  'table_id' | 'priority' | 'match' | 'instructions' | 'cookie' | 'hard_timeout'
>;

/** What a switch identifies a rule by: two rules with one key cannot coexist (OpenFlow 1.3.5, 6.4). */
export const ruleKey: (rule: Pick<Rule, 'tableId' | 'priority' | 'match'>) => string = oncePerObject(
  (rule) => `table=${rule.tableId},priority=${rule.priority},${matchText(rule.match)}`,
);

/** Everything that is the owner's choice, canonical: equal texts, equal rules. `lease` shows in the timeout. */
export const ruleText: (rule: Rule) => string = oncePerObject(
  (rule) =>
    `${ruleKey(rule)} cookie=0x${rule.cookie.toString(16)}` +
    `${rule.hardTimeoutSeconds > 0 ? ` hard_timeout=${rule.hardTimeoutSeconds}` : ''} actions=${instructionsText(rule.instructions)}`,
);

/** Rules do not change, and each is compared with what a switch holds again and again: its texts are made once. */
function oncePerObject<T extends object>(make: (object: T) => string): (object: T) => string {
  const made = new WeakMap<T, string>();
  return (object) => {
    let text = made.get(object);
    if (text === undefined) {
      text = make(object);
      made.set(object, text);
    }
    return text;
  };
}

export const rulesEqual = (a: Rule, b: Rule): boolean => ruleText(a) === ruleText(b);

/** Order of execution, OpenFlow 1.3.5, 5.9; a switch may list instructions in any order. */
const executionOrder = [
  'meter',
  'apply_actions',
  'clear_actions',
  'write_actions',
  'write_metadata',
  'goto_table',
];

export function instructionsText(instructions: readonly Instruction[]): string {
  if (instructions.length === 0) return 'drop';
  const rank = (i: Instruction): number => executionOrder.indexOf(i.type);
  return [...instructions]
    .sort((a, b) => rank(a) - rank(b))
    .map(instructionText)
    .join(' ');
}

function instructionText(instruction: Instruction): string {
  switch (instruction.type) {
    case 'goto_table':
      return `goto(${instruction.table_id})`;
    case 'apply_actions':
      return `apply(${instruction.actions.map(actionText).join(',')})`;
    case 'write_actions':
      return `write(${instruction.actions.map(actionText).join(',')})`;
    case 'write_metadata':
      return `metadata(0x${instruction.metadata.toString(16)}/0x${instruction.metadata_mask.toString(16)})`;
    case 'meter':
      return `meter(${instruction.meter_id})`;
    case 'clear_actions':
      return 'clear()';
    default:
      return plainText(instruction);
  }
}

export function actionText(action: Action): string {
  switch (action.type) {
    case 'output':
      // max_len only means something towards the controller; switches do not keep it otherwise.
      return action.port === OFPP_CONTROLLER
        ? `output(controller,${action.max_len})`
        : `output(${action.port})`;
    case 'set_field':
      return `set(${matchText([action.field])})`;
    case 'set_queue':
      return `queue(${action.queue_id})`;
    case 'group':
      return `group(${action.group_id})`;
    case 'nx_reg_move':
      return `move(${refText(action.src)}[${action.src_ofs}+${action.n_bits}]->${refText(action.dst)}[${action.dst_ofs}])`;
    default:
      return plainText(action);
  }
}

const refText = (ref: OxmRef): string =>
  typeof ref === 'string' ? fieldNamed(ref) : `${ref.oxm_class}.${ref.oxm_field}`;

/** The rest (tags, TTLs, unknown elements): names and numbers in the order they come. */
function plainText(element: object): string {
  const {
    type,
    padding: _,
    ...rest
  } = element as { type: string; padding?: unknown } & Record<string, unknown>;
  return `${type}(${Object.entries(rest)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(',')})`;
}
const valueText = (value: unknown): string =>
  value instanceof Uint8Array ? `0x${scalarOf(value).toString(16)}` : String(value);

/**
 * The message that makes a switch hold the rule (`add` replaces a rule of the same key and restarts its timeout) or
 * that removes exactly this rule: key and whole cookie must agree, so a successor under the same key stays.
 */
export function flowModOf(rule: Rule, command: 'add' | 'delete'): FlowModBody {
  const adding = command === 'add';
  return {
    type: 'flow_mod',
    cookie: rule.cookie,
    cookie_mask: adding ? 0n : 0xffff_ffff_ffff_ffffn,
    table_id: rule.tableId,
    command: adding ? OFPFC_ADD : OFPFC_DELETE_STRICT,
    idle_timeout: 0,
    hard_timeout: adding ? rule.hardTimeoutSeconds : 0,
    priority: rule.priority,
    buffer_id: OFP_NO_BUFFER,
    out_port: OFPP_ANY,
    out_group: OFPG_ANY,
    flags: adding && rule.countsAnew === true ? OFPFF_RESET_COUNTS : 0,
    match: [...rule.match],
    instructions: adding ? [...rule.instructions] : [],
  };
}

export const ruleFromStats = (entry: InstalledFlow): Rule => ({
  tableId: entry.table_id,
  priority: entry.priority,
  match: entry.match,
  instructions: entry.instructions,
  cookie: entry.cookie,
  hardTimeoutSeconds: entry.hard_timeout,
  ...(entry.hard_timeout > 0 ? { lease: true } : {}),
});
