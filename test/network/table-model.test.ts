import { describe, expect, it } from 'vitest';
import { TableModel } from '../../src/network/index.js';
import {
  applyActions,
  bucket,
  flowMod,
  gotoTable,
  group,
  match,
  output,
  setField,
  setQueue,
  writeMetadata,
} from '../../src/openflow/builders.js';
import {
  type Action,
  type FlowMod,
  OFPFC_DELETE,
  OFPFC_DELETE_STRICT,
  OFPFC_MODIFY,
  OFPFC_MODIFY_STRICT,
  OFPFF_CHECK_OVERLAP,
  OFPFF_RESET_COUNTS,
  OFPG_ALL,
  OFPGC_ADD,
  OFPGC_DELETE,
  OFPGC_MODIFY,
  OFPGT_ALL,
  OFPGT_FF,
  OFPGT_SELECT,
  OFPP_CONTROLLER,
  OFPP_FLOOD,
  OFPP_IN_PORT,
  OFPRR_DELETE,
  OFPRR_HARD_TIMEOUT,
  OFPRR_IDLE_TIMEOUT,
  OFPTT_ALL,
} from '../../src/openflow/index.js';

const everything = {
  table_id: OFPTT_ALL,
  out_port: 0xffffffff,
  out_group: 0xffffffff,
  cookie: 0n,
  cookie_mask: 0n,
  match: [],
};
const add = (parts: Partial<FlowMod>): FlowMod => flowMod(parts);
const toPort = (port: number) => [applyActions(output(port))];
const port = (n: number) => match({ in_port: n });

function filled(...mods: readonly FlowMod[]): TableModel {
  const model = new TableModel({ ports: [1, 2, 3] });
  for (const mod of mods) expect(model.apply(mod, 0)).toMatchObject({ ok: true });
  return model;
}
const outputsOf = (model: TableModel, packet: Record<string, number>) =>
  model.lookup(packet).outputs.map((o) => o.port);

describe('adding', () => {
  it('lets the higher priority win, and a packet without match drop', () => {
    const model = filled(
      add({ priority: 1, instructions: toPort(2) }),
      add({ priority: 5, match: match({ in_port: 1, eth_type: 0x800 }), instructions: toPort(3) }),
    );
    expect(outputsOf(model, { in_port: 1, eth_type: 0x800 })).toEqual([3]);
    expect(outputsOf(model, { in_port: 1, eth_type: 0x806 })).toEqual([2]);
    expect(new TableModel().lookup({ in_port: 1 })).toMatchObject({ outputs: [], missedTable: 0 });
  });

  it('replaces the rule of the same key: new actions, cookie and timeouts, old counters', () => {
    const model = filled(
      add({ priority: 5, match: port(1), cookie: 1n, hard_timeout: 3, instructions: toPort(2) }),
    );
    model.lookup({ in_port: 1 }).entries[0]!.count(100, 1);
    model.apply(
      add({ priority: 5, match: port(1), cookie: 2n, hard_timeout: 3, instructions: toPort(3) }),
      2,
    );
    expect(model.stats(everything, 4)).toMatchObject([
      { cookie: 2n, packet_count: 1n, byte_count: 100n, duration_sec: 2 },
    ]);
    expect(model.nextDeadlineSeconds()).toBe(5);
    model.apply(add({ priority: 5, match: port(1), flags: OFPFF_RESET_COUNTS }), 2);
    expect(model.stats(everything, 4)).toMatchObject([{ packet_count: 0n, instructions: [] }]);
  });

  it('refuses an overlap where that was asked for, and only there', () => {
    const model = filled(add({ priority: 5, match: port(1) }));
    const clash = add({ priority: 5, match: match({ eth_type: 0x800 }), flags: OFPFF_CHECK_OVERLAP });
    expect(model.apply(clash, 0)).toEqual({ ok: false, error: { errorType: 5, errorCode: 3 } });
    expect(model.apply({ ...clash, priority: 6 }, 0).ok).toBe(true);
    expect(model.apply({ ...clash, match: port(2) }, 0).ok).toBe(true);
    expect(model.apply({ ...clash, flags: 0 }, 0).ok).toBe(true);
  });

  it.each([
    ['a table that is not there', { table_id: 9 }, 5, 2],
    ['a jump back', { table_id: 2, instructions: [gotoTable(2)] }, 3, 2],
    ['a jump out of the pipeline', { instructions: [gotoTable(4)] }, 3, 2],
    ['a port that is not there', { instructions: toPort(77) }, 2, 4],
    ['a group that is not there', { instructions: [applyActions(group(1))] }, 2, 9],
    ['an unknown command', { command: 9 }, 5, 6],
  ])('refuses %s', (_, parts, errorType, errorCode) => {
    const model = new TableModel({ tables: 4, ports: [1] });
    expect(model.apply(flowMod(parts), 0)).toEqual({ ok: false, error: { errorType, errorCode } });
    expect(model.entries()).toEqual([]);
  });

  it('refuses one more than fits, and still replaces', () => {
    const model = new TableModel({ maxEntries: 2 });
    expect([1, 2, 3].map((n) => model.apply(add({ match: port(n) }), 0).ok)).toEqual([true, true, false]);
    expect(model.apply(add({ match: port(3) }), 0)).toEqual({
      ok: false,
      error: { errorType: 5, errorCode: 1 },
    });
    expect(model.apply(add({ match: port(2), cookie: 9n }), 0).ok).toBe(true);
    expect(model.apply(add({ match: port(3), table_id: 1 }), 0).ok).toBe(true);
  });
});

