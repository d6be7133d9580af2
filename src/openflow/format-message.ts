import { formatMac } from './address.js';
import { decodeMessage } from './codec.js';
import { OFPP_ANY } from './constants.js';
import { errorName } from './error-names.js';
import { duration, formatActions, formatFlow, formatInstructions, formatRule } from './format-flow.js';
import { formatGroup, formatMeter } from './format-group.js';
import { formatMatch, reservedPort } from './format-match.js';
import { formatFields, quoted } from './format-value.js';
import type {
  AnyMessage,
  FlowMod,
  FlowRemoved,
  FlowStats,
  Hello,
  Hello10,
  Message,
  MultipartReply,
  PacketIn,
  PacketOut,
} from './generated/types.js';
import { toHex } from './hex.js';

/**
 * Messages as text for people who know `ovs-ofctl ofp-print`: its titles and, for flows, its words. What has no
 * wording of its own is printed property by property, with the names of the specification.
 */

/** No line is longer; what is cut off is counted at its end. */
const LINE_LIMIT_CHARACTERS = 4096;
const WIRE_NAMES: readonly string[] = ['OF0.0', 'OF1.0', 'OF1.1', 'OF1.2', 'OF1.3', 'OF1.4', 'OF1.5'];
const COMMANDS = ['ADD', 'MOD', 'MOD_STRICT', 'DEL', 'DEL_STRICT'];
const GROUP_COMMANDS = ['ADD', 'MOD', 'DEL'];
const FLOW_FLAGS = ['send_flow_rem', 'check_overlap', 'reset_counts', 'no_packet_counts', 'no_byte_counts'];
const PACKET_IN_REASONS = ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out'];
const FLOW_REMOVED_REASONS = ['idle', 'hard', 'delete', 'group_delete', 'meter_delete', 'eviction'];

/** One message as lines, without a newline after the last. */
export function formatMessage(message: AnyMessage, version = 4): string {
  const title = `${titleOf(message)} (${WIRE_NAMES[version] ?? `version ${version}`}) (xid=${hex(message.xid)}):`;
  const [first, ...rest] = bodyOf(message, version);
  const lines = [first === undefined || first === '' ? title : `${title} ${first}`, ...rest];
  return lines.map(bounded).join('\n');
}

function bounded(line: string): string {
  if (line.length <= LINE_LIMIT_CHARACTERS) return line;
  const note = (cut: number): string => `… ${cut} characters more`;
  const kept = LINE_LIMIT_CHARACTERS - note(line.length).length;
  return `${line.slice(0, kept)}${note(line.length - kept)}`;
}

function titleOf(message: AnyMessage): string {
  if (message.type === 'multipart_request' || message.type === 'multipart_reply') {
    const name = message.mp_type === 'port_stats' ? 'port' : message.mp_type;
    return `${namedBy(name, 'ST_')} ${message.type === 'multipart_request' ? 'request' : 'reply'}`;
  }
  return namedBy(message.type, 'T_');
}

/** `OFPT_HELLO`, `NXT_ROLE_REQUEST`, `ONFST_FLOW_MONITOR`: who defines it comes first. */
function namedBy(name: string, kind: 'T_' | 'ST_'): string {
  const [, vendor = 'OFP', own] = /^(?:(nx|onf)_)?(.*)$/.exec(name) ?? [];
  return `${vendor.toUpperCase()}${kind}${(own ?? name).toUpperCase()}`;
}

/** Versions in which a message, or the body of a multipart reply, has the form that is worded here: that of 1.3. */
const WORDED: Readonly<Record<string, readonly [from: number, to: number]>> = {
  flow_mod: [4, 6],
  flow_removed: [4, 5],
  packet_in: [4, 6],
  packet_out: [4, 5],
  group_mod: [4, 5],
  meter_mod: [4, 6],
  flow: [4, 5],
  port_stats: [4, 4],
  queue: [4, 4],
  group_desc: [4, 5],
  meter_config: [4, 6],
  port_desc: [4, 4],
};

function isWorded(name: string, version: number): boolean {
  const range = WORDED[name];
  return range === undefined || (version >= range[0] && version <= range[1]);
}

/** Message types of 1.3 whose form is worded here, whatever the version they came in. */
function bodyOf(message: AnyMessage, version: number): string[] {
  const name = message.type === 'multipart_reply' ? message.mp_type : message.type;
  return isWorded(name, version) ? worded(message as Message, version) : plain(message, version);
}

