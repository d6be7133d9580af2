import { describe, expect, it } from 'vitest';
import type { ComparedRule } from '../../src/engine/rule-comparison.js';
import { flowModOf, isOurs, type Rule } from '../../src/network/index.js';
import { Rig, smallTopology } from './rig.js';

const gateway = smallTopology().switches.find((s) => s.name === 'gw-a')!;

/** What the engine answers to somebody who asks for the comparison. */
function compare(rig: Rig): ComparedRule[] {
  const result = rig.answer(rig.command({ kind: 'compareRules', dpid: gateway.dpid }));
  if (!result.ok) throw new Error(result.problem.detail);
  return result.body as ComparedRule[];
}
const count = (all: readonly ComparedRule[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { standing } of all) counts[standing] = (counts[standing] ?? 0) + 1;
  return counts;
};
function change(rig: Rig, rule: Rule, how: 'add' | 'delete'): void {
  const tables = rig.simulation.switches.get('gw-a')!.tables;
  if (!tables.apply(flowModOf(rule, how), rig.now).ok) throw new Error('the switch refused a rule');
}

describe('intended rules beside installed ones', () => {
  it('are one list when nobody meddled, with what each has counted', () => {
    const rig = new Rig({ seed: 1 }).settle(1);
    const all = compare(rig);
    expect(count(all)).toEqual({ held: rig.rules('gw-a').length });
    expect(all.every((r) => r.intended === r.installed && /^\d+$/.test(r.packets!))).toBe(true);
    expect(all.map((r) => r.tableId)).toEqual(all.map((r) => r.tableId).sort((a, b) => a - b));
  });

  it('show what is missing, changed, left over, in the way and somebody else’s', () => {
    const rig = new Rig({ seed: 1 }).settle(1);
    const held = rig.rules('gw-a').filter((r) => isOurs(r.cookie));
    const [first, second, third] = held as [Rule, Rule, Rule];
    const foreignCookie = 0x1234_0000_0000_0001n;
    change(rig, first, 'delete');
    change(rig, { ...second, instructions: [] }, 'add');
    change(rig, third, 'delete');
    change(rig, { ...third, cookie: foreignCookie }, 'add');
    change(rig, { ...first, priority: 7, match: [{ field: 'in_port', value: 1 }] }, 'add');
    change(rig, { ...first, priority: 8, match: [], cookie: foreignCookie }, 'add');
    const all = compare(rig);
    expect(count(all)).toEqual({
      held: held.length - 3,
      missing: 1,
      changed: 1,
      conflict: 1,
      extra: 1,
      foreign: 1,
    });
    const of = (standing: string) => all.find((r) => r.standing === standing)!;
    expect(of('missing')).toMatchObject({ installed: null, packets: null, owner: 'network' });
    expect(of('extra')).toMatchObject({ intended: null, priority: 7 });
    expect(of('foreign')).toMatchObject({ intended: null, owner: 'other' });
    expect(of('changed').intended).not.toBe(of('changed').installed);
  });
});
