import {
  alignedOxms,
  EVERY_VERSION,
  type Field,
  length,
  list,
  listLength,
  type MessageRow,
  type MultipartBody,
  type MultipartRow,
  match,
  message,
  OPENFLOW_10,
  OPENFLOW_13,
  pad,
  rest,
  SINCE_13,
  type StructRow,
  u8,
  u16,
  u32,
  u32s,
  u64,
  type VersionRange,
} from './language.js';
import { NICIRA, ONF } from './nxm.js';

/** The messages that Open vSwitch adds, and the extensions of the ONF that it speaks on 1.3 besides bundles. */

const EXPERIMENTER_MESSAGE = 4;
const EXPERIMENTER_MULTIPART = 0xffff;

function nx(
  name: string,
  type: number,
  fields: readonly Field[],
  versions: VersionRange = EVERY_VERSION,
): MessageRow {
  return {
    name: `nx_${name}`,
    code: EXPERIMENTER_MESSAGE,
    source: `Open vSwitch 3.1, NXT ${type}`,
    versions,
    fields,
    experimenter: { id: NICIRA, type },
  };
}

function onf(name: string, type: number, source: string, fields: readonly Field[]): MessageRow {
  return {
    name: `onf_${name}`,
    code: EXPERIMENTER_MESSAGE,
    source,
    versions: OPENFLOW_13,
    fields,
    experimenter: { id: ONF, type },
  };
}

const FLOW_MONITOR = 'ONF extension 187';

const asyncMasks: readonly Field[] = [
  u32s('packet_in_mask', 2),
  u32s('port_status_mask', 2),
  u32s('flow_removed_mask', 2),
];

const flowMod: readonly Field[] = [
  u64('cookie'),
  u16('command'),
  u16('idle_timeout'),
  u16('hard_timeout'),
  u16('priority'),
  u32('buffer_id'),
  u16('out_port'),
  u16('flags'),
  listLength('match'),
  pad(6),
  alignedOxms('match'),
];

export const vendorMessages: readonly MessageRow[] = [
  nx('role_request', 10, [u32('role')]),
  nx('role_reply', 11, [u32('role')]),
  nx('set_flow_format', 12, [u32('format')], OPENFLOW_10),
  nx('flow_mod', 13, [...flowMod, list('instructions', 'instruction')], SINCE_13),
  nx('flow_mod', 13, [...flowMod, list('actions', 'action10')], OPENFLOW_10),
  nx('flow_removed', 14, [
    u64('cookie'),
    u16('priority'),
    u8('reason'),
    u8('table_id'),
    u32('duration_sec'),
    u32('duration_nsec'),
    u16('idle_timeout'),
    listLength('match'),
    u64('packet_count'),
    u64('byte_count'),
    alignedOxms('match'),
  ]),
  nx('flow_mod_table_id', 15, [u8('set'), pad(7)]),
  nx('set_packet_in_format', 16, [u32('format')]),
  nx('packet_in', 17, [
    u32('buffer_id'),
    u16('total_len'),
    u8('reason'),
    u8('table_id'),
    u64('cookie'),
    listLength('match'),
    pad(6),
    alignedOxms('match'),
    pad(2),
    rest('data'),
  ]),
  nx('flow_age', 18, []),
  nx('set_async_config', 19, asyncMasks),
  nx('set_controller_id', 20, [pad(6), u16('controller_id')]),
  nx('flow_monitor_cancel', 21, [u32('id')], OPENFLOW_10),
  nx('flow_monitor_paused', 22, [], OPENFLOW_10),
  nx('flow_monitor_resumed', 23, [], OPENFLOW_10),
  nx('tlv_table_mod', 24, [u16('command'), pad(6), list('mappings', 'nx_tlv_map')]),
  nx('tlv_table_request', 25, []),
  nx('tlv_table_reply', 26, [
    u32('max_option_space'),
    u16('max_fields'),
    pad(10),
    list('mappings', 'nx_tlv_map'),
  ]),
  nx('set_async_config2', 27, [list('properties', 'nx_async_config_property')], { from: 1, to: 4 }),
  nx('resume', 28, [list('properties', 'nx_packet_in_property')]),
  nx('ct_flush_zone', 29, [pad(6), u16('zone_id')]),
  nx('packet_in2', 30, [list('properties', 'nx_packet_in_property')]),
  nx('ct_flush', 32, [u8('ip_proto'), pad(7), list('properties', 'nx_ct_flush_property')]),
  onf('flow_monitor_cancel', 1870, FLOW_MONITOR, [u32('id')]),
  onf('flow_monitor_paused', 1871, FLOW_MONITOR, []),
  onf('flow_monitor_resumed', 1872, FLOW_MONITOR, []),
  onf('role_status', 1911, 'ONF extension 191', [
    u32('role'),
    u8('reason'),
    pad(3),
    u64('generation_id'),
    list('properties', 'role_property'),
  ]),
  onf('requestforward', 2350, 'ONF extension 235', [message('request')]),
];