function plain(message: AnyMessage, version: number): string[] {
  const lines = generic(message, version);
  return lines.length === 1 ? [lines[0].trimStart()] : ['', ...lines];
}

/** The first element goes on the line of the title. */
function worded(message: Message, version: number): string[] {
  switch (message.type) {
    case 'hello': {
      const words = helloVersionsOf(message);
      return words === undefined ? ['', ...generic(message, version)] : ['', ` version bitmap: ${words}`];
    }
    case 'error': {
      const { type, code } = errorName(message.error_type, message.error_code, version);
      return [`${type} ${code}`, ...offender(message.data)];
    }
    case 'echo_request':
    case 'echo_reply':
      return [`${message.data.length} bytes of payload`];
    case 'features_reply':
      return [`dpid:${message.datapath_id.toString(16).padStart(16, '0')}`, ...generic(message, version)];
    case 'flow_mod':
      return [flowMod(message)];
    case 'flow_removed':
      return [flowRemoved(message)];
    case 'packet_in':
      return [packetIn(message)];
    case 'packet_out':
      return [packetOut(message)];
    case 'group_mod': {
      const group = formatGroup(message.group_id, message.group_type, message.buckets);
      return [`${GROUP_COMMANDS[message.command] ?? `command:${message.command}`} ${group}`];
    }
    case 'meter_mod': {
      const [meter, ...bands] = formatMeter(message.meter_id, message.flags, message.bands);
      return [`${GROUP_COMMANDS[message.command] ?? `command:${message.command}`} ${meter}`, ...bands];
    }
    case 'bundle_add_message': {
      const { message: inner, ...others } = message;
      return ['', ...generic(others, version), ...formatMessage(inner, version).split('\n')];
    }
    case 'multipart_reply':
      return multipartReply(message, version);
    default:
      return plain(message, version);
  }
}

/** The versions of a hello that has a bitmap and nothing else. */
function helloVersionsOf(message: Hello | Hello10): string | undefined {
  if ('unread' in message) return undefined;
  const [element, ...others] = message.elements;
  if (element?.type !== 'versionbitmap' || others.length > 0) return undefined;
  const versions = element.bitmaps.flatMap((word, i) =>
    Array.from({ length: 32 }, (_, bit) => 32 * i + bit).filter(
      (version) => (word >>> (version - 32 * i)) & 1,
    ),
  );
  return versions.map((version) => `0x${version.toString(16).padStart(2, '0')}`).join(', ');
}

/** Every property but those that the title or another line says. */
function generic(message: object, version: number): string[] {
  const { type, mp_type, xid, datapath_id, ...properties } = message as Record<string, unknown>;
  return formatFields(properties, 1, version);
}

/** The message that an error is about, as far as the switch quotes it: at least 64 bytes (1.3.5 A.4.4). */
function offender(data: Uint8Array): string[] {
  const whole = decodeMessage(data);
  if (whole.ok && whole.message.type !== 'error')
    return formatMessage(whole.message, whole.version).split('\n');
  return data.length === 0 ? [] : [` data=${toHex(data)}`];
}

function flowMod(flow: FlowMod): string {
  const words = [COMMANDS[flow.command] ?? `command:${flow.command}`];
  if (flow.table_id !== 0) words.push(`table:${flow.table_id}`);
  words.push(formatRule(flow.priority, formatMatch(flow.match)));
  if (flow.cookie !== 0n || flow.cookie_mask !== 0n) {
    const mask = flow.cookie_mask === 0n ? '' : `/0x${flow.cookie_mask.toString(16)}`;
    words.push(`cookie:0x${flow.cookie.toString(16)}${mask}`);
  }
  if (flow.idle_timeout !== 0) words.push(`idle:${flow.idle_timeout}`);
  if (flow.hard_timeout !== 0) words.push(`hard:${flow.hard_timeout}`);
  if (flow.buffer_id !== 0xffff_ffff) words.push(`buf:${hex(flow.buffer_id)}`);
  // Only deletions look at them (1.3.5 6.4), and zero is what many leave there.
  if (flow.command >= 3 && flow.out_port !== OFPP_ANY) words.push(`out_port:${port(flow.out_port)}`);
  if (flow.command >= 3 && flow.out_group !== OFPP_ANY) words.push(`out_group:${flow.out_group}`);
  words.push(...FLOW_FLAGS.filter((_, bit) => (flow.flags >> bit) & 1));
  words.push(`actions=${formatInstructions(flow.instructions)}`);
  return words.filter((word) => word !== '').join(' ');
}

