import {
  EVERY_VERSION,
  type Field,
  list,
  match,
  OPENFLOW_13,
  OPENFLOW_13_TO_14,
  OPENFLOW_15,
  oxm,
  oxmId,
  oxmIds,
  oxms,
  pad,
  padEnd,
  rest,
  SINCE_13,
  SINCE_14,
  stats,
  struct,
  type TlvFamily,
  type TlvRow,
  u8,
  u8List,
  u16,
  u32,
  u32List,
  u64,
  type VersionRange,
} from './language.js';
import { vendorActions } from './nicira-actions.js';
import { propertyFamilies } from './properties.js';

/** Every family of elements with a 16-bit type and a 16-bit length, apart from OXM (`oxm.ts`). */

function row(name: string, code: number, ...fields: readonly Field[]): TlvRow {
  return { name, code, versions: SINCE_13, fields };
}

const within = (versions: VersionRange, tlv: TlvRow): TlvRow => ({ ...tlv, versions });

const experimenter = [u32('experimenter'), rest('data')] as const;

const actions: TlvFamily = {
  name: 'action',
  source: '1.3.5 A.2.5',
  padding: 'inside',
  minLength: 8,
  subtypeBytes: 2,
  rows: [
    row('output', 0, u32('port'), u16('max_len'), pad(6)),
    row('copy_ttl_out', 11, pad(4)),
    row('copy_ttl_in', 12, pad(4)),
    row('set_mpls_ttl', 15, u8('mpls_ttl'), pad(3)),
    row('dec_mpls_ttl', 16, pad(4)),
    row('push_vlan', 17, u16('ethertype'), pad(2)),
    row('pop_vlan', 18, pad(4)),
    row('push_mpls', 19, u16('ethertype'), pad(2)),
    row('pop_mpls', 20, u16('ethertype'), pad(2)),
    row('set_queue', 21, u32('queue_id')),
    row('group', 22, u32('group_id')),
    row('set_nw_ttl', 23, u8('nw_ttl'), pad(3)),
    row('dec_nw_ttl', 24, pad(4)),
    row('set_field', 25, oxm('field')),
    row('push_pbb', 26, u16('ethertype'), pad(2)),
    row('pop_pbb', 27, pad(4)),
    within(
      OPENFLOW_15,
      row(
        'copy_field',
        28,
        u16('n_bits'),
        u16('src_offset'),
        u16('dst_offset'),
        pad(2),
        oxmId('src'),
        oxmId('dst'),
        padEnd,
      ),
    ),
    within(OPENFLOW_15, row('meter', 29, u32('meter_id'))),
    row('experimenter', 0xffff, ...experimenter),
    ...vendorActions('action'),
  ],
};

const instructions: TlvFamily = {
  name: 'instruction',
  source: '1.3.5 A.2.4',
  padding: 'inside',
  minLength: 8,
  rows: [
    row('goto_table', 1, u8('table_id'), pad(3)),
    row('write_metadata', 2, pad(4), u64('metadata'), u64('metadata_mask')),
    row('write_actions', 3, pad(4), list('actions', 'action')),
    row('apply_actions', 4, pad(4), list('actions', 'action')),
    row('clear_actions', 5, pad(4)),
    within(OPENFLOW_13_TO_14, row('meter', 6, u32('meter_id'))),
    within(OPENFLOW_15, row('stat_trigger', 7, u32('flags'), stats('thresholds'))),
    row('experimenter', 0xffff, ...experimenter),
  ],
};

const helloElements: TlvFamily = {
  name: 'hello_element',
  source: '1.3.5 A.5.1',
  padding: 'outside',
  minLength: 4,
  rows: [{ name: 'versionbitmap', code: 1, versions: EVERY_VERSION, fields: [u32List('bitmaps')] }],
};

const meterBands: TlvFamily = {
  name: 'meter_band',
  source: '1.3.5 A.3.4.4',
  padding: 'inside',
  minLength: 16,
  rows: [
    row('drop', 1, u32('rate'), u32('burst_size'), pad(4)),
    row('dscp_remark', 2, u32('rate'), u32('burst_size'), u8('prec_level'), pad(3)),
    row('experimenter', 0xffff, u32('rate'), u32('burst_size'), ...experimenter),
  ],
};

