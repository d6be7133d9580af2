import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readTopology } from '../../src/io/topology-file.js';
import { composeCookie, ruleStep } from '../../src/network/cookie.js';
import { type Rule, ruleFromStats, ruleKey } from '../../src/network/index.js';
import type { FlowStats, Message } from '../../src/openflow/index.js';
import { error, flowStats } from '../session/support/fake-switch.js';
import { DeskRig, emptyConfig, type FarEnd, nothingHeld } from './desk-rig.js';

const topology = readTopology(fileURLToPath(new URL('../../topologies/two-dc.yaml', import.meta.url)));
const cookie = composeCookie({ ordinal: 0, epoch: 0, step: ruleStep.base });
const rule = (tableId: number, priority: number): Rule => ({
  tableId,
  priority,
  match: [],
  instructions: [],
  cookie,
  hardTimeoutSeconds: 0,
});
const rules = (tableId: number, count: number): Rule[] =>
  Array.from({ length: count }, (_, i) => rule(tableId, 10 + i));

/** A switch without bundles whose tables hold `limit` entries each. */
class SmallSwitch {
  readonly entries = new Map<string, FlowStats>();
  adds = 0;
  reads = 0;
  /** flow_mods since the last barrier, and the most there ever were */
  private unconfirmed = 0;
  mostUnconfirmed = 0;
  private readonly rig: DeskRig;
  private end: FarEnd;
  private readonly dpid: string;

  limit: number;
  private readonly tellsLimit: boolean;

  constructor(rig: DeskRig, dpid: bigint, limit: number, tellsLimit = true) {
    this.rig = rig;
    this.limit = limit;
    this.tellsLimit = tellsLimit;
    this.dpid = dpid.toString(16).padStart(16, '0');
    this.end = rig.join(dpid);
    this.serve();
  }

  reconnect(): void {
    this.rig.lose(this.end);
    this.end = this.rig.join(BigInt(`0x${this.dpid}`));
  }

  get keeper() {
    return this.rig.desk.keepers.get(this.dpid)!;
  }

  desire(wanted: readonly Rule[]): void {
    this.keeper.desire(wanted, this.keeper.revision + 1, false);
    this.rig.turn((turn) => this.rig.desk.keepersChanged(turn));
    this.serve();
  }

  occupied(tableId: number): number {
    return [...this.entries.values()].filter((e) => e.table_id === tableId).length;
  }

  serve(): void {
    while (this.end.heard.length > 0) {
      const answers = this.end.heard.splice(0).flatMap((m) => this.answer(m));
      if (answers.length > 0) this.rig.say(this.end, ...answers);
    }
  }

  private answer(m: Message): Message[] {
    switch (m.type) {
      case 'echo_request':
        return [{ type: 'echo_reply', xid: m.xid, data: m.data }];
      case 'barrier_request':
        this.unconfirmed = 0;
        return [{ type: 'barrier_reply', xid: m.xid }];
      case 'bundle_control':
      case 'bundle_add_message':
        return [error(m.xid, 1, 3)];
      case 'flow_mod': {
        this.mostUnconfirmed = Math.max(this.mostUnconfirmed, ++this.unconfirmed);
        const stats = { ...flowStats(m.cookie), ...m, flags: 0 };
        const key = ruleKey(ruleFromStats(stats));
        if (m.command !== 0) this.entries.delete(key);
        else {
          this.adds += 1;
          if (!this.entries.has(key) && this.occupied(m.table_id) >= this.limit) return [error(m.xid, 5, 1)];
          this.entries.set(key, stats);
        }
        return [];
      }
      case 'multipart_request':
        return this.describe(m);
      default:
        return [];
    }
  }

  private describe(m: Extract<Message, { type: 'multipart_request' }>): Message[] {
    const head = { type: 'multipart_reply', xid: m.xid, flags: 0 } as const;
    if (m.mp_type === 'flow') {
      this.reads += 1;
      const all = [...this.entries.values()];
      return Array.from({ length: Math.max(1, Math.ceil(all.length / 1000)) }, (_, i) => ({
        ...head,
        mp_type: 'flow',
        flags: (i + 1) * 1000 < all.length ? 1 : 0,
        body: all.slice(i * 1000, (i + 1) * 1000),
      }));
    }
    if (m.mp_type !== 'table_features' || !this.tellsLimit) return [error(m.xid, 1, 2)];
    const table = { name: '', metadata_match: 0n, metadata_write: 0n, config: 0, properties: [] };
    const body = [0, 1, 2].map((table_id) => ({ ...table, table_id, max_entries: this.limit }));
    return [{ ...head, mp_type: 'table_features', body }];
  }
}

const setUp = (limit: number, tellsLimit = true) => {
  const rig = new DeskRig({ ...emptyConfig, topology });
  const [small, other] = [new SmallSwitch(rig, 1n, limit, tellsLimit), new SmallSwitch(rig, 2n, 1000)];
  const wait = (seconds: number): void => {
    for (let passed = 0; passed < seconds; passed += 0.5) {
      rig.wait(0.5);
      small.serve();
      other.serve();
    }
  };
  return { rig, small, other, wait };
};
const alarms = (rig: DeskRig) => rig.logged('error').filter((what) => what === 'a flow table is full');

