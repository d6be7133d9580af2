import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareRules,
  composeCookie,
  desiredRules,
  diffRules,
  type FlowModBody,
  groupModOf,
  groupsOf,
  isOurs,
  type NetworkState,
  type Rule,
  ruleFromStats,
  ruleText,
  TableModel,
} from '../../src/network/index.js';
import { applyActions, flowMod, gotoTable, match, output, setField } from '../../src/openflow/builders.js';
import { OFPFC_ADD } from '../../src/openflow/index.js';
import { shippedTopology } from './support/topologies.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const everything = {
  table_id: 0xff,
  out_port: 0xffffffff,
  out_group: 0xffffffff,
  cookie: 0n,
  cookie_mask: 0n,
  match: [],
};
const read = (model: TableModel): Rule[] => model.stats(everything, 0).map(ruleFromStats);
const applyAll = (model: TableModel, mods: readonly FlowModBody[]): void => {
  for (const mod of mods) expect(model.apply(mod, 0)).toMatchObject({ ok: true });
};

/** A small world, so that keys meet often. */
const rule = (cookie: fc.Arbitrary<bigint>): fc.Arbitrary<Rule> =>
  fc.record({
    tableId: fc.nat(2),
    priority: fc.integer({ min: 1, max: 2 }),
    match: fc.integer({ min: 1, max: 3 }).map((n) => match({ in_port: n })),
    instructions: fc.constantFrom(
      [],
      [applyActions(output(1))],
      [gotoTable(3)],
      [applyActions(setField('ip_dscp', 10), output(2)), gotoTable(3)],
    ),
    cookie,
    hardTimeoutSeconds: fc.constantFrom(0, 3),
  });
const oneForEachKey = {
  selector: (r: Rule) =>
    `${r.tableId} ${r.priority} ${ruleText({ ...r, cookie: 0n, instructions: [], hardTimeoutSeconds: 0 })}`,
  maxLength: 12,
};
const ourCookie = fc.nat(3).map((ordinal) => composeCookie({ ordinal, epoch: 1, step: 0 }));
const foreignCookie = fc.constantFrom(0n, 1n, 0x5355n << 48n, 0x5354n, (0x5354n << 48n) - 1n);
const ours = fc.uniqueArray(rule(ourCookie), oneForEachKey);
const mixed = fc.uniqueArray(rule(fc.oneof(ourCookie, foreignCookie)), oneForEachKey);

function tableWith(rules: readonly Rule[]): TableModel {
  const model = new TableModel();
  for (const group of groupsOf(rules)) model.groups.apply({ ...groupModOf(group, 'add'), xid: 0 });
  applyAll(
    model,
    rules.map((r) =>
      flowMod({
        table_id: r.tableId,
        priority: r.priority,
        match: r.match,
        instructions: r.instructions,
        cookie: r.cookie,
        hard_timeout: r.hardTimeoutSeconds,
      }),
    ),
  );
  return model;
}

