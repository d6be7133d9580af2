import type { FlowRegistry } from './flow-registry.js';
import {
  ethernetHeaderBytes,
  ethernetTypeIpv4,
  ipv4HeaderBytes,
  type Packet,
  type PacketPool,
  protocolUdp,
} from './packet.js';

/**
 * Simulated packets as Ethernet frames, for the two messages that carry packets: packet_in and packet_out. A UDP
 * frame carries in its payload which simulated packet it is, so that it can come back; everything else has
 * headers only.
 */
const portsAt = ethernetHeaderBytes + ipv4HeaderBytes;
const markAt = portsAt + 8;
const mark = 0x5374_6479;
const markedBytes = markAt + 4 + 4 + 4 + 8;
const leastFrameBytes = markAt;

export function frameOf(packet: Packet): Uint8Array {
  const frame = new Uint8Array(Math.max(packet.frameBytes, leastFrameBytes));
  const view = new DataView(frame.buffer);
  const { flow } = packet;
  setMac(view, 0, flow.ethDst);
  setMac(view, 6, flow.ethSrc);
  view.setUint16(12, ethernetTypeIpv4);
  view.setUint8(14, 0x45);
  view.setUint8(15, packet.dscp << 2);
  view.setUint16(16, packet.frameBytes - ethernetHeaderBytes);
  view.setUint8(22, 64);
  view.setUint8(23, flow.protocol);
  view.setUint32(26, flow.ipSrc);
  view.setUint32(30, flow.ipDst);
  view.setUint16(portsAt, flow.portSrc);
  view.setUint16(portsAt + 2, flow.portDst);
  if (flow.protocol === protocolUdp) {
    view.setUint16(portsAt + 4, packet.frameBytes - portsAt);
    if (frame.length >= markedBytes) {
      view.setUint32(markAt, mark);
      view.setUint32(markAt + 4, flow.id);
      view.setUint32(markAt + 8, packet.sequence);
      view.setFloat64(markAt + 12, packet.sentAtSeconds);
    }
  }
  return frame;
}

/** undefined: too short, or not IPv4 over Ethernet (the simulated hosts have static neighbours and speak no ARP). */
export function packetOf(
  frame: Uint8Array,
  flows: FlowRegistry,
  pool: PacketPool,
  nowSeconds: number,
): Packet | undefined {
  if (frame.length < leastFrameBytes) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint16(12) !== ethernetTypeIpv4) return undefined;
  const isMarked =
    view.getUint8(23) === protocolUdp && frame.length >= markedBytes && view.getUint32(markAt) === mark;
  const flow = flows.find(isMarked ? view.getUint32(markAt + 4) : 0, {
    ethDst: getMac(view, 0),
    ethSrc: getMac(view, 6),
    protocol: view.getUint8(23),
    ipSrc: view.getUint32(26),
    ipDst: view.getUint32(30),
    portSrc: view.getUint16(portsAt),
    portDst: view.getUint16(portsAt + 2),
  });
  const packet = pool.take(flow, frame.length);
  packet.dscp = view.getUint8(15) >> 2;
  packet.sequence = isMarked ? view.getUint32(markAt + 8) : 0;
  packet.sentAtSeconds = isMarked ? view.getFloat64(markAt + 12) : nowSeconds;
  return packet;
}

function setMac(view: DataView, at: number, mac: number): void {
  view.setUint16(at, Math.floor(mac / 2 ** 32));
  view.setUint32(at + 2, mac % 2 ** 32);
}

function getMac(view: DataView, at: number): number {
  return view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
}
