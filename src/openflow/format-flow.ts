import { OFP_DEFAULT_PRIORITY, OFPP_CONTROLLER } from './constants.js';
import { formatMatch, formatValue, reservedPort } from './format-match.js';
import { plainName } from './format-nxm.js';
import { formatVendorAction } from './format-vendor-action.js';
import type { Action, FlowStats, Instruction, OxmField, OxmId, OxmName } from './generated/types.js';
import { toHex } from './hex.js';
import { oxmName, oxmRow } from './oxm-fields.js';

/** Flows in the words of `ovs-ofctl dump-flows` (ovs-actions(7)), so that both can be read side by side. */

const UNKNOWN_COUNT = 0xffff_ffff_ffff_ffffn;
const FLAGS = ['send_flow_rem', 'check_overlap', 'reset_counts', 'no_packet_counts', 'no_byte_counts'];

/** `cookie=0x…, duration=…s, table=…, n_packets=…, n_bytes=…, priority=…,… actions=…`, without a leading blank. */
export function formatFlow(flow: FlowStats): string {
  const facts = [
    `cookie=0x${flow.cookie.toString(16)}`,
    `duration=${duration(flow.duration_sec, flow.duration_nsec)}`,
    `table=${flow.table_id}`,
  ];
  if (flow.packet_count !== UNKNOWN_COUNT) facts.push(`n_packets=${flow.packet_count}`);
  if (flow.byte_count !== UNKNOWN_COUNT) facts.push(`n_bytes=${flow.byte_count}`);
  if (flow.idle_timeout !== 0) facts.push(`idle_timeout=${flow.idle_timeout}`);
  if (flow.hard_timeout !== 0) facts.push(`hard_timeout=${flow.hard_timeout}`);
  const flags = FLAGS.filter((_, bit) => (flow.flags >> bit) & 1).map((flag) => `${flag} `);
  const rule = formatRule(flow.priority, formatMatch(flow.match));
  const before = `${facts.join(', ')}, ${flags.join('')}${rule}`.trimEnd();
  return `${before} actions=${formatInstructions(flow.instructions)}`;
}

export function formatRule(priority: number, match: string): string {
  if (priority === OFP_DEFAULT_PRIORITY) return match;
  return match === '' ? `priority=${priority}` : `priority=${priority},${match}`;
}

/** With as many groups of three decimals as it takes. */
export function duration(seconds: number, nanoseconds: number): string {
  const fraction = String(nanoseconds)
    .padStart(9, '0')
    .replace(/(000)+$/, '');
  return fraction === '' ? `${seconds}s` : `${seconds}.${fraction}s`;
}

/** In the order in which a switch executes them (1.3.5 5.9), not that in which they were given. */
const EXECUTION = [
  'meter',
  'apply_actions',
  'clear_actions',
  'write_actions',
  'write_metadata',
  'goto_table',
];

export function formatInstructions(instructions: readonly Instruction[]): string {
  const rank = (each: Instruction): number => {
    const place = EXECUTION.indexOf(each.type);
    return place < 0 ? EXECUTION.length : place;
  };
  const ordered = [...instructions].sort((a, b) => rank(a) - rank(b));
  const words = ordered.map(formatInstruction).filter((word) => word !== '');
  return words.length === 0 ? 'drop' : words.join(',');
}

function formatInstruction(instruction: Instruction): string {
  switch (instruction.type) {
    case 'meter':
      return `meter:${instruction.meter_id}`;
    case 'apply_actions':
      return formatActions(instruction.actions);
    case 'clear_actions':
      return 'clear_actions';
    case 'write_actions':
      return `write_actions(${formatActions(instruction.actions)})`;
    case 'write_metadata': {
      const value = `write_metadata:0x${instruction.metadata.toString(16)}`;
      const mask = instruction.metadata_mask;
      return mask === UNKNOWN_COUNT ? value : `${value}/0x${mask.toString(16)}`;
    }
    case 'stat_trigger':
      return `stat_trigger:0x${instruction.flags.toString(16)}`;
    case 'goto_table':
      return `goto_table:${instruction.table_id}`;
    case 'experimenter':
      return `experimenter(0x${instruction.experimenter.toString(16)},${toHex(instruction.data)})`;
    case 'raw':
      return `instruction(${instruction.code},${toHex(instruction.data)})`;
  }
}

