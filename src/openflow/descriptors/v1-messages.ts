import {
  bytes,
  type Field,
  leftover,
  list,
  listLength,
  type MessageRow,
  type MultipartBody,
  type MultipartRow,
  OPENFLOW_10,
  pad,
  rest,
  struct,
  u8,
  u16,
  u32,
  u64,
} from './language.js';

/**
 * Messages of OpenFlow 1.0 whose number or layout later versions changed. They bear the names of 1.3 where they are the
 * same thing: its statistics are `multipart_…`, its vendor messages `experimenter`.
 */

function row(name: string, code: number, source: string, fields: readonly Field[]): MessageRow {
  return { name, code, source, versions: OPENFLOW_10, fields };
}

/** Fields come after the 8-byte header. */
export const messages10: readonly MessageRow[] = [
  // Whatever follows the header must be put up with; what later versions put there is read as far as it goes.
  row('hello', 0, '1.0.0 5.5.1', [list('elements', 'hello_element'), leftover('unread')]),
  row('experimenter', 4, '1.0.0 5.5.4 OFPT_VENDOR', [u32('experimenter'), rest('data')]),
  row('features_reply', 6, '1.0.0 5.3.1', [
    u64('datapath_id'),
    u32('n_buffers'),
    u8('n_tables'),
    pad(3),
    u32('capabilities'),
    u32('actions'),
    list('ports', 'port10'),
  ]),
  row('packet_in', 10, '1.0.0 5.4.1', [
    u32('buffer_id'),
    u16('total_len'),
    u16('in_port'),
    u8('reason'),
    pad(1),
    rest('data'),
  ]),
  row('flow_removed', 11, '1.0.0 5.4.2', [
    struct('match', 'match10'),
    u64('cookie'),
    u16('priority'),
    u8('reason'),
    pad(1),
    u32('duration_sec'),
    u32('duration_nsec'),
    u16('idle_timeout'),
    pad(2),
    u64('packet_count'),
    u64('byte_count'),
  ]),
  row('port_status', 12, '1.0.0 5.4.3', [u8('reason'), pad(7), struct('desc', 'port10')]),
  row('packet_out', 13, '1.0.0 5.3.6', [
    u32('buffer_id'),
    u16('in_port'),
    listLength('actions'),
    list('actions', 'action10'),
    rest('data'),
  ]),
  row('flow_mod', 14, '1.0.0 5.3.3', [
    struct('match', 'match10'),
    u64('cookie'),
    u16('command'),
    u16('idle_timeout'),
    u16('hard_timeout'),
    u16('priority'),
    u32('buffer_id'),
    u16('out_port'),
    u16('flags'),
    list('actions', 'action10'),
  ]),
  row('port_mod', 15, '1.0.0 5.3.3', [
    u16('port_no'),
    bytes('hw_addr', 6),
    u32('config'),
    u32('mask'),
    u32('advertise'),
    pad(4),
  ]),
  { ...row('multipart_request', 16, '1.0.0 5.3.5 OFPT_STATS_REQUEST', []), multipart: 'request' },
  { ...row('multipart_reply', 17, '1.0.0 5.3.5 OFPT_STATS_REPLY', []), multipart: 'reply' },
  row('barrier_request', 18, '1.0.0 5.3.7', []),
  row('barrier_reply', 19, '1.0.0 5.3.7', []),
  row('queue_get_config_request', 20, '1.0.0 5.3.4', [u16('port'), pad(2)]),
  row('queue_get_config_reply', 21, '1.0.0 5.3.4', [u16('port'), pad(6), list('queues', 'packet_queue10')]),
];

const empty: MultipartBody = { shape: 'empty' };
const one = (of: string): MultipartBody => ({ shape: 'one', of });
const many = (of: string): MultipartBody => ({ shape: 'list', of });

function part(name: string, code: number, request: MultipartBody, reply: MultipartBody): MultipartRow {
  return { name, code, versions: OPENFLOW_10, request, reply };
}

/**
 * 1.0.0 5.3.5: the bodies by statistics type. `port_desc` came with 1.3 only, yet Open vSwitch asks for it and answers it
 * in 1.0, too (its include/openvswitch/ofp-msgs.h), since a features reply has no room for more than 1365 ports.
 */
export const multiparts10: readonly MultipartRow[] = [
  part('desc', 0, empty, one('desc')),
  part('flow', 1, one('flow_stats_request10'), many('flow_stats10')),
  part('aggregate', 2, one('aggregate_stats_request10'), one('aggregate_stats')),
  part('table', 3, empty, many('table_stats10')),
  part('port_stats', 4, one('port_stats_request10'), many('port_stats10')),
  part('queue', 5, one('queue_stats_request10'), many('queue_stats10')),
  part('port_desc', 13, empty, many('port10')),
  part('experimenter', 0xffff, one('experimenter_stats10'), one('experimenter_stats10')),
];