function flowRemoved(flow: FlowRemoved): string {
  const reason = FLOW_REMOVED_REASONS[flow.reason] ?? `${flow.reason}`;
  const facts = [
    formatRule(flow.priority, formatMatch(flow.match)),
    `reason=${reason}`,
    `table_id=${flow.table_id}`,
    `cookie:0x${flow.cookie.toString(16)}`,
    `duration=${duration(flow.duration_sec, flow.duration_nsec)}`,
    `idle=${flow.idle_timeout}`,
    `hard=${flow.hard_timeout}`,
    `n_packets=${flow.packet_count}`,
    `n_bytes=${flow.byte_count}`,
  ];
  return facts.filter((fact) => fact !== '').join(' ');
}

function packetIn(packet: PacketIn): string {
  const buffer = packet.buffer_id === 0xffff_ffff ? '(unbuffered)' : `buffer=${hex(packet.buffer_id)}`;
  const reason = PACKET_IN_REASONS[packet.reason] ?? `reason ${packet.reason}`;
  const where = packet.table_id === 0 ? '' : `table_id=${packet.table_id} `;
  const facts = `cookie=0x${packet.cookie.toString(16)} total_len=${packet.total_len}`;
  return `${where}${facts} ${formatMatch(packet.match)} (via ${reason}) data_len=${packet.data.length} ${buffer}`;
}

function packetOut(packet: PacketOut): string {
  const head = `in_port=${port(packet.in_port)} actions=${formatActions(packet.actions) || 'drop'}`;
  return packet.buffer_id === 0xffff_ffff
    ? `${head} data_len=${packet.data.length}`
    : `${head} buffer=${hex(packet.buffer_id)}`;
}

function multipartReply(message: MultipartReply, version: number): string[] {
  const flags = message.flags === 0 ? '' : `flags=${hex(message.flags)}`;
  switch (message.mp_type) {
    case 'flow':
      return [flags, ...message.body.map((flow: FlowStats) => ` ${formatFlow(flow)}`)];
    case 'port_stats':
      return [
        `${message.body.length} ports`,
        ...message.body.flatMap((row) => [
          `  port ${port(row.port_no).padStart(2)}: rx pkts=${count(row.rx_packets)}, bytes=${count(row.rx_bytes)}, drop=${count(row.rx_dropped)}, errs=${count(row.rx_errors)}, frame=${count(row.rx_frame_err)}, over=${count(row.rx_over_err)}, crc=${count(row.rx_crc_err)}`,
          `           tx pkts=${count(row.tx_packets)}, bytes=${count(row.tx_bytes)}, drop=${count(row.tx_dropped)}, errs=${count(row.tx_errors)}, coll=${count(row.collisions)}`,
          `           duration=${duration(row.duration_sec, row.duration_nsec)}`,
        ]),
      ];
    case 'queue':
      return [
        `${message.body.length} queues`,
        ...message.body.map(
          (row) =>
            `  port ${port(row.port_no)} queue ${row.queue_id}: bytes=${count(row.tx_bytes)}, pkts=${count(row.tx_packets)}, errors=${count(row.tx_errors)}, duration=${duration(row.duration_sec, row.duration_nsec)}`,
        ),
      ];
    case 'group_desc':
      return [
        flags,
        ...message.body.map((row) => ` ${formatGroup(row.group_id, row.group_type, row.buckets)}`),
      ];
    case 'meter_config':
      return [flags, ...message.body.flatMap((row) => formatMeter(row.meter_id, row.flags, row.bands))];
    case 'port_desc':
      return [
        flags,
        ...message.body.flatMap(({ port_no, name, hw_addr, ...others }) => [
          ` ${port(port_no)}(${quoted(name)}): addr:${formatMac(hw_addr)}`,
          ...formatFields(others, 5, version),
        ]),
      ];
    default:
      return [flags, ...generic({ ...message, flags: undefined }, version)];
  }
}

const hex = (value: number): string => `0x${value.toString(16)}`;
const port = (number: number): string => reservedPort(number) ?? `${number}`;
/** All ones is how a switch says that it does not count this (1.3.5 A.3.5). */
const count = (value: bigint): string => (value === 0xffff_ffff_ffff_ffffn ? '?' : `${value}`);
