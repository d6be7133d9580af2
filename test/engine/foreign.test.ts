import { describe, expect, it } from 'vitest';
import { flowModOf, type Rule, ruleKey, ruleText } from '../../src/network/rules.js';
import { Rig, smallTopology } from './rig.js';

const foreignCookie = 0x1234_0000_0000_0001n;
const switches = smallTopology().switches.map((s) => s.name);

/** Somebody else writes a rule into a switch. */
function write(rig: Rig, switchName: string, rule: Rule): void {
  const result = rig.simulation.switches
    .get(switchName)!
    .tables.apply(flowModOf({ ...rule, cookie: foreignCookie }, 'add'), rig.now);
  if (!result.ok) throw new Error('the switch refused the foreign rule');
}
const foreign = (rig: Rig, switchName: string): string[] =>
  rig
    .rules(switchName)
    .filter((r) => r.cookie === foreignCookie)
    .map(ruleText);
const elsewhere: Rule = {
  tableId: 0,
  priority: 7,
  match: [{ field: 'in_port', value: 1 }],
  instructions: [{ type: 'goto_table', table_id: 1 }],
  cookie: foreignCookie,
  hardTimeoutSeconds: 0,
};
/** The rules that appear on a switch in the course of a migration, by the step in which they do. */
function rulesOfMigration(switchName: string): Rule[] {
  const rig = new Rig({ seed: 1 }).settle(1);
  const { id } = rig.migrate();
  const seen = new Map<string, Rule>();
  const quiet = new Set(rig.rules(switchName).map(ruleKey));
  rig.harness.runWhile(
    () => {
      for (const rule of rig.rules(switchName)) if (!quiet.has(ruleKey(rule))) seen.set(ruleKey(rule), rule);
      return rig.view(id)?.endedAt == null;
    },
    rig.now + 20,
    0.001,
  );
  return [...seen.values()];
}

