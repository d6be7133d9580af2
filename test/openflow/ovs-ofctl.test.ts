import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import * as build from '../../src/openflow/builders.js';
import { decodeMessage, encodeMessage } from '../../src/openflow/codec.js';
import * as of from '../../src/openflow/constants.js';
import { formatFlow, formatInstructions } from '../../src/openflow/format-flow.js';
import { formatMatch } from '../../src/openflow/format-match.js';
import type { Action, FlowMod, Message } from '../../src/openflow/generated/types.js';
import { toHex } from '../../src/openflow/hex.js';
import { SlabWriter } from '../../src/openflow/slab-writer.js';
import { requireOrSkip } from '../support/require.js';
import { golden } from './golden-files.js';

/** What Open vSwitch reads in our bytes, and whether we print flows as it does. */

/** The printer alone is enough, it needs no right to make namespaces; CI requires the whole of `ovs`. */
const printer = spawnSync('ovs-ofctl', ['--version'], { timeout: 10_000 }).status === 0;
const usable = printer || requireOrSkip('ovs');

function ofpPrint(hex: string): string {
  const run = spawnSync('ovs-ofctl', ['ofp-print', hex], { encoding: 'utf8', timeout: 10_000 });
  return run.stdout;
}

function ours(message: Message): string {
  const writer = new SlabWriter();
  encodeMessage(message, writer);
  return ofpPrint(toHex(writer.finish())).trim();
}

