import type { Action } from '../openflow/index.js';
import { isOurs } from './cookie.js';

import { overlaps, testsOf } from './match.js';
import { ipv4Of, macOf } from './pipeline-layout.js';
import { type Rule, ruleKey } from './rules.js';
import type { VmSpec } from './topology.js';

/** Vendor number of Nicira, whose extensions Open vSwitch speaks, and its actions that keep or use state of connections. */
const nicira = 0x2320;
const statefulSubtypes: Readonly<Record<number, string>> = {
  16: 'learn',
  35: 'ct',
  36: 'nat',
  43: 'ct_clear',
  44: 'resubmit with ct',
  45: 'learn',
};
const statefulActions: Readonly<Record<string, string>> = {
  nx_learn: 'learn',
  nx_learn2: 'learn',
  nx_ct: 'ct',
  nx_nat: 'nat',
  nx_ct_clear: 'ct_clear',
  nx_resubmit_table_ct: 'resubmit with ct',
};
/** Match fields that only connection tracking fills. */
const trackedField = /^ct_/;
/** Field numbers of them in class 1 of Nicira's extended match (ct_state to ct_label, ct_nw_proto to ct_tp_dst). */
const trackedRawFields: ReadonlySet<number> = new Set([
  105, 106, 107, 108, 119, 120, 121, 122, 123, 124, 125,
]);
const niciraMatchClass = 1;

/**
 * What on a switch remembers connections: conntrack, NAT and learned rules of others, each named with the rule that has it.
 * Such state does not move with a machine, and connections that lean on it break at the flip. Our own rules
 * have none. Rules that cannot concern the machine, by its MAC or IPv4 address, are left out if `vm` is given; a rule
 * that is reached after others rewrote the addresses may be missed then.
 */
export function statefulFeatures(rules: readonly Rule[], vm?: Pick<VmSpec, 'mac' | 'ip'>): string[] {
  const found: string[] = [];
  for (const rule of rules) {
    if (isOurs(rule.cookie) || (vm !== undefined && !concerns(rule, vm))) continue;
    const names = new Set([
      ...matchFeatures(rule),
      ...rule.instructions.flatMap((i) =>
        i.type === 'apply_actions' || i.type === 'write_actions' ? actionFeatures(i.actions) : [],
      ),
    ]);
    if (names.size > 0) found.push(`${[...names].join(', ')} in ${ruleKey(rule)}`);
  }
  return found;
}

function matchFeatures(rule: Rule): string[] {
  const tracked = rule.match.some((oxm) =>
    oxm.field === 'raw'
      ? oxm.oxm_class === niciraMatchClass && trackedRawFields.has(oxm.oxm_field)
      : trackedField.test(oxm.field),
  );
  return tracked ? ['match on ct'] : [];
}

/** Names of what is stateful in a list of actions, and in the lists inside them. */
function actionFeatures(actions: readonly Action[]): string[] {
  return actions.flatMap((action) => {
    const known = statefulActions[action.type];
    const raw = action.type === 'experimenter' ? rawFeature(action) : undefined;
    const inner = 'actions' in action ? actionFeatures(action.actions as readonly Action[]) : [];
    return [...(known === undefined ? [] : [known]), ...(raw === undefined ? [] : [raw]), ...inner];
  });
}

/** Of an action that the codec left as bytes: the subtype is in the first two. */
function rawFeature({ experimenter, data }: { readonly experimenter: number; readonly data: Uint8Array }) {
  if (experimenter !== nicira || data.length < 2) return undefined;
  return statefulSubtypes[data[0]! * 256 + data[1]!];
}

/** Can a packet to or from the machine pass the match? */
function concerns(rule: Rule, vm: Pick<VmSpec, 'mac' | 'ip'>): boolean {
  const tests = testsOf(rule.match);
  const mac = macOf(vm.mac);
  const ipv4 = ipv4Of(vm.ip);
  return [
    testsOf([
      { field: 'eth_src', value: mac },
      { field: 'ipv4_src', value: ipv4 },
    ]),
    testsOf([
      { field: 'eth_dst', value: mac },
      { field: 'ipv4_dst', value: ipv4 },
    ]),
  ].some((packet) => overlaps(packet, tests));
}
