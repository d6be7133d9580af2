/**
 * Packets of the simulated network. A flow holds what its packets have in common (addresses, ports: the headers
 * that a switch matches on); a packet holds what may differ on the way. Packets are pooled: whoever takes one
 * off the network for good gives it back.
 *
 * Sizes are Ethernet frames without preamble and check sequence, which is what the port counters of Open
 * vSwitch and the byte accounting of linux-htb see.
 */
export const ethernetHeaderBytes = 14;
/** of an 802.1Q tag */
export const vlanBytes = 4;
export const ipv4HeaderBytes = 20;
export const udpHeaderBytes = 8;
/** with the 12 bytes of the timestamp option, which Linux always sends */
export const tcpHeaderBytes = 32;
export const udpFrameBytes = (payloadBytes: number): number =>
  ethernetHeaderBytes + ipv4HeaderBytes + udpHeaderBytes + payloadBytes;
export const tcpFrameBytes = (payloadBytes: number): number =>
  ethernetHeaderBytes + ipv4HeaderBytes + tcpHeaderBytes + payloadBytes;
/** payload of a full TCP segment at an MTU of 1500 bytes */
export const tcpSegmentBytes = 1500 - ipv4HeaderBytes - tcpHeaderBytes;

export const ethernetTypeIpv4 = 0x0800;
export const protocolTcp = 6;
export const protocolUdp = 17;

/** The headers that all packets of a stream share; of what is not IPv4, addresses and type alone. */
export interface FlowHeaders {
  /** default: IPv4 */
  readonly etherType?: number;
  /** MAC addresses as 48-bit numbers */
  readonly ethSrc: number;
  readonly ethDst: number;
  /** IPv4 addresses as 32-bit numbers */
  readonly ipSrc: number;
  readonly ipDst: number;
  readonly protocol: number;
  readonly portSrc: number;
  readonly portDst: number;
}

/** Who takes the packets of a flow at its destination. It must release each packet or keep it. */
export interface PacketSink {
  arrive(packet: Packet, nowSeconds: number): void;
}

export interface Flow extends FlowHeaders {
  /** small, unique in one simulation: part of the key of the forwarding caches */
  readonly id: number;
  readonly sink: PacketSink;
}

export type TcpKind = 'none' | 'syn' | 'syn-ack' | 'reset' | 'data' | 'ack';

export class Packet {
  flow!: Flow;
  frameBytes = 0;
  /** differentiated services code point; set_field may change it on the way */
  dscp = 0;
  /** OXM value of its VLAN tag; 0: none. The 4 bytes of a tag are in `frameBytes` */
  vlanVid = 0;
  /** last set_queue of the pipeline; 0: default queue */
  queueId = 0;
  /** the whole frame of what is not IPv4; undefined: the headers are those of the flow */
  frame: Uint8Array | undefined;
  /** switches crossed: a loop in the rules ends at `maximumHops` */
  hops = 0;
  /** number of the packet in its stream, or of the segment in its connection */
  sequence = 0;
  sentAtSeconds = 0;
  kind: TcpKind = 'none';
  payloadBytes = 0;
  /** ACK: next segment expected, and one SACK block [from, to); from === to: none */
  ackNext = 0;
  sackFrom = 0;
  sackTo = 0;
  /** timestamp echo: when the segment that this ACK answers was sent */
  echoSeconds = 0;
}

export const maximumHops = 16;

export class PacketPool {
  private readonly free: Packet[] = [];
  /** packets taken and not yet released */
  outstanding = 0;

  take(flow: Flow, frameBytes: number): Packet {
    const packet = this.free.pop() ?? new Packet();
    this.outstanding++;
    packet.flow = flow;
    packet.frameBytes = frameBytes;
    packet.dscp = 0;
    packet.vlanVid = 0;
    packet.queueId = 0;
    packet.hops = 0;
    packet.kind = 'none';
    packet.frame = undefined;
    return packet;
  }

  release(packet: Packet): void {
    this.outstanding--;
    this.free.push(packet);
  }
}

/** Six bytes as a 48-bit number. */
export function macNumber(mac: Uint8Array): number {
  let value = 0;
  for (const byte of mac) value = value * 256 + byte;
  return value;
}
