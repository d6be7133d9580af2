import { parseIpv4, parseIpv6, parseMac } from './address.js';
import {
  OFP_DEFAULT_PRIORITY,
  OFP_NO_BUFFER,
  OFPCML_NO_BUFFER,
  OFPFC_ADD,
  OFPG_ANY,
  OFPP_ANY,
  OFPP_CONTROLLER,
} from './constants.js';
import { EncodeError } from './encode-error.js';
import type {
  Action,
  ApplyActionsInstruction,
  Bucket,
  FlowMod,
  FlowMultipartRequest,
  GotoTableInstruction,
  GroupAction,
  Hello,
  Instruction,
  MeterInstruction,
  OutputAction,
  OxmField,
  OxmName,
  PacketOut,
  PortStatsMultipartRequest,
  QueueMultipartRequest,
  SetFieldAction,
  SetQueueAction,
  WriteMetadataInstruction,
} from './generated/types.js';
import { oxmRow } from './oxm-fields.js';

/**
 * A value as a person writes it: addresses as text (with `/bits` or `/mask` for a masked one), everything else as a
 * number; `metadata` and `tunnel_id` as bigint. `[value, mask]` masks any field.
 */
export type MatchValue = number | bigint | string | Uint8Array;
export type MatchSpec = { readonly [field in OxmName]?: MatchValue | readonly [MatchValue, MatchValue] };

/** `match({in_port: 1, eth_type: 0x0800, ipv4_dst: '10.0.0.0/8'})`; fields come in the order of their numbers. */
export function match(spec: MatchSpec): OxmField[] {
  const fields: OxmField[] = [];
  const numbers: number[] = [];
  for (const name of Object.keys(spec) as OxmName[]) {
    const value = spec[name];
    if (value === undefined) continue;
    const row = rowOf(name);
    // Mostly they are written in this order, and nothing moves.
    let place = fields.length;
    for (; place > 0 && numbers[place - 1] > row.id; place -= 1) {
      fields[place] = fields[place - 1];
      numbers[place] = numbers[place - 1];
    }
    fields[place] = fieldOf(row, name, value);
    numbers[place] = row.id;
  }
  return fields;
}

/** One match field; see `MatchValue` for the forms of the value. */
export function oxm(name: OxmName, value: MatchValue | readonly [MatchValue, MatchValue]): OxmField {
  return fieldOf(rowOf(name), name, value);
}

function fieldOf(
  row: OxmRow,
  name: OxmName,
  value: MatchValue | readonly [MatchValue, MatchValue],
): OxmField {
  if (typeof value === 'object' && Array.isArray(value)) {
    const [exact, mask] = value as readonly [MatchValue, MatchValue];
    return { field: name, value: convert(row, name, exact), mask: convert(row, name, mask) } as OxmField;
  }
  if (typeof value === 'string') {
    const slash = value.indexOf('/');
    if (slash >= 0) {
      const exact = convert(row, name, value.slice(0, slash));
      return { field: name, value: exact, mask: maskOf(row, name, value.slice(slash + 1)) } as OxmField;
    }
  }
  return { field: name, value: convert(row, name, value as MatchValue) } as OxmField;
}

type OxmRow = NonNullable<ReturnType<typeof oxmRow>>;

function rowOf(name: string): OxmRow {
  const row = oxmRow(name);
  if (row === undefined) throw new EncodeError(`match.${name}`, 'no match field of this name');
  return row;
}

function convert(row: OxmRow, name: string, value: MatchValue): number | bigint | Uint8Array {
  if (row.form === 'bytes') {
    if (value instanceof Uint8Array) return value;
    if (typeof value === 'string') return row.bits === 128 ? parseIpv6(value) : parseMac(value);
  } else if (row.form === 'bigint') {
    if (typeof value === 'bigint') return value;
    if (typeof value === 'number') return BigInt(value);
  } else {
    if (typeof value === 'number') return value;
    if (typeof value === 'string') return parseIpv4(value);
  }
  throw new EncodeError(`match.${name}`, `${String(value)} is no value of this field`);
}

/** The part after the slash: a count of leading ones for IP addresses, otherwise an address itself. */
function maskOf(row: OxmRow, name: string, text: string): number | bigint | Uint8Array {
  if (!/^\d+$/.test(text)) return convert(row, name, text);
  const { bits } = row;
  const ones = Number(text);
  if (ones > bits) throw new EncodeError(`match.${name}`, `/${text} is longer than ${bits} bits`);
  if (bits === 32) return ones === 0 ? 0 : (-1 << (32 - ones)) >>> 0;
  return Uint8Array.from({ length: bits / 8 }, (_, i) => 0xff00 >> Math.min(Math.max(ones - 8 * i, 0), 8));
}

