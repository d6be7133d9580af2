import {
  buildEthernet,
  buildIpv4,
  buildTcp,
  buildUdp,
  ETHERNET_HEADER_BYTES,
  type EthernetHeader,
  IPV4_HEADER_BYTES,
  type Ipv4Header,
  PROTOCOL_UDP,
  parseFrame,
  plainIpv4,
  TCP_ACK,
  TCP_HEADER_BYTES,
  UDP_HEADER_BYTES,
} from '../packet/index.js';
import type { FlowRegistry } from './flow-registry.js';
import { ethernetTypeIpv4, type Packet, type PacketPool } from './packet.js';

/**
 * Simulated packets as Ethernet frames, for the two messages that carry packets: packet_in and packet_out. A UDP
 * frame carries in its payload which simulated packet it is, so that it can come back; everything else has
 * headers only.
 */
const mark = 0x5374_6479;
const markBytes = 4 + 4 + 4 + 8;
const networkBytes = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES;

export function frameOf(packet: Packet): Uint8Array {
  if (packet.frame !== undefined) return packet.frame;
  const { flow } = packet;
  const header = plainIpv4({
    dscp: packet.dscp,
    protocol: flow.protocol,
    source: flow.ipSrc,
    destination: flow.ipDst,
  });
  const ethernet = {
    destination: macBytes(flow.ethDst),
    source: macBytes(flow.ethSrc),
    tags: [],
    etherType: ethernetTypeIpv4,
  };
  return buildEthernet(ethernet, buildIpv4(header, segmentOf(packet, header)));
}

function segmentOf(packet: Packet, header: Ipv4Header): Uint8Array {
  const { flow } = packet;
  const ports = { sourcePort: flow.portSrc, destinationPort: flow.portDst };
  const payload = (headerBytes: number): Uint8Array =>
    new Uint8Array(Math.max(0, packet.frameBytes - networkBytes - headerBytes));
  if (flow.protocol === PROTOCOL_UDP) return buildUdp(ports, marked(packet, payload(UDP_HEADER_BYTES)));
  const state = { sequence: 0, acknowledgment: 0, flags: TCP_ACK, window: 0 };
  return buildTcp({ ...ports, ...state }, payload(TCP_HEADER_BYTES), header);
}

function marked(packet: Packet, payload: Uint8Array): Uint8Array {
  if (payload.length < markBytes) return payload;
  const view = new DataView(payload.buffer);
  view.setUint32(0, mark);
  view.setUint32(4, packet.flow.id);
  view.setUint32(8, packet.sequence);
  view.setFloat64(12, packet.sentAtSeconds);
  return payload;
}

/** undefined: no Ethernet, or not whole UDP or TCP over IPv4. What is not IPv4 is carried as it is, to nobody but switches. */
export function packetOf(
  frame: Uint8Array,
  flows: FlowRegistry,
  pool: PacketPool,
  nowSeconds: number,
): Packet | undefined {
  const headers = parseFrame(frame);
  if (!headers.ok) return undefined;
  const { ethernet, ipv4, udp, tcp } = headers.value;
  if (ethernet.etherType !== ethernetTypeIpv4) return opaquePacket(frame, ethernet, flows, pool, nowSeconds);
  const ports = udp ?? tcp;
  if (ipv4 === undefined || ports === undefined) return undefined;
  const note = udp === undefined ? undefined : markIn(frame.subarray(udp.payloadOffset, udp.payloadEnd));
  const flow = flows.find(note?.flowId ?? 0, {
    ethDst: macNumber(ethernet.destination),
    ethSrc: macNumber(ethernet.source),
    protocol: ipv4.protocol,
    ipSrc: ipv4.source,
    ipDst: ipv4.destination,
    portSrc: ports.sourcePort,
    portDst: ports.destinationPort,
  });
  const packet = pool.take(flow, frame.length);
  packet.dscp = ipv4.dscp;
  packet.sequence = note?.sequence ?? 0;
  packet.sentAtSeconds = note?.sentAtSeconds ?? nowSeconds;
  return packet;
}

function opaquePacket(
  frame: Uint8Array,
  { destination, source, etherType }: EthernetHeader,
  flows: FlowRegistry,
  pool: PacketPool,
  nowSeconds: number,
): Packet {
  const none = { protocol: 0, ipSrc: 0, ipDst: 0, portSrc: 0, portDst: 0 };
  const ethernet = { etherType, ethDst: macNumber(destination), ethSrc: macNumber(source) };
  const packet = pool.take(flows.find(0, { ...ethernet, ...none }), frame.length);
  packet.frame = frame;
  packet.sentAtSeconds = nowSeconds;
  return packet;
}

function markIn(
  payload: Uint8Array,
): { flowId: number; sequence: number; sentAtSeconds: number } | undefined {
  if (payload.length < markBytes) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if (view.getUint32(0) !== mark) return undefined;
  return { flowId: view.getUint32(4), sequence: view.getUint32(8), sentAtSeconds: view.getFloat64(12) };
}

function macBytes(mac: number): Uint8Array {
  const bytes = new Uint8Array(6);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(mac / 2 ** 32));
  view.setUint32(2, mac % 2 ** 32);
  return bytes;
}

function macNumber(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}