describe('a full flow table', () => {
  it('is a state and one alarm, with what the switch tells of its size', () => {
    const { rig, small, wait } = setUp(10);
    small.desire(rules(1, 15));
    wait(2);
    expect(small.keeper.fullTable).toEqual({ tableId: 1, limit: 10, waiting: 5 });
    expect(small.keeper.refusal).toBe('table 1 is full (10 entries): 5 rules wait');
    expect(small.keeper.acknowledged).toBeLessThan(small.keeper.revision);
    wait(300);
    expect(alarms(rig)).toHaveLength(1);
    expect(rig.desk.views(rig.now)[0]!.rules.refusal).toContain('table 1 is full');
  });

  it.each([
    // Who knows the limit adds nothing in vain; who does not tries at 5, 15, 35, 75 s and then once a minute.
    [true, 15, 0],
    [false, 15, 9],
  ])('makes no storm of retries (size told: %s)', (tells, first, most) => {
    const { small, other, wait } = setUp(10, tells);
    small.desire(rules(1, 15));
    wait(2);
    expect(small.adds).toBe(first);
    const readsBefore = small.reads;
    wait(300);
    expect(small.adds - first).toBeLessThanOrEqual(5 * most);
    if (most > 0) expect(small.adds).toBeGreaterThan(first);
    expect(small.reads - readsBefore).toBeLessThanOrEqual(30);
    // The other switches go on as if nothing was.
    other.desire(rules(1, 40));
    wait(1);
    expect(other.occupied(1)).toBe(40);
    expect(other.keeper.acknowledged).toBe(other.keeper.revision);
  });

  it('is left when fewer rules are wanted, and when there is room again', () => {
    const { rig, small, wait } = setUp(10);
    small.desire(rules(1, 15));
    wait(2);
    small.desire(rules(1, 8));
    wait(1);
    expect([small.occupied(1), small.keeper.isFull, small.keeper.refusal]).toEqual([8, false, null]);
    small.desire(rules(1, 12));
    wait(2);
    expect(small.keeper.isFull).toBe(true);
    small.limit = 20;
    wait(6);
    expect([small.occupied(1), small.keeper.isFull]).toEqual([12, false]);
    expect(rig.logged('info').filter((what) => what === 'the flow table has room again')).toHaveLength(2);
  });

  it('does not keep rules out of other tables for longer than the retry', () => {
    const { small, wait } = setUp(10);
    small.desire([...rules(1, 15), ...rules(2, 3)]);
    wait(60);
    expect(small.keeper.fullTable?.tableId).toBe(1);
    small.desire(rules(2, 5));
    wait(2);
    expect([small.occupied(1), small.occupied(2)]).toEqual([0, 5]);
    expect(small.keeper.isFull).toBe(false);
  });

  it('takes out what is not wanted any more before it puts in what is, where both do not fit', () => {
    const { small, wait } = setUp(10);
    small.desire(rules(1, 10));
    wait(1);
    expect(small.occupied(1)).toBe(10);
    small.desire(Array.from({ length: 10 }, (_, i) => rule(1, 100 + i)));
    wait(8);
    expect([...small.entries.values()].map((e) => e.priority).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 10 }, (_, i) => 100 + i),
    );
    expect(small.keeper.isFull).toBe(false);
  });
});

describe('rules after a connection', () => {
  it('are read, compared, and sent in parts of at most 1000, with what a running migration wants', () => {
    const rig = new DeskRig({ ...emptyConfig, topology });
    const small = new SmallSwitch(rig, 1n, 10_000);
    small.desire(rules(1, 2500));
    for (let i = 0; i < 20; i++) small.serve();
    expect([small.occupied(1), small.keeper.acknowledged]).toEqual([2500, small.keeper.revision]);
    expect(small.mostUnconfirmed).toBe(1000);
    expect(small.adds).toBe(2500);
    // The connection breaks; somebody took two rules out and changed one: three messages make it true again.
    const keys = [...small.entries.keys()];
    for (const key of keys.slice(0, 2)) small.entries.delete(key);
    small.entries.set(keys[2]!, { ...small.entries.get(keys[2]!)!, hard_timeout: 9 });
    small.reconnect();
    for (let i = 0; i < 20; i++) small.serve();
    expect(small.adds).toBe(2503);
    expect(small.entries.size).toBe(2500);
    expect(small.keeper.acknowledged).toBe(small.keeper.revision);
  });

  it('go out as one bundle while they are at most 1000', () => {
    const rig = new DeskRig({ ...emptyConfig, topology });
    const end = rig.join(1n);
    const keeper = rig.desk.keepers.get('0000000000000001')!;
    for (const read of end.take('multipart_request')) rig.say(end, nothingHeld(read));
    keeper.desire(rules(1, 1000), 1, false);
    rig.turn((turn) => rig.desk.keepersChanged(turn));
    expect(end.take('bundle_add_message')).toHaveLength(1000);
    expect(end.take('bundle_control')).toHaveLength(1);
  });
});
