import {
  type Action,
  encodeMessage,
  type FlowStats,
  formatIpv4,
  formatIpv6,
  formatMac,
  type Instruction,
  OFPP_ALL,
  OFPP_ANY,
  OFPP_CONTROLLER,
  OFPP_FLOOD,
  OFPP_IN_PORT,
  OFPP_LOCAL,
  OFPP_NORMAL,
  OFPP_TABLE,
  OFPVID_PRESENT,
  type OxmField,
  SlabWriter,
  toHex,
} from '../openflow/index.js';

/**
 * Flow entries as `ofctl_rest` of Ryu tells them for OpenFlow 1.3 (its module lib/ofctl_v1_3): short names of match
 * fields, actions as text. For scripts that were written for it; `/v1` has everything in one notation.
 */
export interface OfctlFlow {
  readonly length: number;
  readonly match: Readonly<Record<string, string | number | bigint>>;
  readonly actions: readonly (string | { readonly WRITE_ACTIONS: readonly string[] })[];
  readonly [counter: string]: unknown;
}

const shortNames: Readonly<Record<string, string>> = {
  eth_src: 'dl_src',
  eth_dst: 'dl_dst',
  eth_type: 'dl_type',
  vlan_vid: 'dl_vlan',
  ipv4_src: 'nw_src',
  ipv4_dst: 'nw_dst',
  ip_proto: 'nw_proto',
  tcp_src: 'tp_src',
  tcp_dst: 'tp_dst',
  udp_src: 'tp_src',
  udp_dst: 'tp_dst',
};
const portNames = new Map([
  [OFPP_IN_PORT, 'IN_PORT'],
  [OFPP_TABLE, 'TABLE'],
  [OFPP_NORMAL, 'NORMAL'],
  [OFPP_FLOOD, 'FLOOD'],
  [OFPP_ALL, 'ALL'],
  [OFPP_CONTROLLER, 'CONTROLLER'],
  [OFPP_LOCAL, 'LOCAL'],
  [OFPP_ANY, 'ANY'],
]);
const addressFields = new Set(['ipv4_src', 'ipv4_dst', 'arp_spa', 'arp_tpa']);

export const ofctlPort = (port: number): number | string => portNames.get(port) ?? port;

export function ofctlFlow(flow: FlowStats): OfctlFlow {
  const { match, instructions, padding: _, ...counters } = flow;
  return {
    ...counters,
    length: lengthOf(flow),
    match: matchOf(match),
    actions: instructions.flatMap(instructionText),
  };
}

/** Bytes of the entry in a multipart reply (OpenFlow 1.3.5, A.3.5.2); the reply's own head has 16. */
function lengthOf(flow: FlowStats): number {
  const writer = new SlabWriter();
  encodeMessage({ type: 'multipart_reply', xid: 0, mp_type: 'flow', flags: 0, body: [flow] }, writer, 4);
  return writer.pendingBytes - 16;
}

function matchOf(fields: readonly OxmField[]): OfctlFlow['match'] {
  const match: Record<string, string | number | bigint> = {};
  for (const oxm of fields) {
    if (oxm.field === 'raw') continue;
    const name = shortNames[oxm.field] ?? oxm.field;
    match[name] ??= ofctlValue(oxm);
  }
  return match;
}

function ofctlValue(oxm: Exclude<OxmField, { field: 'raw' }>): string | number | bigint {
  const { field, value, mask } = oxm;
  if (field === 'in_port') return ofctlPort(value as number);
  if (field === 'vlan_vid') return vlanText(value as number, mask as number | undefined);
  const plain = plainValue(field, value);
  return mask === undefined ? plain : `${plain}/${plainValue(field, mask)}`;
}

function vlanText(value: number, mask: number | undefined): string {
  const hex = (n: number) => `0x${n.toString(16).padStart(4, '0')}`;
  if (mask !== undefined) return `${hex(value)}/${hex(mask)}`;
  return (value & OFPVID_PRESENT) === 0 ? hex(value) : String(value & ~OFPVID_PRESENT);
}

function plainValue(field: string, value: number | bigint | Uint8Array): string | number | bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return addressFields.has(field) ? formatIpv4(value) : value;
  return value.length === 6
    ? formatMac(value)
    : value.length === 16
      ? formatIpv6(value)
      : `0x${toHex(value)}`;
}

function instructionText(instruction: Instruction): OfctlFlow['actions'] {
  switch (instruction.type) {
    case 'apply_actions':
      return instruction.actions.map(actionText);
    case 'write_actions':
      return instruction.actions.length === 0 ? [] : [{ WRITE_ACTIONS: instruction.actions.map(actionText) }];
    case 'clear_actions':
      return ['CLEAR_ACTIONS'];
    case 'goto_table':
      return [`GOTO_TABLE:${instruction.table_id}`];
    case 'write_metadata': {
      const { metadata, metadata_mask: mask } = instruction;
      return [`WRITE_METADATA:0x${metadata.toString(16)}${mask === 0n ? '' : `/0x${mask.toString(16)}`}`];
    }
    case 'meter':
      return [`METER:${instruction.meter_id}`];
    default:
      return [];
  }
}

function actionText(action: Action): string {
  switch (action.type) {
    case 'output':
      return `OUTPUT:${ofctlPort(action.port)}`;
    case 'set_field': {
      const { field } = action;
      return field.field === 'raw'
        ? 'UNKNOWN'
        : `SET_FIELD: {${field.field}:${plainValue(field.field, field.value)}}`;
    }
    case 'set_queue':
      return `SET_QUEUE:${action.queue_id}`;
    case 'group':
      return `GROUP:${action.group_id}`;
    case 'push_vlan':
    case 'push_mpls':
    case 'pop_mpls':
    case 'push_pbb':
      return `${action.type.toUpperCase()}:${action.ethertype}`;
    case 'set_mpls_ttl':
      return `SET_MPLS_TTL:${action.mpls_ttl}`;
    case 'set_nw_ttl':
      return `SET_NW_TTL:${action.nw_ttl}`;
    case 'copy_ttl_out':
    case 'copy_ttl_in':
    case 'dec_mpls_ttl':
    case 'pop_vlan':
    case 'dec_nw_ttl':
    case 'pop_pbb':
      return action.type.toUpperCase();
    default:
      return 'UNKNOWN';
  }
}