const queueProperties: TlvFamily = {
  name: 'queue_property',
  source: '1.3.5 A.2.2',
  padding: 'inside',
  minLength: 8,
  rows: [
    within(OPENFLOW_13, row('min_rate', 1, pad(4), u16('rate'), pad(6))),
    within(OPENFLOW_13, row('max_rate', 2, pad(4), u16('rate'), pad(6))),
    within(OPENFLOW_13, row('experimenter', 0xffff, pad(4), u32('experimenter'), pad(4), rest('data'))),
  ],
};

const tableProperties: TlvFamily = {
  name: 'table_property',
  source: '1.3.5 A.3.5.5.2',
  padding: 'outside',
  minLength: 4,
  rows: [
    row('instructions', 0, list('ids', 'feature_id')),
    row('instructions_miss', 1, list('ids', 'feature_id')),
    row('next_tables', 2, u8List('table_ids')),
    row('next_tables_miss', 3, u8List('table_ids')),
    row('write_actions', 4, list('ids', 'feature_id')),
    row('write_actions_miss', 5, list('ids', 'feature_id')),
    row('apply_actions', 6, list('ids', 'feature_id')),
    row('apply_actions_miss', 7, list('ids', 'feature_id')),
    row('match', 8, oxmIds('oxm_ids')),
    row('wildcards', 10, oxmIds('oxm_ids')),
    row('write_setfield', 12, oxmIds('oxm_ids')),
    row('write_setfield_miss', 13, oxmIds('oxm_ids')),
    row('apply_setfield', 14, oxmIds('oxm_ids')),
    row('apply_setfield_miss', 15, oxmIds('oxm_ids')),
    within(SINCE_14, row('table_sync_from', 16, u8List('table_ids'))),
    within(OPENFLOW_15, row('write_copyfield', 18, oxmIds('oxm_ids'))),
    within(OPENFLOW_15, row('write_copyfield_miss', 19, oxmIds('oxm_ids'))),
    within(OPENFLOW_15, row('apply_copyfield', 20, oxmIds('oxm_ids'))),
    within(OPENFLOW_15, row('apply_copyfield_miss', 21, oxmIds('oxm_ids'))),
    within(OPENFLOW_15, row('packet_types', 22, oxms('oxm_values'))),
    row('experimenter', 0xfffe, u32('experimenter'), u32('exp_type'), rest('data')),
    row('experimenter_miss', 0xffff, u32('experimenter'), u32('exp_type'), rest('data')),
  ],
};

const bundleProperties: TlvFamily = {
  name: 'bundle_property',
  source: 'ONF extension 230, ofp_bundle_prop_header; 1.5.1 7.3.9',
  padding: 'outside',
  minLength: 4,
  rows: [
    within(OPENFLOW_15, row('time', 1, pad(4), struct('scheduled_time', 'time'))),
    row('experimenter', 0xffff, u32('experimenter'), u32('exp_type'), rest('data')),
  ],
};

const flowUpdate = [
  u8('table_id'),
  u8('reason'),
  u16('idle_timeout'),
  u16('hard_timeout'),
  u16('priority'),
  pad(4),
  u64('cookie'),
  match('match'),
  list('instructions', 'instruction'),
] as const;

/** What flow monitors report; the `type` is the event. */
const flowUpdates: TlvFamily = {
  name: 'flow_update',
  source: '1.4.1 7.3.5 ofp_flow_update_header',
  padding: 'inside',
  minLength: 8,
  lengthFirst: true,
  rows: [
    row('initial', 0, ...flowUpdate),
    row('added', 1, ...flowUpdate),
    row('removed', 2, ...flowUpdate),
    row('modified', 3, ...flowUpdate),
    row('abbrev', 4, u32('xid')),
    row('paused', 5, pad(4)),
    row('resumed', 6, pad(4)),
  ].map((each) => within(SINCE_14, each)),
};

export const tlvFamilies: readonly TlvFamily[] = [
  actions,
  instructions,
  helloElements,
  meterBands,
  queueProperties,
  tableProperties,
  bundleProperties,
  flowUpdates,
  ...propertyFamilies,
];
