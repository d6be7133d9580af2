import { describe, expect, it } from 'vitest';
import {
  applyActions,
  gotoTable,
  group,
  match,
  meter,
  output,
  setField,
  setQueue,
  toController,
  writeMetadata,
} from '../../src/openflow/builders.js';
import { OFPP_LOCAL } from '../../src/openflow/constants.js';
import { formatFlow, formatInstructions } from '../../src/openflow/format-flow.js';
import { formatMatch } from '../../src/openflow/format-match.js';
import type { FlowStats } from '../../src/openflow/generated/types.js';

const flow: FlowStats = {
  table_id: 0,
  duration_sec: 1,
  duration_nsec: 457_000_000,
  priority: 300,
  idle_timeout: 0,
  hard_timeout: 3,
  flags: 1,
  cookie: 0x5354_0000_0100_0102n,
  packet_count: 12n,
  byte_count: 3400n,
  match: match({ in_port: 1, eth_type: 0x0800, ip_proto: 6, ipv4_dst: '10.0.0.2', tcp_dst: 4901 }),
  instructions: [gotoTable(1), applyActions(setField('ip_dscp', 34), setQueue(1))],
};

describe('formatFlow', () => {
  it('looks like ovs-ofctl dump-flows', () => {
    expect(formatFlow(flow)).toBe(
      'cookie=0x5354000001000102, duration=1.457s, table=0, n_packets=12, n_bytes=3400, hard_timeout=3, ' +
        'send_flow_rem priority=300,tcp,in_port=1,nw_dst=10.0.0.2,tp_dst=4901 ' +
        'actions=set_field:34->ip_dscp,set_queue:1,goto_table:1',
    );
  });

  it('leaves out what is not counted, not set or standard', () => {
    const all = 0xffff_ffff_ffff_ffffn;
    const bare = {
      ...flow,
      duration_nsec: 0,
      flags: 0,
      hard_timeout: 0,
      priority: 0x8000,
      match: [],
      instructions: [],
    };
    expect(formatFlow({ ...bare, cookie: 0n, packet_count: all, byte_count: all })).toBe(
      'cookie=0x0, duration=1s, table=0, actions=drop',
    );
  });
});

describe('formatMatch', () => {
  it.each([
    ['dl_vlan=100,dl_vlan_pcp=3', match({ vlan_vid: 0x1064, vlan_pcp: 3 })],
    ['vlan_tci=0x0000/0x1fff', match({ vlan_vid: 0 })],
    ['vlan_tci=0x1000/0x1000', match({ vlan_vid: [0x1000, 0x1000] })],
    ['metadata=0x2/0xff,in_port=LOCAL', match({ metadata: [2n, 0xffn], in_port: OFPP_LOCAL })],
    ['ip,nw_tos=136,nw_ecn=1', match({ eth_type: 0x0800, ip_dscp: 34, ip_ecn: 1 })],
    ['ip,nw_proto=2', match({ eth_type: 0x0800, ip_proto: 2 })],
    ['nw_proto=6', match({ ip_proto: 6 })],
    ['dl_type=0x88cc', match({ eth_type: 0x88cc })],
    [
      'udp6,ipv6_src=fe80::/64,tp_dst=5004',
      match({ eth_type: 0x86dd, ip_proto: 17, ipv6_src: 'fe80::/64', udp_dst: 5004 }),
    ],
    ['arp,arp_tpa=10.0.0.0/24,arp_op=1', match({ eth_type: 0x0806, arp_op: 1, arp_tpa: '10.0.0.0/24' })],
    [
      'oxm(1,0)=0x05',
      [{ field: 'raw' as const, oxm_class: 1, oxm_field: 0, has_mask: false, payload: Uint8Array.of(5) }],
    ],
  ])('%s', (text, fields) => {
    expect(formatMatch(fields)).toBe(text);
  });
});

describe('formatInstructions', () => {
  it.each([
    [
      'meter:7,group:5,clear_actions,write_metadata:0x2/0xff,goto_table:2',
      [
        gotoTable(2),
        { type: 'clear_actions' as const },
        writeMetadata(2n, 0xffn),
        applyActions(group(5)),
        meter(7),
      ],
    ],
    ['write_metadata:0x5', [writeMetadata(5n)]],
    ['CONTROLLER:65535,LOCAL,output:7', [applyActions(toController(), output(OFPP_LOCAL), output(7))]],
    [
      'experimenter(0x2320,000e)',
      [applyActions({ type: 'experimenter', experimenter: 0x2320, data: Uint8Array.of(0, 14) })],
    ],
    ['drop', [applyActions()]],
  ])('%s', (text, instructions) => {
    expect(formatInstructions(instructions)).toBe(text);
  });
});
