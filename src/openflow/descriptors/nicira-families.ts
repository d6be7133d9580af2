import {
  alignedOxms,
  bytes,
  EVERY_VERSION,
  type Field,
  list,
  listLength,
  match,
  oxms,
  pad,
  rest,
  type TlvFamily,
  type TlvRow,
  text,
  u8,
  u16,
  u32,
  u64,
  type VersionRange,
} from './language.js';

/** Elements inside the actions and messages that Open vSwitch adds: layouts of Open vSwitch 3.1. */

function property(name: string, code: number, ...fields: readonly Field[]): TlvRow {
  return { name, code, versions: EVERY_VERSION, fields };
}

const NETRONOME = 0x154d;

/** How a select group chooses its bucket: the Netronome extension, a property of groups of 1.5 in Open vSwitch. */
export function selectionMethod(versions: VersionRange): TlvRow {
  return {
    name: 'ntr_selection_method',
    code: 0xffff,
    versions,
    experimenter: { id: NETRONOME, type: 1 },
    fields: [pad(4), text('selection_method', 16), u64('selection_method_param'), oxms('fields')],
  };
}

/** The asynchronous configuration of 1.4, which Open vSwitch takes on older versions as well. */
const asyncProperties: TlvFamily = {
  name: 'nx_async_config_property',
  source: 'Open vSwitch NXT_SET_ASYNC_CONFIG2',
  padding: 'outside',
  minLength: 4,
  rows: [
    'packet_in_slave',
    'packet_in_master',
    'port_status_slave',
    'port_status_master',
    'flow_removed_slave',
    'flow_removed_master',
    'role_status_slave',
    'role_status_master',
    'table_status_slave',
    'table_status_master',
    'requestforward_slave',
    'requestforward_master',
  ].map((name, code) => property(name, code, u32('mask'))),
};

// Open vSwitch takes its own properties of 8 and 16 bits with or without their padding.

const controllerProperties: TlvFamily = {
  name: 'nx_controller_property',
  source: 'Open vSwitch NXAST_CONTROLLER2',
  padding: 'outside',
  minLength: 4,
  lenient: true,
  rows: [
    property('max_len', 0, u16('max_len'), pad(2)),
    property('controller_id', 1, u16('controller_id'), pad(2)),
    property('reason', 2, u8('reason')),
    property('userdata', 3, rest('userdata')),
    property('pause', 4),
    property('meter_id', 5, u32('meter_id')),
  ],
};

/** Class 4 of `ofp_ed_prop_header`: network service headers. The lengths count what follows, padding included. */
const encapProperties: TlvFamily = {
  name: 'nx_encap_property',
  source: 'Open vSwitch NXAST_ENCAP, ofp_ed_prop_header',
  padding: 'outside',
  minLength: 4,
  classFirst: true,
  rows: [
    property('nsh_md_type', 0x0004_01, u8('md_type'), rest('data')),
    property('nsh_tlv', 0x0004_02, u16('tlv_class'), u8('tlv_type'), u8('tlv_len'), rest('data')),
  ],
};

const packetInProperties: TlvFamily = {
  name: 'nx_packet_in_property',
  source: 'Open vSwitch NXT_PACKET_IN2 and NXT_RESUME',
  padding: 'outside',
  minLength: 4,
  lenient: true,
  rows: [
    property('packet', 0, rest('packet')),
    property('full_len', 1, u32('full_len')),
    property('buffer_id', 2, u32('buffer_id')),
    property('table_id', 3, u8('table_id')),
    property('cookie', 4, pad(4), u64('cookie')),
    property('reason', 5, u8('reason')),
    property('metadata', 6, oxms('metadata')),
    property('userdata', 7, rest('userdata')),
    // What is in it is the switch's own business.
    property('continuation', 8, rest('continuation')),
  ],
};

const ctFlushProperties: TlvFamily = {
  name: 'nx_ct_flush_property',
  source: 'Open vSwitch NXT_CT_FLUSH',
  padding: 'outside',
  minLength: 4,
  lenient: true,
  rows: [
    property('orig_tuple', 0, pad(4), list('tuple', 'nx_ct_tuple')),
    property('reply_tuple', 1, pad(4), list('tuple', 'nx_ct_tuple')),
    property('zone_id', 2, u16('zone_id'), pad(2)),
  ],
};

const ctTuple: TlvFamily = {
  name: 'nx_ct_tuple',
  source: 'Open vSwitch NXT_CT_FLUSH',
  padding: 'outside',
  minLength: 4,
  lenient: true,
  rows: [
    property('src', 0, bytes('address', 16)),
    property('dst', 1, bytes('address', 16)),
    property('src_port', 2, u16('port'), pad(2)),
    property('dst_port', 3, u16('port'), pad(2)),
    property('icmp_id', 4, u16('icmp_id'), pad(2)),
    property('icmp_type', 5, u8('icmp_type')),
    property('icmp_code', 6, u8('icmp_code')),
  ],
};

/** An update of a flow monitor: what comes after the cookie differs, and whether the length of the match is told. */
function flowUpdates(name: string, source: string, matchLength: Field, ...what: readonly Field[]): TlvFamily {
  const full: readonly Field[] = [
    u16('reason'),
    u16('priority'),
    u16('idle_timeout'),
    u16('hard_timeout'),
    matchLength,
    u8('table_id'),
    pad(1),
    u64('cookie'),
    ...what,
  ];
  return {
    name,
    source,
    padding: 'inside',
    minLength: 8,
    lengthFirst: true,
    rows: [
      property('added', 0, ...full),
      property('deleted', 1, ...full),
      property('modified', 2, ...full),
      property('abbrev', 3, u32('xid')),
    ],
  };
}

const nxUpdates = flowUpdates(
  'nx_flow_update',
  'Open vSwitch nx_flow_update',
  listLength('match'),
  alignedOxms('match'),
  list('actions', 'action10'),
);

// Here the match has a header of its own, with its length; the one before it is kept as it came.
const onfUpdates = flowUpdates(
  'onf_flow_update',
  'ONF extension 187, onf_flow_update',
  u16('match_len'),
  match('match'),
  list('instructions', 'instruction'),
);

export const vendorFamilies: readonly TlvFamily[] = [
  asyncProperties,
  controllerProperties,
  encapProperties,
  packetInProperties,
  ctFlushProperties,
  ctTuple,
  nxUpdates,
  onfUpdates,
];