describe('modifying', () => {
  const model = () =>
    filled(
      add({
        priority: 5,
        match: match({ in_port: 1 }),
        cookie: 0x10n,
        hard_timeout: 9,
        instructions: toPort(2),
      }),
      add({
        priority: 6,
        match: match({ in_port: 1, eth_type: 0x800 }),
        cookie: 0x11n,
        instructions: toPort(2),
      }),
    );
  const changed = (parts: Partial<FlowMod>) => {
    const m = model();
    expect(m.apply(flowMod({ instructions: toPort(3), ...parts }), 1).ok).toBe(true);
    return m
      .stats(everything, 1)
      .map((f) => (JSON.stringify(f.instructions).includes('"port":3') ? f.priority : 0));
  };

  it('strictly concerns the key, loosely everything it covers, by cookie what agrees in the mask', () => {
    expect(changed({ command: OFPFC_MODIFY, match: port(1) })).toEqual([6, 5]);
    expect(changed({ command: OFPFC_MODIFY, match: match({ in_port: 1, eth_type: 0x800 }) })).toEqual([6, 0]);
    expect(changed({ command: OFPFC_MODIFY_STRICT, match: port(1), priority: 5 })).toEqual([0, 5]);
    expect(changed({ command: OFPFC_MODIFY_STRICT, match: port(1), priority: 6 })).toEqual([0, 0]);
    expect(changed({ command: OFPFC_MODIFY, cookie: 0x11n, cookie_mask: 0xfn })).toEqual([6, 0]);
    expect(changed({ command: OFPFC_MODIFY, cookie: 0x1fn, cookie_mask: 0xf0n })).toEqual([6, 5]);
  });

  it('leaves cookie, timeout and age alone', () => {
    const m = model();
    m.apply(flowMod({ command: OFPFC_MODIFY, cookie_mask: 0n, cookie: 99n, instructions: toPort(3) }), 4);
    expect(m.stats(everything, 4)[1]).toMatchObject({ cookie: 0x10n, hard_timeout: 9, duration_sec: 4 });
  });
});

