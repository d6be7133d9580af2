import { describe, expect, it } from 'vitest';
import { RuleMaker } from '../../src/engine/rule-maker.js';
import {
  desiredRules,
  type NetworkState,
  type Rule,
  reuseRules,
  ruleFromStats,
  rulesFromStats,
  ruleText,
} from '../../src/network/index.js';
import { shippedTopology } from './support/topologies.js';

const topology = shippedTopology('two-dc');
const quiet: NetworkState = { vmLocation: new Map(), migrations: [], classes: [] };
const moving = (change: Partial<NetworkState['migrations'][number]>): NetworkState => ({
  ...quiet,
  migrations: [
    {
      ordinal: 7,
      epoch: 0,
      vm: 'vm1',
      source: 'hyp-a',
      destination: 'hyp-b',
      tcpPort: 49_152,
      stage: 'running',
      granted: true,
      ...change,
    },
  ],
});
const entryOf = (rule: Rule) =>
  structuredClone({
    table_id: rule.tableId,
    priority: rule.priority,
    match: rule.match,
    instructions: rule.instructions,
    cookie: rule.cookie,
    hard_timeout: rule.hardTimeoutSeconds,
  }) as Parameters<typeof ruleFromStats>[0];

describe('known rules', () => {
  const known = desiredRules(topology, 'gw-a', moving({ stage: 'staged', redirectSeconds: 10 }));

  it('are the same objects when a switch tells them', () => {
    const told = rulesFromStats(known.map(entryOf), known);
    for (const [i, rule] of told.entries()) expect(rule).toBe(known[i]);
  });

  it('are not mistaken for one that differs in anything', () => {
    for (const rule of known) {
      const entry = entryOf(rule);
      const others = [
        { ...entry, cookie: entry.cookie + 1n },
        { ...entry, hard_timeout: entry.hard_timeout + 1 },
        { ...entry, priority: entry.priority + 1 },
        { ...entry, table_id: entry.table_id + 1 },
        { ...entry, instructions: [...entry.instructions, { type: 'goto_table', table_id: 200 } as const] },
        { ...entry, match: [...entry.match, { field: 'udp_src', value: 0 } as const] },
        ...(entry.match.length > 0 ? [{ ...entry, match: entry.match.slice(1) }] : []),
      ];
      for (const other of others) {
        const [told] = rulesFromStats([other], known);
        expect(told).not.toBe(rule);
        expect(ruleText(told!)).toBe(ruleText(ruleFromStats(other)));
        expect(ruleText(told!)).not.toBe(ruleText(rule));
      }
    }
  });

  it('keep what a switch does not tell: whether they are leases and count anew', () => {
    const [rule] = known;
    for (const change of [{ lease: true }, { countsAnew: true }]) {
      const other = { ...rule!, ...change };
      expect(reuseRules([other], known)[0]).toBe(other);
    }
    expect(reuseRules([{ ...rule! }], known)[0]).toBe(rule);
  });
});

it('rules that are made from what was before are those that the state asks for, whatever came before', () => {
  const states = [
    quiet,
    moving({ stage: 'prepared' }),
    moving({ awaitsResume: true, stage: 'staged' }),
    moving({ awaitsResume: true, stage: 'staged', redirectSeconds: 12 }),
    moving({ awaitsResume: true, stage: 'staged', redirectSeconds: 0 }),
    { ...moving({ awaitsResume: true, stage: 'staged' }), vmLocation: new Map([['vm1', 'hyp-b']]) },
    { ...quiet, vmLocation: new Map([['vm1', 'hyp-b']]) },
    { ...quiet, linksDown: ['wan'] },
  ];
  const texts = (rules: readonly Rule[]): string[] =>
    rules.map((r) => `${ruleText(r)} ${r.lease} ${r.countsAnew}`);
  for (const { name } of topology.switches)
    for (const before of states)
      for (const after of states) {
        const maker = new RuleMaker();
        const first = maker.rulesOf(topology, name, before);
        const second = maker.rulesOf(topology, name, after);
        expect(texts(second)).toEqual(texts(desiredRules(topology, name, after)));
        if (before === after) expect(second).toBe(first);
      }
});