describe('the difference', () => {
  it('applied once leaves nothing to do, and rules of others as they were', () => {
    fc.assert(
      fc.property(mixed, ours, (installed, desired) => {
        const model = tableWith(installed);
        const foreign = (m: TableModel) =>
          read(m)
            .filter((r) => !isOurs(r.cookie))
            .map(ruleText)
            .sort();
        const before = foreign(model);
        const { conflicts } = compareRules(desired, read(model));
        applyAll(model, diffRules(desired, read(model)));
        expect(diffRules(desired, read(model))).toEqual([]);
        expect(foreign(model)).toEqual(before);
        const there = read(model)
          .filter((r) => isOurs(r.cookie))
          .map(ruleText)
          .sort();
        const wanted = desired
          .filter((r) => !conflicts.includes(r))
          .map(ruleText)
          .sort();
        expect(there).toEqual(wanted);
      }),
      { numRuns: 300 * scale },
    );
  });

  it('may be applied twice, or broken off and started again at any place', () => {
    fc.assert(
      fc.property(mixed, ours, fc.nat(30), (installed, desired, cut) => {
        const mods = diffRules(desired, read(tableWith(installed)));
        const once = tableWith(installed);
        applyAll(once, mods);
        const twice = tableWith(installed);
        applyAll(twice, [...mods, ...mods]);
        expect(twice.dump()).toBe(once.dump());
        const replayed = tableWith(installed);
        applyAll(replayed, [...mods.slice(0, cut), ...mods]);
        expect(replayed.dump()).toBe(once.dump());
        const resumed = tableWith(installed);
        applyAll(resumed, mods.slice(0, cut));
        applyAll(resumed, diffRules(desired, read(resumed)));
        expect(resumed.dump()).toBe(once.dump());
      }),
      { numRuns: 300 * scale },
    );
  });

  it('adds before it deletes, later tables first, and names only our cookies', () => {
    fc.assert(
      fc.property(mixed, ours, (installed, desired) => {
        const mods = diffRules(desired, read(tableWith(installed)));
        const adds = mods.filter((m) => m.command === OFPFC_ADD);
        expect(mods.slice(0, adds.length)).toEqual(adds);
        expect(adds.map((m) => m.table_id)).toEqual(adds.map((m) => m.table_id).sort((a, b) => b - a));
        for (const mod of mods) {
          expect(isOurs(mod.cookie)).toBe(true);
          if (mod.command !== OFPFC_ADD) expect(mod.cookie_mask).toBe(0xffff_ffff_ffff_ffffn);
        }
      }),
      { numRuns: 200 * scale },
    );
  });

  it('does not add what would overwrite a rule of somebody else, and says so', () => {
    const want: Rule = {
      tableId: 0,
      priority: 1,
      match: match({ in_port: 1 }),
      instructions: [],
      cookie: composeCookie({ ordinal: 0, epoch: 0, step: 0 }),
      hardTimeoutSeconds: 0,
    };
    const theirs = { ...want, cookie: 77n };
    expect(compareRules([want], [theirs])).toEqual({ adds: [], deletes: [], conflicts: [want] });
    expect(diffRules([want], [])).toHaveLength(1);
  });

  it('sees another cookie, timeout or action as another rule, and a read-back form as the same', () => {
    const want: Rule = {
      tableId: 2,
      priority: 9,
      match: match({ metadata: [1n, 0xffffn], eth_type: 0x800, ipv4_dst: '10.0.0.1' }),
      instructions: [applyActions(output(4)), gotoTable(3)],
      cookie: composeCookie({ ordinal: 3, epoch: 1, step: 1 }),
      hardTimeoutSeconds: 3,
      lease: true,
    };
    const asRead = {
      ...want,
      match: [...match({ ipv4_dst: '10.0.0.1/32', eth_type: 0x800, metadata: [1n, 0xffffn] })].reverse(),
      instructions: [gotoTable(3), applyActions(output(4, 0xffff))],
      lease: false,
    };
    expect(diffRules([want], [asRead])).toEqual([]);
    for (const other of [
      { cookie: composeCookie({ ordinal: 3, epoch: 2, step: 1 }) },
      { hardTimeoutSeconds: 0 },
      { instructions: [applyActions(output(5)), gotoTable(3)] },
    ])
      expect(diffRules([want], [{ ...asRead, ...other }])).toMatchObject([
        { command: OFPFC_ADD, cookie: want.cookie, hard_timeout: 3 },
      ]);
  });

  it('refuses desired rules that contradict each other or are not ours', () => {
    const want: Rule = {
      tableId: 0,
      priority: 1,
      match: [],
      instructions: [],
      cookie: composeCookie({ ordinal: 0, epoch: 0, step: 0 }),
      hardTimeoutSeconds: 0,
    };
    expect(() => diffRules([want, { ...want, instructions: [gotoTable(1)] }], [])).toThrow(/one key/);
    expect(() => diffRules([{ ...want, cookie: 5n }], [])).toThrow(/our cookie/);
  });

  it('between two states of a real network costs what changed, not what is there', () => {
    const topology = shippedTopology('three-site');
    const move = { ordinal: 1, epoch: 0, vm: 'vm1', source: 'hyp-a', destination: 'hyp-b', tcpPort: 4901 };
    const migrations = [{ ...move, stage: 'staged', granted: true, awaitsResume: true } as const];
    const at = (host: string): NetworkState => ({
      vmLocation: new Map([['vm1', host]]),
      migrations,
      classes: [],
    });
    for (const s of topology.switches) {
      const model = tableWith(desiredRules(topology, s.name, at('hyp-a')));
      const mods = diffRules(desiredRules(topology, s.name, at('hyp-b')), read(model));
      expect(mods).toHaveLength(1);
      expect(mods[0]).toMatchObject({ command: OFPFC_ADD, table_id: 1, priority: 100 });
    }
  });
});
