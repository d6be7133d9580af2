import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compareGroups,
  desiredRules,
  diffRules,
  flowModOf,
  groupModOf,
  groupsOf,
  isOurs,
  macOf,
  NetworkMap,
  type NetworkState,
  type Rule,
  ruleFromStats,
  ruleText,
  TableModel,
} from '../../src/network/index.js';
import { applyActions, flowMod, flowStatsRequest, match, output } from '../../src/openflow/builders.js';
import { shippedTopology } from '../network/support/topologies.js';
import { type Endpoint, packetBetween } from '../network/support/walker.js';
import { requireOrSkip } from '../support/require.js';
import { Exchange, type Line, PrivateOvs } from './support/private-ovs.js';

const topology = shippedTopology('three-site');
const map = new NetworkMap(topology);
const state = (at: string, more: Partial<NetworkState> = {}): NetworkState => ({
  vmLocation: new Map([['vm1', at]]),
  migrations: [],
  classes: [{ name: 'video', udpPort: 5004, dscp: 46 }],
  ...more,
});
const migration = {
  ordinal: 7,
  epoch: 1,
  vm: 'vm1',
  source: 'hyp-a',
  destination: 'hyp-b',
  tcpPort: 4907,
  stage: 'staged' as const,
  granted: true,
};

async function read(line: Line): Promise<Rule[]> {
  const { xid: _, ...request } = flowStatsRequest(0);
  line.session.request(request, 10, line.now);
  line.flush();
  const { message } = await line.next('reply');
  if (message.type !== 'multipart_reply' || message.mp_type !== 'flow') throw new Error('not a flow reply');
  return message.body.map(ruleFromStats);
}
async function finish(line: Line) {
  line.flush();
  return line.next('transaction');
}
/** The groups that the rules point at, made true as the rules are: read, compared, changed, and read again. */
async function installGroups(line: Line, desired: readonly Rule[]): Promise<void> {
  const differences = async () => {
    const request = { type: 'multipart_request', mp_type: 'group_desc', flags: 0, body: {} } as const;
    line.session.request(request, 10, line.now);
    line.flush();
    const { message } = await line.next('reply');
    if (message.type !== 'multipart_reply' || message.mp_type !== 'group_desc') throw new Error('not groups');
    return compareGroups(groupsOf(desired), message.body).changes;
  };
  const changes = await differences();
  if (changes.length === 0) return;
  line.session.transact(changes, line.now);
  expect(await finish(line)).toMatchObject({ ok: true, errors: [] });
  expect(await differences()).toEqual([]);
}

