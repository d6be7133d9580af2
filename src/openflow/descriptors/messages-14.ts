import {
  bytes,
  type Field,
  list,
  listLength,
  type MessageRow,
  match,
  message,
  OPENFLOW_15,
  pad,
  rest,
  SINCE_14,
  stats,
  struct,
  u8,
  u16,
  u32,
  u64,
  type VersionRange,
} from './language.js';

/** Messages that came with 1.4 or 1.5, or that have another layout since; the names are those of 1.3. */

function row(
  name: string,
  code: number,
  source: string,
  fields: readonly Field[],
  versions: VersionRange = SINCE_14,
): MessageRow {
  return { name, code, source, versions, fields };
}

const asyncProperties: readonly Field[] = [list('properties', 'async_config_property')];
const role15: readonly Field[] = [u32('role'), u16('short_id'), pad(2), u64('generation_id')];

export const messages14: readonly MessageRow[] = [
  row('port_status', 12, '1.4.1 7.4', [u8('reason'), pad(7), struct('desc', 'port14')]),
  row('flow_mod', 14, '1.4.1 7.3.4', [
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
    u16('importance'),
    match('match'),
    list('instructions', 'instruction'),
  ]),
  row('port_mod', 16, '1.4.1 7.3.4', [
    u32('port_no'),
    pad(4),
    bytes('hw_addr', 6),
    pad(2),
    u32('config'),
    u32('mask'),
    list('properties', 'port_mod_property'),
  ]),
  row('table_mod', 17, '1.4.1 7.3', [
    u8('table_id'),
    pad(3),
    u32('config'),
    list('properties', 'table_mod_property'),
  ]),
  row('get_async_reply', 27, '1.4.1 7.3', asyncProperties),
  row('set_async', 28, '1.4.1 7.3', asyncProperties),
  row('role_status', 30, '1.4.1 7.4', [
    u32('role'),
    u8('reason'),
    pad(3),
    u64('generation_id'),
    list('properties', 'role_property'),
  ]),
  row('table_status', 31, '1.4.1 7.4', [u8('reason'), pad(7), struct('table', 'table_desc')]),
  row('requestforward', 32, '1.4.1 7.4', [message('request')]),
  row('bundle_control', 33, '1.4.1 7.3.9', [
    u32('bundle_id'),
    u16('control_type'),
    u16('flags'),
    list('properties', 'bundle_property'),
  ]),
  row('bundle_add_message', 34, '1.4.1 7.3.9', [
    u32('bundle_id'),
    pad(2),
    u16('flags'),
    message('message'),
    list('properties', 'bundle_property'),
  ]),
];

export const messages15: readonly MessageRow[] = [
  row(
    'flow_removed',
    11,
    '1.5.1 7.4',
    [
      u8('table_id'),
      u8('reason'),
      u16('priority'),
      u16('idle_timeout'),
      u16('hard_timeout'),
      u64('cookie'),
      match('match'),
      stats('stats'),
    ],
    OPENFLOW_15,
  ),
  row(
    'packet_out',
    13,
    '1.5.1 7.3',
    [
      u32('buffer_id'),
      listLength('actions'),
      pad(2),
      match('match'),
      list('actions', 'action'),
      rest('data'),
    ],
    OPENFLOW_15,
  ),
  row(
    'group_mod',
    15,
    '1.5.1 7.3.4',
    [
      u16('command'),
      u8('group_type'),
      pad(1),
      u32('group_id'),
      listLength('buckets'),
      pad(2),
      u32('command_bucket_id'),
      list('buckets', 'bucket15'),
      list('properties', 'group_property'),
    ],
    OPENFLOW_15,
  ),
  row('role_request', 24, '1.5.1 7.3', role15, OPENFLOW_15),
  row('role_reply', 25, '1.5.1 7.3', role15, OPENFLOW_15),
  row('controller_status', 35, '1.5.1 7.4', [struct('status', 'controller_status_entry')], OPENFLOW_15),
];
