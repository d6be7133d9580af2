import type { TableError } from '../network/table-model.js';
import {
  type Message,
  OFPBRC_BAD_TYPE,
  OFPET_BAD_REQUEST,
  OFPMPF_REPLY_MORE,
  OFPP_ANY,
  OFPP_LOCAL,
  OFPPC_PORT_DOWN,
  OFPPS_LINK_DOWN,
  OFPPS_LIVE,
  OFPQ_ALL,
  type PacketQueue,
  type Port,
  type PortStats,
  type QueueStats,
} from '../openflow/index.js';
import type { PlantPort, PlantSwitch } from './plant-switch.js';

type MultipartRequest = Extract<Message, { type: 'multipart_request' }>;
type MultipartReply = Extract<Message, { type: 'multipart_reply' }>;
export type MultipartAnswer =
  | { readonly replies: readonly MultipartReply[] }
  | { readonly error: TableError };

/** entries in one flow statistics message: each is below 600 bytes, a message below 64 KiB */
const flowsPerReply = 100;
const badPort: TableError = { errorType: OFPET_BAD_REQUEST, errorCode: 11 };
const badMultipart: TableError = { errorType: OFPET_BAD_REQUEST, errorCode: 2 };
const tableCount = 254;
/** OFPPF_10GB_FD | OFPPF_COPPER, what Open vSwitch says of a veth */
const portFeatures = 0x0840;

/** Answers to multipart requests, from the counters as they are at this instant. */
export function answerMultipart(
  plant: PlantSwitch,
  dpid: bigint,
  request: MultipartRequest,
  nowSeconds: number,
): MultipartAnswer {
  const head = { type: 'multipart_reply', xid: request.xid, flags: 0 } as const;
  const one = (reply: MultipartReply): MultipartAnswer => ({ replies: [reply] });
  switch (request.mp_type) {
    case 'desc':
      return one({ ...head, mp_type: 'desc', body: description(plant) });
    case 'flow':
      return { replies: flowReplies(plant, request, nowSeconds) };
    case 'aggregate':
      return one({ ...head, mp_type: 'aggregate', body: aggregate(plant, request, nowSeconds) });
    case 'table':
      return one({ ...head, mp_type: 'table', body: tableStats(plant) });
    case 'port_stats': {
      const body = portStats(plant, request.body.port_no, nowSeconds);
      return body.length === 0 ? { error: badPort } : one({ ...head, mp_type: 'port_stats', body });
    }
    case 'queue': {
      const { port_no, queue_id } = request.body;
      const body = queueStats(plant, port_no, queue_id, nowSeconds);
      return body === undefined ? { error: badPort } : one({ ...head, mp_type: 'queue', body });
    }
    case 'port_desc':
      return one({
        ...head,
        mp_type: 'port_desc',
        body: [...plant.ports.values()].map(portDescription).concat(localPort(plant, dpid)),
      });
    case 'group':
      return one({ ...head, mp_type: 'group', body: [] });
    case 'group_desc':
      return one({ ...head, mp_type: 'group_desc', body: plant.tables.groups.list() });
    case 'group_features':
      return one({
        ...head,
        mp_type: 'group_features',
        body: { types: 0xf, capabilities: 0x7, max_groups: fourOf(0xffffff00), actions: fourOf(1) },
      });
    case 'meter':
      return one({ ...head, mp_type: 'meter', body: [] });
    case 'meter_config':
      return one({ ...head, mp_type: 'meter_config', body: [] });
    case 'meter_features':
      return one({
        ...head,
        mp_type: 'meter_features',
        body: { max_meter: 0, band_types: 0, capabilities: 0, max_bands: 0, max_color: 0 },
      });
    case 'table_features':
      return one({ ...head, mp_type: 'table_features', body: [] });
    default:
      return {
        error:
          request.mp_type === 'experimenter' ? badMultipart : { ...badMultipart, errorCode: OFPBRC_BAD_TYPE },
      };
  }
}

export function portDescription(port: PlantPort): Port {
  return {
    port_no: port.portNumber,
    hw_addr: port.hwAddr,
    name: port.name,
    config: 0,
    state: port.up ? OFPPS_LIVE : OFPPS_LINK_DOWN,
    curr: portFeatures,
    advertised: 0,
    supported: 0,
    peer: 0,
    curr_speed: 10_000_000,
    max_speed: 0,
  };
}

/** undefined: no such port */
export function queueConfig(plant: PlantSwitch, portNumber: number): PacketQueue[] | undefined {
  if (portNumber !== OFPP_ANY && !plant.ports.has(portNumber)) return undefined;
  return portsFor(plant, portNumber).flatMap((port) =>
    port.egress.queues.map((queue) => ({
      queue_id: queue.queueId,
      port: port.portNumber,
      properties: [
        { type: 'max_rate' as const, rate: perMille(queue.maxBitsPerSecond, port.egress.rateBitsPerSecond) },
      ],
    })),
  );
}

const description = (plant: PlantSwitch) => ({
  mfr_desc: 'Steady simulator',
  hw_desc: 'packet-level model',
  sw_desc: '1',
  serial_num: 'None',
  dp_desc: plant.name,
});