describe.skipIf(!requireOrSkip('ovs'))('with a real Open vSwitch', () => {
  let ovs: PrivateOvs | undefined;
  const exchange = new Exchange();
  const lines = new Map<string, Line>();

  beforeAll(async () => {
    await exchange.listen();
    ovs = await PrivateOvs.start();
    for (const s of topology.switches) {
      const before = exchange.lines.length;
      await ovs.addBridge(
        s.name,
        s.dpid,
        map.ports(s.name).map((p) => p.portName),
        exchange.port,
      );
      lines.set(s.name, await exchange.nextLine(before));
    }
  }, 60_000);
  afterAll(async () => {
    exchange.close();
    await ovs?.stop();
  }, 30_000);

  it('shakes hands and learns the ports by the names and numbers of the topology', async () => {
    for (const s of topology.switches) {
      const ready = await lines.get(s.name)!.next('ready');
      expect(ready.features.datapath_id.toString(16).padStart(16, '0')).toBe(s.dpid);
      const ports = ready.ports.filter((p) => p.port_no < 0xffffff00).map((p) => [p.port_no, p.name]);
      expect(ports.sort()).toEqual(map.ports(s.name).map((p) => [p.portNumber, p.portName]));
      expect(ready.description.mfr_desc).toContain('Nicira');
    }
  });

  it('installs every rule, and reads back what it installed', async () => {
    for (const s of topology.switches) {
      const line = lines.get(s.name)!;
      const desired = desiredRules(topology, s.name, state('hyp-a', { migrations: [migration] }));
      await installGroups(line, desired);
      line.session.transact(diffRules(desired, await read(line)), line.now);
      expect(await finish(line)).toMatchObject({ ok: true, errors: [] });
      const installed = await read(line);
      expect(installed.map(ruleText).sort()).toEqual(desired.map(ruleText).sort());
      expect(diffRules(desired, installed)).toEqual([]);
    }
  });

  it('forwards as the table model says it does', async () => {
    // The lease runs out on its own clock; without it both sides stay as they are.
    const wanted = state('hyp-a', { migrations: [{ ...migration, granted: false }] });
    let traced = 0;
    for (const s of topology.switches) {
      const line = lines.get(s.name)!;
      const desired = desiredRules(topology, s.name, wanted);
      await installGroups(line, desired);
      line.session.transact(diffRules(desired, await read(line)), line.now);
      expect(await finish(line)).toMatchObject({ ok: true });
      const model = new TableModel({ ports: map.ports(s.name).map((p) => p.portNumber) });
      for (const group of groupsOf(desired))
        expect(model.groups.apply({ ...groupModOf(group, 'add'), xid: 0 }).ok).toBe(true);
      for (const rule of desired) expect(model.apply(flowModOf(rule, 'add'), 0).ok).toBe(true);
      const ends: Endpoint[] = [...topology.hosts, ...topology.vms];
      for (const inPort of map.ports(s.name))
        for (const to of ends) {
          const from =
            inPort.peer.kind === 'host'
              ? inPort.peer.host
              : inPort.peer.kind === 'vm'
                ? inPort.peer.vm
                : ends[2]!;
          if (from === to) continue;
          for (const headers of [
            { udp_dst: 5004 },
            { udp_dst: 9, ip_dscp: 34 },
            { ip_proto: 6, tcp_src: 1, tcp_dst: 4907 },
          ] as Record<string, number>[]) {
            const { udp_src: _u, ...base } = packetBetween(from, to, headers) as Record<string, number>;
            const packet = headers.ip_proto === 6 ? base : { ...base, udp_src: 40000 };
            const { outputs } = model.lookup({ ...packet, in_port: inPort.portNumber });
            const text = await ovs!.appctl(
              'ofproto/trace',
              s.name,
              flowText(packet, from, to, inPort.portNumber),
            );
            const traceOutputs = [...text.matchAll(/^\s*output:(\d+)/gm)].map((m) => Number(m[1]));
            const hairpin = text.includes('skipping output to input port');
            expect(hairpin ? [] : traceOutputs, text).toEqual(outputs.map((o) => o.port));
            if (outputs.length > 0) {
              const tos = /^Final flow: .*nw_tos=(\d+)/m.exec(text)?.[1];
              expect(tos === undefined ? packet.ip_dscp : Number(tos) >> 2, text).toBe(
                outputs[0]!.fields.ip_dscp,
              );
            }
            traced += 1;
          }
        }
    }
    expect(traced).toBeGreaterThan(200);
  }, 120_000);

  it('flips a location in one bundle, and cleans up', async () => {
    for (const s of topology.switches) {
      const line = lines.get(s.name)!;
      const desired = desiredRules(topology, s.name, state('hyp-b'));
      line.session.bundle(diffRules(desired, await read(line)), line.now);
      expect(await finish(line)).toMatchObject({ ok: true, outcome: 'applied' });
      expect(diffRules(desired, await read(line))).toEqual([]);
    }
  });

  it('lets a bundle with one bad message change nothing, where a transaction changes something', async () => {
    const line = lines.get('gw-c')!;
    const before = (await read(line)).map(ruleText).sort();
    const good = flowMod({ table_id: 9, match: match({ in_port: 1 }), cookie: 0x77n });
    const bad = flowMod({
      table_id: 9,
      match: match({ in_port: 2 }),
      cookie: 0x77n,
      instructions: [applyActions(output(0xfffffff0))],
    });
    line.session.bundle([good, bad], line.now);
    const bundled = await finish(line);
    expect(bundled).toMatchObject({
      ok: false,
      outcome: 'rejected',
      rejections: [{ index: 1, errorType: 2 }],
    });
    expect((await read(line)).map(ruleText).sort()).toEqual(before);
    line.session.transact([good, bad], line.now);
    expect(await finish(line)).toMatchObject({
      ok: false,
      outcome: 'rejected',
      rejections: [{ index: 1, errorType: 2 }],
    });
    expect(await read(line)).toHaveLength(before.length + 1);
  });

  it('leaves the rules of others alone', async () => {
    const line = lines.get('gw-c')!;
    const before = await read(line);
    expect(before.filter((r) => !isOurs(r.cookie))).toHaveLength(1);
    const mods = diffRules([], before);
    expect(mods).toHaveLength(before.length - 1);
    line.session.transact(mods, line.now);
    expect(await finish(line)).toMatchObject({ ok: true });
    expect((await read(line)).map((r) => r.cookie)).toEqual([0x77n]);
  });

  it('reads a table of more than 64 KiB, written in parts', async () => {
    const line = lines.get('gw-c')!;
    const mods = Array.from({ length: 2500 }, (_, i) =>
      flowMod({
        table_id: 8,
        priority: 1000 + i,
        match: match({ in_port: 1, eth_type: 0x800, ipv4_dst: `10.${i >> 8}.${i & 255}.1` }),
        instructions: [applyActions(output(2))],
      }),
    );
    line.session.transact(mods, line.now);
    expect(await finish(line)).toMatchObject({ ok: true, unsent: 0 });
    expect(await read(line)).toHaveLength(2501);
  }, 60_000);

  it('tells each message that a full table refuses', async () => {
    const line = lines.get('hv-a')!;
    await ovs!.vsctl(
      '--',
      '--id=@t',
      'create',
      'flow_table',
      'flow_limit=3',
      'overflow_policy=refuse',
      '--',
      'set',
      'bridge',
      'hv-a',
      'flow_tables:7=@t',
    );
    const mods = Array.from({ length: 5 }, (_, i) =>
      flowMod({ table_id: 7, priority: i + 1, match: match({ in_port: 1 }) }),
    );
    line.session.transact(mods, line.now);
    expect(await finish(line)).toMatchObject({
      ok: false,
      errors: [3, 4].map((i) => `message ${i} (flow_mod): OFPET_FLOW_MOD_FAILED OFPFMFC_TABLE_FULL`),
    });
  });

  it('refuses a bridge that only speaks 1.0, with the command that mends it', async () => {
    const before = exchange.lines.length;
    await ovs!.addBridge('old', '00000000000000aa', [], exchange.port, 'OpenFlow10');
    const { reason } = await (await exchange.nextLine(before)).next('closed');
    await ovs!.vsctl('del-br', 'old');
    expect(reason.code).toBe('version');
    expect(reason.detail).toContain('offers OpenFlow 1.0');
    expect(reason.detail).toContain('protocols=OpenFlow10,OpenFlow13');
  }, 60_000);
});

/** The packet in the language of `ofproto/trace`. */
function flowText(packet: Record<string, number>, from: Endpoint, to: Endpoint, inPort: number): string {
  const mac = (text: string): string =>
    [...macOf(text)].map((b) => b.toString(16).padStart(2, '0')).join(':');
  const ports =
    packet.ip_proto === 6
      ? `tcp,tcp_src=${packet.tcp_src},tcp_dst=${packet.tcp_dst}`
      : `udp,udp_src=${packet.udp_src},udp_dst=${packet.udp_dst}`;
  return `in_port=${inPort},${ports},dl_src=${mac(from.mac)},dl_dst=${mac(to.mac)},nw_src=${from.ip},nw_dst=${to.ip},nw_tos=${(packet.ip_dscp ?? 0) << 2},nw_ttl=64`;
}
