import {
  bytes,
  EVERY_VERSION,
  type Field,
  list,
  listLength,
  type MessageRow,
  type MultipartBody,
  type MultipartRow,
  match,
  message,
  OPENFLOW_13,
  pad,
  rest,
  struct,
  u8,
  u16,
  u32,
  u32s,
  u64,
  type VersionRange,
} from './language.js';

/** The experimenter identifier of the Open Networking Foundation, under which 1.3 carries bundles. */
export const ONF_EXPERIMENTER_ID = 0x4f4e4600;

function row(
  name: string,
  code: number,
  source: string,
  fields: readonly Field[],
  versions: VersionRange = OPENFLOW_13,
): MessageRow {
  return { name, code, source, versions, fields };
}

const switchConfig: readonly Field[] = [u16('flags'), u16('miss_send_len')];
const role: readonly Field[] = [u32('role'), pad(4), u64('generation_id')];
const asyncMasks: readonly Field[] = [
  u32s('packet_in_mask', 2),
  u32s('port_status_mask', 2),
  u32s('flow_removed_mask', 2),
];

/** Fields come after the 8-byte header; for experimenter messages after the two words that name them. */
export const messages: readonly MessageRow[] = [
  row('hello', 0, '1.3.5 A.5.1', [list('elements', 'hello_element')], EVERY_VERSION),
  row('error', 1, '1.3.5 A.4.4', [u16('error_type'), u16('error_code'), rest('data')], EVERY_VERSION),
  row('echo_request', 2, '1.3.5 A.5.2', [rest('data')], EVERY_VERSION),
  row('echo_reply', 3, '1.3.5 A.5.3', [rest('data')], EVERY_VERSION),
  row('experimenter', 4, '1.3.5 A.5.4', [u32('experimenter'), u32('exp_type'), rest('data')]),
  row('features_request', 5, '1.3.5 A.3.1', [], EVERY_VERSION),
  row('features_reply', 6, '1.3.5 A.3.1', [
    u64('datapath_id'),
    u32('n_buffers'),
    u8('n_tables'),
    u8('auxiliary_id'),
    pad(2),
    u32('capabilities'),
    u32('reserved'),
  ]),
  row('get_config_request', 7, '1.3.5 A.3.2', [], EVERY_VERSION),
  row('get_config_reply', 8, '1.3.5 A.3.2', switchConfig, EVERY_VERSION),
  row('set_config', 9, '1.3.5 A.3.2', switchConfig, EVERY_VERSION),
  row('packet_in', 10, '1.3.5 A.4.1', [
    u32('buffer_id'),
    u16('total_len'),
    u8('reason'),
    u8('table_id'),
    u64('cookie'),
    match('match'),
    pad(2),
    rest('data'),
  ]),
  row('flow_removed', 11, '1.3.5 A.4.2', [
    u64('cookie'),
    u16('priority'),
    u8('reason'),
    u8('table_id'),
    u32('duration_sec'),
    u32('duration_nsec'),
    u16('idle_timeout'),
    u16('hard_timeout'),
    u64('packet_count'),
    u64('byte_count'),
    match('match'),
  ]),
  row('port_status', 12, '1.3.5 A.4.3', [u8('reason'), pad(7), struct('desc', 'port')]),
  row('packet_out', 13, '1.3.5 A.3.7', [
    u32('buffer_id'),
    u32('in_port'),
    listLength('actions'),
    pad(6),
    list('actions', 'action'),
    rest('data'),
  ]),
  row('flow_mod', 14, '1.3.5 A.3.4.1', [
    u64('cookie'),
    u64('cookie_mask'),
    u8('table_id'),
    u8('command'),
    u16('idle_timeout'),
    u16('hard_timeout'),
    u16('priority'),
    u32('buffer_id'),
    u32('out_port'),
    u32('out_group'),
    u16('flags'),
    pad(2),
    match('match'),
    list('instructions', 'instruction'),
  ]),
  row('group_mod', 15, '1.3.5 A.3.4.2', [
    u16('command'),
    u8('group_type'),
    pad(1),
    u32('group_id'),
    list('buckets', 'bucket'),
  ]),
  row('port_mod', 16, '1.3.5 A.3.4.3', [
    u32('port_no'),
    pad(4),
    bytes('hw_addr', 6),
    pad(2),
    u32('config'),
    u32('mask'),
    u32('advertise'),
    pad(4),
  ]),
  row('table_mod', 17, '1.3.5 A.3.3', [u8('table_id'), pad(3), u32('config')]),
  { ...row('multipart_request', 18, '1.3.5 A.3.5', [pad(4)]), multipart: 'request' },
  { ...row('multipart_reply', 19, '1.3.5 A.3.5', [pad(4)]), multipart: 'reply' },
  row('barrier_request', 20, '1.3.5 A.3.8', []),
  row('barrier_reply', 21, '1.3.5 A.3.8', []),
  row('queue_get_config_request', 22, '1.3.5 A.3.6', [u32('port'), pad(4)]),
  row('queue_get_config_reply', 23, '1.3.5 A.3.6', [u32('port'), pad(4), list('queues', 'packet_queue')]),
  row('role_request', 24, '1.3.5 A.3.9', role),
  row('role_reply', 25, '1.3.5 A.3.9', role),
  row('get_async_request', 26, '1.3.5 A.3.10', []),
  row('get_async_reply', 27, '1.3.5 A.3.10', asyncMasks),
  row('set_async', 28, '1.3.5 A.3.10', asyncMasks),
  row('meter_mod', 29, '1.3.5 A.3.4.4', [
    u16('command'),
    u16('flags'),
    u32('meter_id'),
    list('bands', 'meter_band'),
  ]),
  {
    ...row('bundle_control', 4, 'ONF extension 230, ofp_bundle_ctrl_msg', [
      u32('bundle_id'),
      u16('control_type'),
      u16('flags'),
      list('properties', 'bundle_property'),
    ]),
    experimenter: { id: ONF_EXPERIMENTER_ID, type: 2300 },
  },
  {
    ...row('bundle_add_message', 4, 'ONF extension 230, ofp_bundle_add_msg', [
      u32('bundle_id'),
      pad(2),
      u16('flags'),
      message('message'),
      list('properties', 'bundle_property'),
    ]),
    experimenter: { id: ONF_EXPERIMENTER_ID, type: 2301 },
  },
];

