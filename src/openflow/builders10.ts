import { OFP_DEFAULT_PRIORITY, OFP_NO_BUFFER, OFPFC_ADD } from './constants.js';
import { OFPP10_NONE } from './constants10.js';
import type {
  Action10,
  FlowMod10,
  FlowMultipartRequest10,
  OutputAction10,
  PacketOut10,
} from './generated/types.js';
import { match10 } from './match10.js';

/** Messages of OpenFlow 1.0 as people write them: what is left out has the neutral value. */

/** Adds a flow for every packet: default priority, no timeouts, drop. */
export function flowMod10(parts: Partial<Omit<FlowMod10, 'type'>> = {}): FlowMod10 {
  return {
    type: 'flow_mod',
    xid: 0,
    match: match10({}),
    cookie: 0n,
    command: OFPFC_ADD,
    idle_timeout: 0,
    hard_timeout: 0,
    priority: OFP_DEFAULT_PRIORITY,
    buffer_id: OFP_NO_BUFFER,
    out_port: OFPP10_NONE,
    flags: 0,
    actions: [],
    ...parts,
  };
}

/** To a port, whole packets; `max_len` bytes of them if it is OFPP10_CONTROLLER. */
export function output10(port: number, max_len = 0): OutputAction10 {
  return { type: 'output', port, max_len };
}

export function packetOut10(
  data: Uint8Array,
  actions: readonly Action10[],
  parts: Partial<Omit<PacketOut10, 'type' | 'data' | 'actions'>> = {},
): PacketOut10 {
  return {
    type: 'packet_out',
    xid: 0,
    buffer_id: OFP_NO_BUFFER,
    in_port: OFPP10_NONE,
    actions,
    data,
    ...parts,
  };
}

/** All flows of all tables. */
export function flowStatsRequest10(
  xid: number,
  selection: Partial<FlowMultipartRequest10['body']> = {},
): FlowMultipartRequest10 {
  const everything = { match: match10({}), table_id: 0xff, out_port: OFPP10_NONE };
  return { type: 'multipart_request', xid, mp_type: 'flow', flags: 0, body: { ...everything, ...selection } };
}
