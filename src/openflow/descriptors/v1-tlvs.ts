import {
  bytes,
  type Field,
  OPENFLOW_10,
  pad,
  rest,
  type TlvFamily,
  type TlvRow,
  u8,
  u16,
  u32,
} from './language.js';
import { vendorActions } from './nicira-actions.js';

/** Actions and queue properties of OpenFlow 1.0. Names are those of 1.3 where the element is the same thing. */

function row(name: string, code: number, ...fields: readonly Field[]): TlvRow {
  return { name, code, versions: OPENFLOW_10, fields };
}

const actions: TlvFamily = {
  name: 'action10',
  source: '1.0.0 5.2.4',
  padding: 'inside',
  minLength: 8,
  subtypeBytes: 2,
  rows: [
    row('output', 0, u16('port'), u16('max_len')),
    row('set_vlan_vid', 1, u16('vlan_vid'), pad(2)),
    row('set_vlan_pcp', 2, u8('vlan_pcp'), pad(3)),
    row('strip_vlan', 3, pad(4)),
    row('set_dl_src', 4, bytes('dl_addr', 6), pad(6)),
    row('set_dl_dst', 5, bytes('dl_addr', 6), pad(6)),
    row('set_nw_src', 6, u32('nw_addr')),
    row('set_nw_dst', 7, u32('nw_addr')),
    row('set_nw_tos', 8, u8('nw_tos'), pad(3)),
    row('set_tp_src', 9, u16('tp_port'), pad(2)),
    row('set_tp_dst', 10, u16('tp_port'), pad(2)),
    row('enqueue', 11, u16('port'), pad(6), u32('queue_id')),
    row('experimenter', 0xffff, u32('experimenter'), rest('data')),
    ...vendorActions('action10').map((action) => ({ ...action, versions: OPENFLOW_10 })),
  ],
};

const queueProperties: TlvFamily = {
  name: 'queue_property10',
  source: '1.0.0 5.2.2',
  padding: 'inside',
  minLength: 8,
  rows: [
    row('none', 0, pad(4)),
    row('min_rate', 1, pad(4), u16('rate'), pad(6)),
    // Not in 1.0.0; Open vSwitch says it in 1.0 as in later versions (lib/ofp-queue.c).
    row('max_rate', 2, pad(4), u16('rate'), pad(6)),
  ],
};

export const tlvFamilies10: readonly TlvFamily[] = [actions, queueProperties];