export function formatActions(actions: readonly Action[]): string {
  return actions.map(formatAction).join(',');
}

/** Names that Open vSwitch gives to fields in `set_field`. */
const FIELD_NAMES = new Map([
  ['ipv4_src', 'ip_src'],
  ['ipv4_dst', 'ip_dst'],
  ['ip_ecn', 'nw_ecn'],
  ['tunnel_id', 'tun_id'],
  ['ipv6_flabel', 'ipv6_label'],
]);

const hex4 = (value: number): string => `0x${value.toString(16).padStart(4, '0')}`;

const idName = (id: OxmId): string =>
  oxmName(id.oxm_class, id.oxm_field) ?? `oxm(${id.oxm_class},${id.oxm_field})`;

function formatAction(action: Action): string {
  switch (action.type) {
    case 'output': {
      const name = reservedPort(action.port);
      if (action.port === OFPP_CONTROLLER) return `CONTROLLER:${action.max_len}`;
      return name ?? `output:${action.port}`;
    }
    case 'set_field':
      return setField(action.field);
    case 'set_queue':
      return `set_queue:${action.queue_id}`;
    case 'group':
      return `group:${action.group_id}`;
    case 'meter':
      return `meter:${action.meter_id}`;
    case 'copy_field':
      return `copy_field(${action.n_bits},${idName(action.src)}[${action.src_offset}],${idName(action.dst)}[${action.dst_offset}])`;
    case 'push_vlan':
    case 'push_mpls':
    case 'pop_mpls':
    case 'push_pbb':
      return `${action.type}:${hex4(action.ethertype)}`;
    case 'set_mpls_ttl':
      return `set_mpls_ttl(${action.mpls_ttl})`;
    case 'set_nw_ttl':
      return `mod_nw_ttl:${action.nw_ttl}`;
    case 'dec_nw_ttl':
      return 'dec_ttl';
    case 'experimenter':
      return `experimenter(0x${action.experimenter.toString(16)},${toHex(action.data)})`;
    case 'raw':
      return `action(${action.code},${toHex(action.data)})`;
    case 'copy_ttl_out':
    case 'copy_ttl_in':
    case 'dec_mpls_ttl':
    case 'pop_vlan':
    case 'pop_pbb':
      return action.type;
    default:
      return formatVendorAction(action, { actions: formatActions, setField, exactly });
  }
}

/** What a rule that is learned matches as a whole: `eth_type=0x800`, `nw_proto=6`. */
function exactly(name: OxmName, bytes: Uint8Array): string {
  const row = oxmRow(name);
  const own = bytes.subarray(bytes.length - (row?.bytes ?? bytes.length));
  const number = own.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const plain = plainName(name);
  const label = plain === 'ip_proto' ? 'nw_proto' : (FIELD_NAMES.get(plain) ?? plain);
  if (plain === 'eth_type') return `${label}=0x${number.toString(16)}`;
  const value = row?.form === 'bytes' ? own : row?.form === 'bigint' ? number : Number(number);
  return `${label}=${formatValue({ field: name, value } as Exclude<OxmField, { field: 'raw' }>)}`;
}

function setField(field: OxmField): string {
  if (field.field === 'raw')
    return `set_field:0x${toHex(field.payload)}->oxm(${field.oxm_class},${field.oxm_field})`;
  const name = plainName(field.field);
  return `set_field:${formatValue(field)}->${FIELD_NAMES.get(name) ?? name}`;
}