describe('deleting', () => {
  const model = () =>
    filled(
      add({ priority: 5, match: port(1), cookie: 0x5354n, instructions: toPort(2) }),
      add({ priority: 6, match: port(1), cookie: 0x1n, instructions: toPort(3) }),
      add({
        table_id: 1,
        priority: 5,
        match: match({ eth_type: 0x800 }),
        cookie: 0x5354n,
        instructions: toPort(3),
      }),
    );
  const left = (parts: Partial<FlowMod>) => {
    const m = model();
    const result = m.apply(flowMod({ command: OFPFC_DELETE, ...parts }), 1);
    if (!result.ok) throw new Error('refused');
    expect(result.removed.every((r) => r.reason === OFPRR_DELETE)).toBe(true);
    expect(result.removed.length + m.entries().length).toBe(3);
    return m.entries().map((e) => `${e.tableId}/${e.priority}`);
  };

  it('works by table, match, cookie, port; strictly by key', () => {
    expect(left({ table_id: OFPTT_ALL })).toEqual([]);
    expect(left({ table_id: 0 })).toEqual(['1/5']);
    expect(left({ table_id: OFPTT_ALL, cookie: 0x5354n, cookie_mask: 0xffffn })).toEqual(['0/6']);
    expect(left({ table_id: OFPTT_ALL, out_port: 3 })).toEqual(['0/5']);
    expect(left({ table_id: 0, match: port(2) })).toEqual(['0/6', '0/5', '1/5']);
    expect(left({ command: OFPFC_DELETE_STRICT, match: port(1), priority: 6 })).toEqual(['0/5', '1/5']);
    expect(
      left({ command: OFPFC_DELETE_STRICT, match: port(1), priority: 6, cookie: 2n, cookie_mask: 0xfn }),
    ).toEqual(['0/6', '0/5', '1/5']);
  });
});

describe('timeouts', () => {
  it('remove by the hard one at its instant, by the idle one counted from the last packet', () => {
    const model = filled(
      add({ priority: 1, match: port(1), hard_timeout: 3 }),
      add({ priority: 2, match: port(2), idle_timeout: 2 }),
      add({ priority: 3, match: port(3) }),
    );
    expect(model.nextDeadlineSeconds()).toBe(2);
    model.lookup({ in_port: 2 }).entries[0]!.count(60, 1.5);
    expect(model.expire(2.9)).toEqual([]);
    expect(model.expire(3).map((r) => [r.entry.priority, r.reason])).toEqual([[1, OFPRR_HARD_TIMEOUT]]);
    expect(model.expire(3.5).map((r) => [r.entry.priority, r.reason])).toEqual([[2, OFPRR_IDLE_TIMEOUT]]);
    expect(model.nextDeadlineSeconds()).toBeUndefined();
    expect(model.entries()).toHaveLength(1);
  });
});

describe('the pipeline', () => {
  it('goes through tables with metadata, rewrites fields, sets the queue, and says what it passed', () => {
    const model = filled(
      add({ instructions: [applyActions(setField('ip_dscp', 34), setQueue(1)), gotoTable(1)] }),
      add({
        table_id: 1,
        match: match({ ip_dscp: 34 }),
        instructions: [writeMetadata(0x20002n, 0xffffn), gotoTable(2)],
      }),
      add({ table_id: 2, match: match({ metadata: [2n, 0xffffffffn] }), instructions: toPort(2) }),
    );
    const result = model.lookup({ in_port: 1, ip_dscp: 0 });
    expect(result.outputs).toEqual([
      { port: 2, queueId: 1, fields: { in_port: 1, ip_dscp: 34, metadata: 2 } },
    ]);
    expect(result.entries.map((e) => e.tableId)).toEqual([0, 1, 2]);
    expect(result.missedTable).toBeUndefined();
  });

  it('forgets the action set on a miss, but not what was applied before', () => {
    const model = filled(
      add({
        instructions: [
          { type: 'write_actions', actions: [output(2)] },
          applyActions(output(3)),
          gotoTable(1),
        ],
      }),
    );
    expect(model.lookup({ in_port: 1 })).toMatchObject({ outputs: [{ port: 3 }], missedTable: 1 });
  });

  it('runs the action set in its order, with clear and overwriting', () => {
    const write = (...actions: Action[]) => ({
      type: 'write_actions' as const,
      actions,
    });
    const model = filled(
      add({ instructions: [write(output(2)), gotoTable(1)] }),
      add({
        table_id: 1,
        match: port(1),
        instructions: [write(output(3), setField('ip_dscp', 8), setQueue(2))],
      }),
      add({ table_id: 1, match: port(3), instructions: [{ type: 'clear_actions' }] }),
    );
    expect(model.lookup({ in_port: 1 }).outputs).toMatchObject([
      { port: 3, queueId: 2, fields: { ip_dscp: 8 } },
    ]);
    expect(model.lookup({ in_port: 3 }).outputs).toEqual([]);
  });

  it('never sends a packet back unless told so, floods to all others, and copies to the controller', () => {
    const model = filled(
      add({ priority: 1, match: port(1), instructions: toPort(1) }),
      add({
        priority: 1,
        match: port(2),
        instructions: [applyActions(output(OFPP_IN_PORT), output(OFPP_CONTROLLER, 128))],
      }),
      add({ priority: 1, match: port(3), instructions: [applyActions(output(OFPP_FLOOD))] }),
    );
    expect(outputsOf(model, { in_port: 1 })).toEqual([]);
    expect(model.lookup({ in_port: 2 })).toMatchObject({
      outputs: [{ port: 2 }],
      toController: [{ maxBytes: 128 }],
    });
    expect(outputsOf(model, { in_port: 3 })).toEqual([1, 2]);
  });
});