function flowReplies(
  plant: PlantSwitch,
  request: Extract<MultipartRequest, { mp_type: 'flow' }>,
  nowSeconds: number,
): MultipartReply[] {
  const all = plant.tables.stats(request.body, nowSeconds);
  const replies: MultipartReply[] = [];
  for (let from = 0; from === 0 || from < all.length; from += flowsPerReply)
    replies.push({
      type: 'multipart_reply',
      xid: request.xid,
      mp_type: 'flow',
      flags: from + flowsPerReply < all.length ? OFPMPF_REPLY_MORE : 0,
      body: all.slice(from, from + flowsPerReply),
    });
  return replies;
}

function aggregate(
  plant: PlantSwitch,
  request: Extract<MultipartRequest, { mp_type: 'aggregate' }>,
  nowSeconds: number,
) {
  const all = plant.tables.stats(request.body, nowSeconds);
  return {
    packet_count: all.reduce((sum, f) => sum + f.packet_count, 0n),
    byte_count: all.reduce((sum, f) => sum + f.byte_count, 0n),
    flow_count: all.length,
  };
}

function tableStats(plant: PlantSwitch) {
  const active = new Map<number, number>();
  for (const entry of plant.tables.entries()) active.set(entry.tableId, (active.get(entry.tableId) ?? 0) + 1);
  return Array.from({ length: tableCount }, (_, table_id) => ({
    table_id,
    active_count: active.get(table_id) ?? 0,
    lookup_count: table_id === 0 ? BigInt(plant.lookups) : 0n,
    matched_count: table_id === 0 ? BigInt(plant.lookups - plant.droppedPackets) : 0n,
  }));
}

/** Receive counters are exact; of what a full queue refused, Open vSwitch tells in queue statistics alone. */
function portStats(plant: PlantSwitch, portNumber: number, nowSeconds: number): PortStats[] {
  const duration = durationOf(nowSeconds);
  const zero = {
    rx_errors: 0n,
    tx_errors: 0n,
    rx_frame_err: 0n,
    rx_over_err: 0n,
    rx_crc_err: 0n,
    collisions: 0n,
  };
  const stats = portsFor(plant, portNumber).map((port) => ({
    port_no: port.portNumber,
    rx_packets: BigInt(port.rxPackets),
    tx_packets: BigInt(port.egress.txPackets),
    rx_bytes: BigInt(port.rxBytes),
    tx_bytes: BigInt(port.egress.txBytes),
    rx_dropped: BigInt(port.rxDropped),
    tx_dropped: 0n,
    ...zero,
    ...duration,
  }));
  const none = { rx_packets: 0n, tx_packets: 0n, rx_bytes: 0n, tx_bytes: 0n, rx_dropped: 0n, tx_dropped: 0n };
  if (portNumber === OFPP_ANY || portNumber === OFPP_LOCAL)
    stats.push({ port_no: OFPP_LOCAL, ...none, ...zero, ...duration });
  return stats;
}

function queueStats(
  plant: PlantSwitch,
  portNumber: number,
  queueId: number,
  nowSeconds: number,
): QueueStats[] | undefined {
  if (portNumber !== OFPP_ANY && !plant.ports.has(portNumber)) return undefined;
  return portsFor(plant, portNumber).flatMap((port) =>
    port.egress.queues
      .filter((queue) => queueId === OFPQ_ALL || queue.queueId === queueId)
      .map((queue) => ({
        port_no: port.portNumber,
        queue_id: queue.queueId,
        tx_bytes: BigInt(queue.txBytes),
        tx_packets: BigInt(queue.txPackets),
        tx_errors: BigInt(queue.droppedPackets),
        ...durationOf(nowSeconds),
      })),
  );
}

function localPort(plant: PlantSwitch, dpid: bigint): Port {
  const hw_addr = new Uint8Array(6);
  for (let i = 0; i < 6; i++) hw_addr[i] = Number((dpid >> BigInt(8 * (5 - i))) & 0xffn);
  return {
    port_no: OFPP_LOCAL,
    hw_addr,
    name: plant.name,
    config: OFPPC_PORT_DOWN,
    state: OFPPS_LINK_DOWN,
    curr: 0,
    advertised: 0,
    supported: 0,
    peer: 0,
    curr_speed: 0,
    max_speed: 0,
  };
}

const portsFor = (plant: PlantSwitch, portNumber: number): PlantPort[] =>
  [...plant.ports.values()].filter((p) => portNumber === OFPP_ANY || p.portNumber === portNumber);

const durationOf = (seconds: number) => ({
  duration_sec: Math.floor(seconds),
  duration_nsec: Math.min(999_999_999, Math.floor((seconds % 1) * 1e9)),
});

const fourOf = (value: number): number[] => [value, value, value, value];

const perMille = (rate: number, of: number | undefined): number =>
  of === undefined || !Number.isFinite(rate)
    ? 1000
    : Math.max(1, Math.min(1000, Math.round((1000 * rate) / of)));