describe('rules of somebody else', () => {
  it('stay as they are, written before, during or after a migration', () => {
    const rig = new Rig({ seed: 1 });
    for (const name of switches) write(rig, name, elsewhere);
    rig.settle(1);
    const { id } = rig.migrate();
    rig.harness.runUntil(rig.now + 0.5);
    for (const name of switches) write(rig, name, { ...elsewhere, priority: 8 });
    rig.finish(id);
    for (const name of switches) write(rig, name, { ...elsewhere, priority: 9 });
    rig.harness.dropConnection('gw-a');
    rig.harness.runUntil(rig.now + 35);
    expect(rig.view(id)?.state).toBe('completed');
    expect(rig.leftovers([id])).toEqual([]);
    for (const name of switches) expect(foreign(rig, name), name).toHaveLength(3);
  });

  it('under a key that the base rules need keep them out, with a reason, until they are gone', () => {
    const rig = new Rig({ seed: 2 });
    const wanted = new Rig({ seed: 2 }).settle(1).rules('gw-b')[3]!;
    write(rig, 'gw-b', wanted);
    rig.settle(1);
    const before = rig.dump('gw-b');
    expect(foreign(rig, 'gw-b')).toHaveLength(1);
    expect(rig.harness.logs.map((l) => String(l.fields.reason))).toContainEqual(
      expect.stringMatching(/held by somebody else/),
    );
    const { request, id } = rig.migrate();
    rig.answer(request);
    rig.finish(id, 120);
    expect(rig.view(id)?.state).toBe('failed');
    expect(rig.view(id)?.failureReason).toMatch(/gw-b refused rules: held by somebody else/);
    expect(rig.simulation.vmRunsAt('vm1', 'hyp-a')).toBe(true);
    expect(rig.commands('migrate')).toBe(0);
    expect(rig.dump('gw-b')).toBe(before);
    // It goes away: the base rules come, and a second try completes.
    const gone = rig.simulation.switches
      .get('gw-b')!
      .tables.apply(flowModOf({ ...wanted, cookie: foreignCookie }, 'delete'), rig.now);
    expect(gone.ok).toBe(true);
    rig.harness.runUntil(rig.now + 35);
    expect(rig.leftovers([id])).toEqual([]);
    const second = rig.migrate();
    rig.finish(second.id);
    expect(rig.view(second.id)?.state).toBe('completed');
    expect(rig.leftovers([second.id])).toEqual([]);
  });

  it('are not overwritten when the switch could not be read: not known is not empty', () => {
    const rig = new Rig({ seed: 6 });
    const wanted = new Rig({ seed: 6 }).settle(1).rules('gw-b')[3]!;
    write(rig, 'gw-b', wanted);
    const isReady = (): boolean =>
      rig.harness.logs.some((l) => l.message === 'switch ready' && String(l.fields.detail).includes('gw-b'));
    rig.harness.runWhile(() => !isReady(), rig.now + 1, 0.0001);
    // The answer to the first read does not come in time.
    rig.freeze('gw-b');
    rig.harness.runUntil(rig.now + 7);
    expect(rig.harness.logs.map((l) => l.message)).toContain('rules could not be read');
    rig.frozen.clear();
    rig.settle(3);
    expect(foreign(rig, 'gw-b')).toEqual([ruleText({ ...wanted, cookie: foreignCookie })]);
  });

  it('under a key that a migration needs make it fail, with a reason, and stay', () => {
    for (const name of switches)
      for (const needed of rulesOfMigration(name)) {
        const rig = new Rig({ seed: 3 });
        write(rig, name, needed);
        rig.settle(1);
        const before = rig.dumps();
        const { id } = rig.migrate();
        rig.finish(id, 120);
        const told = `${name}: ${ruleText(needed)}`;
        expect(rig.view(id)?.state, told).toBe('failed');
        expect(rig.view(id)?.failureReason, told).toContain(`${name} refused rules: held by somebody else`);
        expect(rig.leftovers([id]), told).toEqual([]);
        expect(rig.dumps(), told).toEqual(before);
        expect(foreign(rig, name), told).toHaveLength(1);
        // Known after two round trips, not after a limit.
        const times = rig.view(id)!.phaseTransitions.map((t) => Date.parse(t.at));
        expect(times.at(-1)! - times.at(-2)!, told).toBeLessThan(2000);
      }
  });

  it('fill a table: the migration fails, with a reason, and everything is as before', () => {
    for (const tableId of [0, 1]) {
      const sizes = new Rig({ seed: 4 }).settle(1);
      const size = (name: string, table: number): number =>
        sizes.rules(name).filter((r) => r.tableId === table).length;
      const most = Math.max(...switches.flatMap((name) => [0, 1, 2].map((table) => size(name, table))));
      const rig = new Rig({ seed: 4, simulation: { maxTableEntries: most } }).settle(1);
      for (let i = size('hv-a', tableId); i < most; i++)
        write(rig, 'hv-a', {
          ...elsewhere,
          tableId,
          priority: 1000 + i,
          instructions: [],
          match: [{ field: 'in_port', value: 9 }],
        });
      const before = rig.dumps();
      const { id } = rig.migrate();
      rig.finish(id, 120);
      expect(rig.view(id)?.state, `table ${tableId}`).toBe('failed');
      expect(rig.view(id)?.failureReason, `table ${tableId}`).toMatch(/hv-a refused rules/);
      expect(rig.leftovers([id]), `table ${tableId}`).toEqual([]);
      expect(rig.dumps(), `table ${tableId}`).toEqual(before);
    }
  });

  it('are never deleted when our own leftovers beside them are', () => {
    const rig = new Rig({ seed: 5 }).settle(1);
    const { id } = rig.migrate();
    rig.harness.runUntil(rig.now + 0.3);
    // While the migration runs somebody takes the key of a base rule: ours is overwritten, theirs stays.
    const base = rig.rules('hv-a').find((r) => r.tableId === 2)!;
    write(rig, 'hv-a', base);
    rig.harness.dropConnection('hv-a');
    rig.finish(id, 200);
    const left = rig.rules('hv-a').filter((r) => r.cookie !== foreignCookie);
    expect(foreign(rig, 'hv-a')).toHaveLength(1);
    expect(rig.view(id)?.endedAt).not.toBeNull();
    expect(left.filter((r) => ((r.cookie >> 24n) & 0xffffffn) !== 0n)).toEqual([]);
  });
});