const empty: MultipartBody = { shape: 'empty' };
const one = (of: string): MultipartBody => ({ shape: 'one', of });
const many = (of: string): MultipartBody => ({ shape: 'list', of });

function part(
  name: string,
  [id, type]: readonly [number, number],
  request: MultipartBody,
  reply: MultipartBody,
  versions: VersionRange = SINCE_13,
): MultipartRow {
  // The header of 1.0 is 4 bytes shorter, and the vendor's 4 longer.
  const experimenter = { id, type, pad: versions.to === 1 ? 4 : 0 };
  return { name, code: EXPERIMENTER_MULTIPART, versions, experimenter, request, reply };
}

export const vendorMultiparts: readonly MultipartRow[] = [
  part('nx_flow', [NICIRA, 0], one('nx_flow_stats_request'), many('nx_flow_stats'), OPENFLOW_10),
  part('nx_aggregate', [NICIRA, 1], one('nx_flow_stats_request'), one('aggregate_stats'), OPENFLOW_10),
  part('nx_flow_monitor', [NICIRA, 2], many('nx_flow_monitor_request'), many('nx_flow_update'), OPENFLOW_10),
  part('nx_ipfix_bridge', [NICIRA, 3], empty, one('nx_ipfix_stats'), OPENFLOW_10),
  part('nx_ipfix_flow', [NICIRA, 4], empty, many('nx_ipfix_stats'), OPENFLOW_10),
  part('nx_ipfix_bridge', [NICIRA, 3], empty, one('nx_ipfix_stats')),
  part('nx_ipfix_flow', [NICIRA, 4], empty, many('nx_ipfix_stats')),
  part(
    'onf_flow_monitor',
    [ONF, 1870],
    many('onf_flow_monitor_request'),
    many('onf_flow_update'),
    OPENFLOW_13,
  ),
];

function struct(name: string, source: string, fields: readonly Field[]): StructRow {
  return { name, source, versions: EVERY_VERSION, fields };
}

export const vendorStructs: readonly StructRow[] = [
  struct('nx_tlv_map', 'Open vSwitch nx_tlv_map', [
    u16('option_class'),
    u8('option_type'),
    u8('option_len'),
    u16('index'),
    pad(2),
  ]),
  struct('nx_ipfix_stats', 'Open vSwitch nx_ipfix_stats_reply', [
    u64('total_flows'),
    u64('current_flows'),
    u64('pkts'),
    u64('ipv4_pkts'),
    u64('ipv6_pkts'),
    u64('error_pkts'),
    u64('ipv4_error_pkts'),
    u64('ipv6_error_pkts'),
    u64('tx_pkts'),
    u64('tx_errors'),
    u32('collector_set_id'),
    pad(4),
  ]),
  struct('nx_flow_stats_request', 'Open vSwitch nx_flow_stats_request', [
    u16('out_port'),
    listLength('match'),
    u8('table_id'),
    pad(3),
    alignedOxms('match'),
  ]),
  struct('nx_flow_stats', 'Open vSwitch nx_flow_stats', [
    length,
    u8('table_id'),
    pad(1),
    u32('duration_sec'),
    u32('duration_nsec'),
    u16('priority'),
    u16('idle_timeout'),
    u16('hard_timeout'),
    listLength('match'),
    u16('idle_age'),
    u16('hard_age'),
    u64('cookie'),
    u64('packet_count'),
    u64('byte_count'),
    alignedOxms('match'),
    list('actions', 'action10'),
  ]),
  struct('nx_flow_monitor_request', 'Open vSwitch nx_flow_monitor_request', [
    u32('id'),
    u16('flags'),
    u16('out_port'),
    listLength('match'),
    u8('table_id'),
    pad(5),
    alignedOxms('match'),
  ]),
  struct('onf_flow_monitor_request', FLOW_MONITOR, [
    u32('id'),
    u16('flags'),
    // That of the match without its padding, which the match says again.
    u16('match_len'),
    u32('out_port'),
    u8('table_id'),
    pad(3),
    match('match'),
  ]),
];