const empty: MultipartBody = { shape: 'empty' };
const one = (of: string): MultipartBody => ({ shape: 'one', of });
const many = (of: string): MultipartBody => ({ shape: 'list', of });

function part(name: string, code: number, request: MultipartBody, reply: MultipartBody): MultipartRow {
  return { name, code, versions: OPENFLOW_13, request, reply };
}

/** 1.3.5 A.3.5: the bodies by multipart type. */
export const multiparts: readonly MultipartRow[] = [
  part('desc', 0, empty, one('desc')),
  part('flow', 1, one('flow_stats_request'), many('flow_stats')),
  part('aggregate', 2, one('aggregate_stats_request'), one('aggregate_stats')),
  part('table', 3, empty, many('table_stats')),
  part('port_stats', 4, one('port_stats_request'), many('port_stats')),
  part('queue', 5, one('queue_stats_request'), many('queue_stats')),
  part('group', 6, one('group_stats_request'), many('group_stats')),
  part('group_desc', 7, empty, many('group_desc')),
  part('group_features', 8, empty, one('group_features')),
  part('meter', 9, one('meter_request'), many('meter_stats')),
  part('meter_config', 10, one('meter_request'), many('meter_config')),
  part('meter_features', 11, empty, one('meter_features')),
  part('table_features', 12, many('table_features'), many('table_features')),
  part('port_desc', 13, empty, many('port')),
  part('experimenter', 0xffff, one('experimenter_multipart'), one('experimenter_multipart')),
];
