import {
  type Field,
  OPENFLOW_15,
  oxmIds,
  pad,
  rest,
  SINCE_14,
  struct,
  type TlvFamily,
  type TlvRow,
  u8,
  u16,
  u32,
  u32List,
  u64,
  type VersionRange,
} from './language.js';
import { selectionMethod } from './nicira-families.js';

/** The property lists with which 1.4 made its structures extensible: 16-bit type and length, padded to 64 bits. */

function row(
  name: string,
  code: number,
  fields: readonly Field[],
  versions: VersionRange = SINCE_14,
): TlvRow {
  return { name, code, versions, fields };
}

/** Every family ends with it: 1.4.1 7.3.4 ofp_..._prop_experimenter. */
const experimenter = (versions: VersionRange = SINCE_14): TlvRow =>
  row('experimenter', 0xffff, [u32('experimenter'), u32('exp_type'), rest('data')], versions);

function family(name: string, source: string, rows: readonly TlvRow[]): TlvFamily {
  return { name, source, padding: 'outside', minLength: 4, rows };
}

const portDescProperties = family('port_desc_property', '1.4.1 7.2 ofp_port_desc_prop_type', [
  row('ethernet', 0, [
    pad(4),
    u32('curr'),
    u32('advertised'),
    u32('supported'),
    u32('peer'),
    u32('curr_speed'),
    u32('max_speed'),
  ]),
  row('optical', 1, [
    pad(4),
    u32('supported'),
    u32('tx_min_freq_lmda'),
    u32('tx_max_freq_lmda'),
    u32('tx_grid_freq_lmda'),
    u32('rx_min_freq_lmda'),
    u32('rx_max_freq_lmda'),
    u32('rx_grid_freq_lmda'),
    u16('tx_pwr_min'),
    u16('tx_pwr_max'),
  ]),
  row('pipeline_input', 2, [oxmIds('oxm_ids')], OPENFLOW_15),
  row('pipeline_output', 3, [oxmIds('oxm_ids')], OPENFLOW_15),
  row('recirculate', 4, [u32List('port_nos')], OPENFLOW_15),
  experimenter(),
]);

const portModProperties = family('port_mod_property', '1.4.1 7.3.4 ofp_port_mod_prop_type', [
  row('ethernet', 0, [u32('advertise')]),
  // The offset is signed on paper; it is kept as the 32 bits that travel.
  row('optical', 1, [u32('configure'), u32('freq_lmda'), u32('fl_offset'), u32('grid_span'), u32('tx_pwr')]),
  experimenter(),
]);

const portStatsProperties = family('port_stats_property', '1.4.1 7.3.5 ofp_port_stats_prop_type', [
  row('ethernet', 0, [pad(4), u64('rx_frame_err'), u64('rx_over_err'), u64('rx_crc_err'), u64('collisions')]),
  row('optical', 1, [
    pad(4),
    u32('flags'),
    u32('tx_freq_lmda'),
    u32('tx_offset'),
    u32('tx_grid_span'),
    u32('rx_freq_lmda'),
    u32('rx_offset'),
    u32('rx_grid_span'),
    u16('tx_pwr'),
    u16('rx_pwr'),
    u16('bias_current'),
    u16('temperature'),
  ]),
  experimenter(),
]);

const queueDescProperties = family('queue_desc_property', '1.4.1 7.3.5 ofp_queue_desc_prop_type', [
  row('min_rate', 1, [u16('rate'), pad(2)]),
  row('max_rate', 2, [u16('rate'), pad(2)]),
  experimenter(),
]);

const queueStatsProperties = family('queue_stats_property', '1.4.1 7.3.5 ofp_queue_stats_prop_type', [
  experimenter(),
]);

const tableModProperties = family('table_mod_property', '1.4.1 7.3 ofp_table_mod_prop_type', [
  row('eviction', 2, [u32('flags')]),
  row('vacancy', 3, [u8('vacancy_down'), u8('vacancy_up'), u8('vacancy'), pad(1)]),
  experimenter(),
]);

const roleProperties = family('role_property', '1.4.1 7.4 ofp_role_prop_type', [experimenter()]);

/** A mask of reasons for each kind of message and each role. */
const reasons = (name: string, code: number, versions: VersionRange = SINCE_14): readonly TlvRow[] => [
  row(`${name}_slave`, code, [u32('mask')], versions),
  row(`${name}_master`, code + 1, [u32('mask')], versions),
];

const asyncProperties = family('async_config_property', '1.4.1 7.3 ofp_async_config_prop_type', [
  ...reasons('packet_in', 0),
  ...reasons('port_status', 2),
  ...reasons('flow_removed', 4),
  ...reasons('role_status', 6),
  ...reasons('table_status', 8),
  ...reasons('requestforward', 10),
  ...reasons('flow_stats', 12, OPENFLOW_15),
  ...reasons('controller_status', 14, OPENFLOW_15),
  row('experimenter_slave', 0xfffe, [u32('experimenter'), u32('exp_type'), rest('data')]),
  row('experimenter_master', 0xffff, [u32('experimenter'), u32('exp_type'), rest('data')]),
]);

const bucketProperties = family('bucket_property', '1.5.1 7.3.4 ofp_group_bucket_prop_type', [
  row('weight', 0, [u16('weight'), pad(2)], OPENFLOW_15),
  row('watch_port', 1, [u32('watch')], OPENFLOW_15),
  row('watch_group', 2, [u32('watch')], OPENFLOW_15),
  experimenter(OPENFLOW_15),
]);

const groupProperties: TlvFamily = {
  ...family('group_property', '1.5.1 7.3.4 ofp_group_prop_type', [
    experimenter(OPENFLOW_15),
    selectionMethod(OPENFLOW_15),
  ]),
  subtypeBytes: 4,
};

const controllerStatusProperties = family(
  'controller_status_property',
  '1.5.1 7.3.5 ofp_controller_status_prop_type',
  [row('uri', 0, [rest('uri')], OPENFLOW_15), experimenter(OPENFLOW_15)],
);

const bundleFeaturesProperties = family(
  'bundle_features_property',
  '1.5.1 7.3.5 ofp_bundle_features_prop_type',
  [
    row(
      'time',
      1,
      [
        pad(4),
        struct('sched_accuracy', 'time'),
        struct('sched_max_future', 'time'),
        struct('sched_max_past', 'time'),
        struct('timestamp', 'time'),
      ],
      OPENFLOW_15,
    ),
    experimenter(OPENFLOW_15),
  ],
);

export const propertyFamilies: readonly TlvFamily[] = [
  portDescProperties,
  portModProperties,
  portStatsProperties,
  queueDescProperties,
  queueStatsProperties,
  tableModProperties,
  roleProperties,
  asyncProperties,
  bucketProperties,
  groupProperties,
  controllerStatusProperties,
  bundleFeaturesProperties,
];