describe.skipIf(!usable)('ovs-ofctl reads what we write', () => {
  const tcp = { in_port: 1, eth_type: 0x0800, ip_proto: 6, ipv4_dst: '10.0.0.2', tcp_dst: 4901 } as const;
  const rules: readonly (readonly [string, FlowMod])[] = [
    [
      'granted',
      build.flowMod({
        cookie: 0x5354_0000_0100_0102n,
        priority: 300,
        hard_timeout: 3,
        match: build.match(tcp),
        instructions: [
          build.applyActions(build.setField('ip_dscp', 34), build.setQueue(1)),
          build.gotoTable(1),
        ],
      }),
    ],
    [
      'location',
      build.flowMod({
        table_id: 1,
        priority: 10,
        match: build.match({ eth_dst: '02:00:00:00:00:0a' }),
        instructions: [build.writeMetadata(2n, 0xffn), build.gotoTable(2)],
      }),
    ],
    [
      'path',
      build.flowMod({
        table_id: 2,
        priority: 9,
        match: build.match({ metadata: [2n, 0xffn] }),
        instructions: [build.meter(7), build.applyActions(build.group(5))],
      }),
    ],
    [
      'vlan',
      build.flowMod({
        priority: 8,
        match: build.match({ vlan_vid: 0x1064, vlan_pcp: 3 }),
        instructions: [build.applyActions({ type: 'pop_vlan' }, build.output(of.OFPP_LOCAL))],
      }),
    ],
    [
      'tag',
      build.flowMod({
        priority: 8,
        match: build.match({ eth_type: 0x86dd, ipv6_dst: '2001:db8::/32', ipv6_flabel: 0x12345 }),
        instructions: [
          build.applyActions(
            { type: 'push_vlan', ethertype: 0x8100 },
            build.setField('vlan_vid', 0x1064),
            build.output(2),
          ),
        ],
      }),
    ],
    [
      'arp',
      build.flowMod({
        priority: 7,
        match: build.match({ eth_type: 0x0806, arp_op: 1, arp_tpa: '10.0.0.0/24' }),
        instructions: [build.applyActions(build.toController(128))],
      }),
    ],
    [
      'neighbour',
      build.flowMod({
        priority: 6,
        match: build.match({ eth_type: 0x86dd, ip_proto: 58, icmpv6_type: 135, ipv6_nd_target: 'fe80::1' }),
      }),
    ],
    [
      'label',
      build.flowMod({
        priority: 5,
        match: build.match({ eth_type: 0x8847, mpls_label: 99 }),
        instructions: [
          build.applyActions({ type: 'dec_mpls_ttl' }, { type: 'pop_mpls', ethertype: 0x0800 }),
          { type: 'clear_actions' },
        ],
      }),
    ],
    [
      'set',
      build.flowMod({
        priority: 4,
        match: build.match({ eth_type: 0x0800, ip_proto: 17, udp_dst: 5004 }),
        instructions: [
          {
            type: 'write_actions',
            actions: [
              build.setField('eth_dst', '02:00:00:00:00:01'),
              build.setField('ipv4_src', '10.0.0.9'),
              build.output(3),
            ],
          },
        ],
      }),
    ],
  ];

  it.each(rules)('rule %s, and prints it as we do', (_, rule) => {
    const text = ours(rule);
    const table = rule.table_id === 0 ? '' : `table:${rule.table_id} `;
    expect(text).toContain(`ADD ${table}priority=${rule.priority},${formatMatch(rule.match)}`);
    expect(text).toMatch(
      new RegExp(`actions=${formatInstructions(rule.instructions).replace(/[()|.]/g, '\\$&')}$`),
    );
    if (rule.cookie !== 0n) expect(text).toContain(`cookie:0x${rule.cookie.toString(16)}`);
    if (rule.hard_timeout !== 0) expect(text).toContain(`hard:${rule.hard_timeout}`);
  });

  const action: Action = build.output(2);
  it.each<readonly [string, Message]>([
    ['OFPT_HELLO (OF1.3) (xid=0x5):\n version bitmap: 0x04', build.hello(5, [4])],
    ['OFPT_BARRIER_REQUEST (OF1.3) (xid=0x5):', { type: 'barrier_request', xid: 5 }],
    [
      'role=primary generation_id=77',
      { type: 'role_request', xid: 5, role: of.OFPCR_ROLE_MASTER, generation_id: 77n },
    ],
    [
      'ADD group_id=5,type=ff,bucket=watch_port:1,actions=output:2',
      {
        type: 'group_mod',
        xid: 5,
        command: 0,
        group_type: of.OFPGT_FF,
        group_id: 5,
        buckets: [build.bucket([action], { watch_port: 1 })],
      },
    ],
    [
      'ADD meter=7 kbps burst bands=\ntype=drop rate=20000 burst_size=4000',
      {
        type: 'meter_mod',
        xid: 5,
        command: 0,
        flags: of.OFPMF_KBPS | of.OFPMF_BURST,
        meter_id: 7,
        bands: [{ type: 'drop', rate: 20000, burst_size: 4000 }],
      },
    ],
    ['OFPST_PORT request (OF1.3) (xid=0x5): port_no=ANY', build.portStatsRequest(5)],
    ['OFPST_QUEUE request (OF1.3) (xid=0x5): port=ANY queue=ALL', build.queueStatsRequest(5)],
    [
      'OFPST_FLOW request (OF1.3) (xid=0x5): table=3 in_port=1',
      build.flowStatsRequest(5, { table_id: 3, match: build.match({ in_port: 1 }) }),
    ],
    [
      'bundle_id=0x9 type=COMMIT_REQUEST flags=atomic ordered',
      {
        type: 'bundle_control',
        xid: 5,
        bundle_id: 9,
        control_type: of.OFPBCT_COMMIT_REQUEST,
        flags: 3,
        properties: [],
      },
    ],
    [
      'bundle_id=0x9 flags=atomic ordered\nOFPT_FLOW_MOD (OF1.3) (xid=0x5): ADD priority=3 actions=drop',
      {
        type: 'bundle_add_message',
        xid: 5,
        bundle_id: 9,
        flags: 3,
        message: build.flowMod({ xid: 5, priority: 3 }),
        properties: [],
      },
    ],
    [
      'in_port=CONTROLLER actions=output:2 data_len=14',
      build.packetOut(new Uint8Array(14), [action], { xid: 5 }),
    ],
    [
      'port: 3: addr:02:00:00:00:00:03',
      {
        type: 'port_mod',
        xid: 5,
        port_no: 3,
        hw_addr: Uint8Array.of(2, 0, 0, 0, 0, 3),
        config: 1,
        mask: 1,
        advertise: 0,
      },
    ],
    [
      'frags=drop miss_send_len=128',
      { type: 'set_config', xid: 5, flags: of.OFPC_FRAG_DROP, miss_send_len: 128 },
    ],
    [
      'OFPT_ECHO_REQUEST (OF1.3) (xid=0x5): 3 bytes of payload',
      { type: 'echo_request', xid: 5, data: new Uint8Array(3) },
    ],
  ])('%s', (expected, message) => {
    expect(ours(message)).toContain(expected);
  });

  it('prints the flows of a real switch as we do', () => {
    const { hex, bytes } = golden('ovs-multipart-flow-reply');
    const result = decodeMessage(bytes);
    if (
      !result.ok ||
      result.version !== 4 ||
      result.message.type !== 'multipart_reply' ||
      result.message.mp_type !== 'flow'
    )
      throw new Error('no flows');
    const theirs = ofpPrint(hex).trim().split('\n').slice(1);
    expect(result.message.body.map((flow) => ` ${formatFlow(flow)}`)).toEqual(theirs);
  });

  it('finds the same counters in the reply of a real switch', () => {
    const { hex, message } = golden('ovs-multipart-port-stats-reply-1');
    const rows = message.body as unknown as readonly { readonly [name: string]: string }[];
    const numbers = [
      ...ofpPrint(hex).matchAll(/rx pkts=(\d+), bytes=(\d+)[^\n]*\n\s*tx pkts=(\d+), bytes=(\d+)/g),
    ];
    expect(numbers.map((found) => found.slice(1))).toEqual(
      rows.map((row) => [row.rx_packets, row.rx_bytes, row.tx_packets, row.tx_bytes]),
    );
  });
});