export function output(port: number, max_len = 0): OutputAction {
  return { type: 'output', port, max_len };
}

/** To the controller, whole packets unless said otherwise. */
export function toController(max_len: number = OFPCML_NO_BUFFER): OutputAction {
  return { type: 'output', port: OFPP_CONTROLLER, max_len };
}

export function setQueue(queue_id: number): SetQueueAction {
  return { type: 'set_queue', queue_id };
}

export function group(group_id: number): GroupAction {
  return { type: 'group', group_id };
}

export function setField(name: OxmName, value: MatchValue): SetFieldAction {
  return { type: 'set_field', field: oxm(name, value) };
}

export function applyActions(...actions: readonly Action[]): ApplyActionsInstruction {
  return { type: 'apply_actions', actions };
}

export function gotoTable(table_id: number): GotoTableInstruction {
  return { type: 'goto_table', table_id };
}

export function writeMetadata(
  metadata: bigint,
  metadata_mask: bigint = 0xffff_ffff_ffff_ffffn,
): WriteMetadataInstruction {
  return { type: 'write_metadata', metadata, metadata_mask };
}

export function meter(meter_id: number): MeterInstruction {
  return { type: 'meter', meter_id };
}

export function bucket(
  actions: readonly Action[],
  { weight = 0, watch_port = OFPP_ANY, watch_group = OFPG_ANY }: Partial<Omit<Bucket, 'actions'>> = {},
): Bucket {
  return { weight, watch_port, watch_group, actions };
}

/** A flow_mod; what is left out has the neutral value: add to table 0, default priority, no timeouts, match all, drop. */
export function flowMod(parts: Partial<Omit<FlowMod, 'type'>> = {}): FlowMod {
  const none: readonly Instruction[] = [];
  return {
    type: 'flow_mod',
    xid: 0,
    cookie: 0n,
    cookie_mask: 0n,
    table_id: 0,
    command: OFPFC_ADD,
    idle_timeout: 0,
    hard_timeout: 0,
    priority: OFP_DEFAULT_PRIORITY,
    buffer_id: OFP_NO_BUFFER,
    out_port: OFPP_ANY,
    out_group: OFPG_ANY,
    flags: 0,
    match: [],
    instructions: none,
    ...parts,
  };
}

export function packetOut(
  data: Uint8Array,
  actions: readonly Action[],
  parts: Partial<Omit<PacketOut, 'type' | 'data' | 'actions'>> = {},
): PacketOut {
  return {
    type: 'packet_out',
    xid: 0,
    buffer_id: OFP_NO_BUFFER,
    in_port: OFPP_CONTROLLER,
    actions,
    data,
    ...parts,
  };
}

/** All flows of all tables whose cookie agrees with `cookie` in the bits of `cookie_mask`. */
export function flowStatsRequest(
  xid: number,
  selection: Partial<FlowMultipartRequest['body']> = {},
): FlowMultipartRequest {
  const everything = {
    table_id: 0xff,
    out_port: OFPP_ANY,
    out_group: OFPG_ANY,
    cookie: 0n,
    cookie_mask: 0n,
    match: [],
  };
  return { type: 'multipart_request', xid, mp_type: 'flow', flags: 0, body: { ...everything, ...selection } };
}

export function portStatsRequest(xid: number, port_no: number = OFPP_ANY): PortStatsMultipartRequest {
  return { type: 'multipart_request', xid, mp_type: 'port_stats', flags: 0, body: { port_no } };
}

export function queueStatsRequest(
  xid: number,
  port_no: number = OFPP_ANY,
  queue_id = 0xffffffff,
): QueueMultipartRequest {
  return { type: 'multipart_request', xid, mp_type: 'queue', flags: 0, body: { port_no, queue_id } };
}

/** A hello that offers exactly these wire versions; send it with the highest of them. 1.3.5 A.5.1. */
export function hello(xid: number, versions: readonly number[] = [4]): Hello {
  const bitmap = versions.reduce((bits, version) => (bits | (1 << version)) >>> 0, 0);
  return { type: 'hello', xid, elements: [{ type: 'versionbitmap', bitmaps: [bitmap] }] };
}