describe('groups', () => {
  const groupMod = (command: number, group_id: number, group_type: number, ...ports: number[]) => ({
    type: 'group_mod' as const,
    xid: 0,
    command,
    group_type,
    group_id,
    buckets: ports.map((p) => bucket([output(p)], { weight: 1, watch_port: p })),
  });
  const withGroup = (type: number, ...ports: number[]): TableModel => {
    const model = new TableModel({ ports: [1, 2, 3] });
    expect(model.groups.apply(groupMod(OFPGC_ADD, 1, type, ...ports)).ok).toBe(true);
    model.apply(add({ instructions: [applyActions(group(1))] }), 0);
    return model;
  };

  it('of type all copy, of type fast failover use the first live bucket', () => {
    expect(outputsOf(withGroup(OFPGT_ALL, 2, 3), { in_port: 1 })).toEqual([2, 3]);
    const failover = withGroup(OFPGT_FF, 2, 3);
    expect(outputsOf(failover, { in_port: 1 })).toEqual([2]);
    failover.groups.downPorts.add(2);
    expect(outputsOf(failover, { in_port: 1 })).toEqual([3]);
    failover.groups.downPorts.add(3);
    expect(outputsOf(failover, { in_port: 1 })).toEqual([]);
  });

  it('of type select keep a stream together and spread streams', () => {
    const model = withGroup(OFPGT_SELECT, 2, 3);
    const chosen = Array.from(
      { length: 64 },
      (_, i) => outputsOf(model, { in_port: 1, tcp_src: 1000 + i })[0],
    );
    expect(new Set(chosen)).toEqual(new Set([2, 3]));
    expect(outputsOf(model, { in_port: 1, tcp_src: 1000 })).toEqual([chosen[0]]);
    model.groups.downPorts.add(2);
    expect(outputsOf(model, { in_port: 1, tcp_src: 1000 })).toEqual([3]);
  });

  it('answer with errors, and take the rules that use them along', () => {
    const model = withGroup(OFPGT_ALL, 2);
    expect(model.groups.apply(groupMod(OFPGC_ADD, 1, OFPGT_ALL))).toMatchObject({
      ok: false,
      error: { errorCode: 0 },
    });
    expect(model.groups.apply(groupMod(OFPGC_MODIFY, 2, OFPGT_ALL))).toMatchObject({
      ok: false,
      error: { errorCode: 8 },
    });
    expect(model.groups.apply(groupMod(OFPGC_DELETE, OFPG_ALL, 0))).toEqual({ ok: true, removedGroups: [1] });
    expect(model.removeUsersOfGroup(1)).toHaveLength(1);
    expect(model.entries()).toEqual([]);
  });
});

describe('the dump', () => {
  it('is the same for the same tables, however they came about', () => {
    const rules = [
      add({ priority: 1, match: port(1) }),
      add({ priority: 2, match: port(2), instructions: toPort(3) }),
    ];
    const forward = filled(...rules);
    const backward = filled(...[...rules].reverse());
    forward.lookup({ in_port: 1 }).entries[0]!.count(1000, 5);
    expect(forward.dump()).toBe(backward.dump());
    expect(forward.dump()).toContain('table=0,priority=2,in_port=0x2 cookie=0x0 actions=apply(output(3))');
    expect(filled(rules[0]!).dump()).not.toBe(forward.dump());
    const { revision } = forward;
    forward.clear();
    expect(forward.dump()).toBe('');
    expect(forward.revision).toBeGreaterThan(revision);
  });
});
