import {
  type MultipartBody,
  type MultipartRow,
  OPENFLOW_13,
  OPENFLOW_13_TO_14,
  OPENFLOW_14,
  OPENFLOW_15,
  SINCE_13,
  SINCE_14,
  type VersionRange,
} from './language.js';

/**
 * The bodies by multipart type: 1.3.5 A.3.5, 1.4.1 7.3.5, 1.5.1 7.3.5. A type keeps the name that it has in 1.3 where
 * only its name changed; `flow_desc` of 1.5 has the number and the purpose of `flow`, `flow_stats` is new there.
 */

const empty: MultipartBody = { shape: 'empty' };
const one = (of: string): MultipartBody => ({ shape: 'one', of });
const many = (of: string): MultipartBody => ({ shape: 'list', of });

function part(
  name: string,
  code: number,
  versions: VersionRange,
  request: MultipartBody,
  reply: MultipartBody,
): MultipartRow {
  return { name, code, versions, request, reply };
}

export const multiparts: readonly MultipartRow[] = [
  part('desc', 0, SINCE_13, empty, one('desc')),
  part('flow', 1, OPENFLOW_13, one('flow_stats_request'), many('flow_stats')),
  part('flow', 1, OPENFLOW_14, one('flow_stats_request'), many('flow_stats14')),
  part('flow_desc', 1, OPENFLOW_15, one('flow_stats_request'), many('flow_desc')),
  part('aggregate', 2, OPENFLOW_13_TO_14, one('aggregate_stats_request'), one('aggregate_stats')),
  part('aggregate', 2, OPENFLOW_15, one('aggregate_stats_request'), one('aggregate_stats15')),
  part('table', 3, SINCE_13, empty, many('table_stats')),
  part('port_stats', 4, OPENFLOW_13, one('port_stats_request'), many('port_stats')),
  part('port_stats', 4, SINCE_14, one('port_stats_request'), many('port_stats14')),
  part('queue', 5, OPENFLOW_13, one('queue_stats_request'), many('queue_stats')),
  part('queue', 5, SINCE_14, one('queue_stats_request'), many('queue_stats14')),
  part('group', 6, SINCE_13, one('group_stats_request'), many('group_stats')),
  part('group_desc', 7, OPENFLOW_13_TO_14, empty, many('group_desc')),
  part('group_desc', 7, OPENFLOW_15, one('group_desc_request'), many('group_desc15')),
  part('group_features', 8, SINCE_13, empty, one('group_features')),
  part('meter', 9, OPENFLOW_13_TO_14, one('meter_request'), many('meter_stats')),
  part('meter', 9, OPENFLOW_15, one('meter_request'), many('meter_stats15')),
  part('meter_config', 10, SINCE_13, one('meter_request'), many('meter_config')),
  part('meter_features', 11, OPENFLOW_13_TO_14, empty, one('meter_features')),
  part('meter_features', 11, OPENFLOW_15, empty, one('meter_features15')),
  part('table_features', 12, OPENFLOW_13_TO_14, many('table_features'), many('table_features')),
  part('table_features', 12, OPENFLOW_15, many('table_features15'), many('table_features15')),
  part('port_desc', 13, OPENFLOW_13, empty, many('port')),
  part('port_desc', 13, OPENFLOW_14, empty, many('port14')),
  part('port_desc', 13, OPENFLOW_15, one('port_desc_request'), many('port14')),
  part('table_desc', 14, SINCE_14, empty, many('table_desc')),
  part('queue_desc', 15, SINCE_14, one('queue_desc_request'), many('queue_desc')),
  part('flow_monitor', 16, SINCE_14, many('flow_monitor_request'), many('flow_update')),
  part('flow_stats', 17, OPENFLOW_15, one('flow_stats_request'), many('flow_stats15')),
  part('controller_status', 18, OPENFLOW_15, empty, many('controller_status_entry')),
  part('bundle_features', 19, OPENFLOW_15, one('bundle_features_request'), one('bundle_features')),
  part('experimenter', 0xffff, SINCE_13, one('experimenter_multipart'), one('experimenter_multipart')),
];
