import { describe, expect, it } from 'vitest';
import {
  compareGroups,
  desiredRules,
  firstGroupId,
  groupModOf,
  groupsOf,
  isOurGroup,
} from '../../src/network/index.js';
import { OFPG_ANY, OFPGC_ADD, OFPGT_ALL } from '../../src/openflow/constants.js';
import { shippedTopology } from '../network/support/topologies.js';
import { Rig } from './rig.js';

const topology = { ...shippedTopology('abilene'), traffic: [] };
const wanted = (name: string) =>
  groupsOf(desiredRules(topology, name, { vmLocation: new Map(), migrations: [], classes: [] }));
const groupsAt = (rig: Rig, name: string) => rig.simulation.switches.get(name)!.tables.groups;
const leftToDo = (rig: Rig, name: string) => compareGroups(wanted(name), groupsAt(rig, name).list());
const bucket = { weight: 0, watch_port: 1, watch_group: OFPG_ANY, actions: [] };
const groupAdd = (group_id: number) =>
  ({
    type: 'group_mod',
    xid: 0,
    command: OFPGC_ADD,
    group_type: OFPGT_ALL,
    group_id,
    buckets: [bucket],
  }) as const;
const settled = (rig: Rig): boolean =>
  rig.harness.view!.switches.every(
    (s) => s.rules.acknowledged === s.rules.revision && s.rules.refusal === null,
  );

describe('groups of a network', () => {
  it('are made before the rules that use them, on every switch', () => {
    const rig = new Rig({ seed: 1, topology }).settle();
    expect(settled(rig)).toBe(true);
    let groups = 0;
    for (const { name } of topology.switches) {
      expect(leftToDo(rig, name)).toEqual({ changes: [], deletes: [] });
      expect(rig.rules(name).length).toBeGreaterThan(20);
      groups += groupsAt(rig, name).list().length;
    }
    expect(groups).toBeGreaterThan(20);
    expect(rig.harness.logs.filter((l) => l.level === 'error')).toEqual([]);
  });

  it('are put right after a reconnection, what nothing uses goes, and what others hold stays', () => {
    const rig = new Rig({ seed: 2, topology }).settle();
    const here = groupsAt(rig, 'gw-kan');
    const [first, second] = here.list();
    const foreign = [7, firstGroupId - 1, firstGroupId + 0x4_0000];
    for (const id of [...foreign, firstGroupId + 0x3_0007]) expect(here.apply(groupAdd(id)).ok).toBe(true);
    // One of ours was changed by somebody, one is gone together with the rules that used it.
    here.apply({
      ...groupModOf({ groupId: first!.group_id, kind: 'failover', buckets: [] }, 'modify'),
      xid: 0,
    });
    here.apply({
      type: 'group_mod',
      xid: 0,
      command: 2,
      group_type: 0,
      group_id: second!.group_id,
      buckets: [],
    });
    const { tables } = rig.simulation.switches.get('gw-kan')!;
    const before = tables.entries().length;
    expect(tables.removeUsersOfGroup(second!.group_id).length).toBeGreaterThan(0);
    rig.harness.dropConnection('gw-kan');
    rig.settle(3);
    expect(settled(rig)).toBe(true);
    expect(leftToDo(rig, 'gw-kan')).toEqual({ changes: [], deletes: [] });
    expect(tables.entries()).toHaveLength(before);
    expect(here.list().flatMap((g) => (isOurGroup(g.group_id) ? [] : [g.group_id]))).toEqual(foreign);
  });

  it('carry probes on while a link has no signal', () => {
    const rig = new Rig({ seed: 3, topology }).settle();
    const user = topology.hosts.find((h) => h.role === 'user')!;
    expect(user.name).toBe('user-sea');
    rig.simulation.startTraffic();
    rig.settle(1);
    const at = rig.now;
    rig.simulation.setLinkUp('sea-den', false);
    rig.settle(2);
    for (const vm of topology.vms) {
      const probe = rig.simulation.summary(`probe-${vm.name}`, at + 0.2, rig.now - 0.2);
      expect([vm.name, probe.lossPercent]).toEqual([vm.name, 0]);
      expect(probe.receivedPackets).toBeGreaterThan(10);
    }
  });
});
