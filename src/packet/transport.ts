import { type Addresses, transportChecksum } from './checksum.js';
import { PROTOCOL_TCP, PROTOCOL_UDP } from './ipv4.js';
import { failed, limitOf, missing, type Parsed, parsed } from './parsed.js';
import { put16, put32, u16, u32 } from './word.js';

/** UDP (RFC 768) and TCP (RFC 9293) as far as a network looks at them: ports, flags, where the payload starts. */

export const UDP_HEADER_BYTES = 8;
export const TCP_HEADER_BYTES = 20;
export const TCP_FIN = 1 << 0;
export const TCP_SYN = 1 << 1;
export const TCP_RST = 1 << 2;
export const TCP_PSH = 1 << 3;
export const TCP_ACK = 1 << 4;

export interface UdpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface UdpDatagram extends UdpHeader {
  /** 0: the sender computed none. */
  readonly checksum: number;
  readonly payloadOffset: number;
  readonly payloadEnd: number;
}

export function parseUdp(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<UdpDatagram> {
  const limit = limitOf(bytes, end);
  const short = missing('udp', offset, limit, UDP_HEADER_BYTES);
  if (short !== undefined) return short;
  const lengthBytes = u16(bytes, offset + 4);
  if (lengthBytes < UDP_HEADER_BYTES)
    return failed('bad_length', offset + 4, `udp: length ${lengthBytes}, expected 8 or more`);
  return parsed({
    sourcePort: u16(bytes, offset),
    destinationPort: u16(bytes, offset + 2),
    checksum: u16(bytes, offset + 6),
    payloadOffset: offset + UDP_HEADER_BYTES,
    payloadEnd: Math.min(limit, offset + lengthBytes),
  });
}

/** With a checksum if `addresses` are given; IPv4 may go without, IPv6 may not. */
export function buildUdp(header: UdpHeader, payload: Uint8Array, addresses?: Addresses): Uint8Array {
  const datagram = new Uint8Array(UDP_HEADER_BYTES + payload.length);
  put16(datagram, 0, header.sourcePort);
  put16(datagram, 2, header.destinationPort);
  put16(datagram, 4, datagram.length);
  datagram.set(payload, UDP_HEADER_BYTES);
  // A sum of 0 is sent as its other form, since 0 says that there is none.
  if (addresses !== undefined)
    put16(datagram, 6, transportChecksum(addresses, PROTOCOL_UDP, datagram) || 0xffff);
  return datagram;
}

export interface TcpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  /** The eight bits from CWR to FIN. */
  readonly flags: number;
  readonly window: number;
}

export interface TcpSegment extends TcpHeader {
  readonly checksum: number;
  readonly payloadOffset: number;
  readonly payloadEnd: number;
}

export function parseTcp(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<TcpSegment> {
  const limit = limitOf(bytes, end);
  const short = missing('tcp', offset, limit, TCP_HEADER_BYTES);
  if (short !== undefined) return short;
  const headerBytes = (bytes[offset + 12]! >> 4) * 4;
  if (headerBytes < TCP_HEADER_BYTES)
    return failed('bad_length', offset + 12, `tcp: a header of ${headerBytes} bytes`);
  const cut = missing('tcp', offset, limit, headerBytes);
  if (cut !== undefined) return cut;
  return parsed({
    sourcePort: u16(bytes, offset),
    destinationPort: u16(bytes, offset + 2),
    sequence: u32(bytes, offset + 4),
    acknowledgment: u32(bytes, offset + 8),
    flags: bytes[offset + 13]!,
    window: u16(bytes, offset + 14),
    checksum: u16(bytes, offset + 16),
    payloadOffset: offset + headerBytes,
    payloadEnd: limit,
  });
}

/** Without options. */
export function buildTcp(header: TcpHeader, payload: Uint8Array, addresses: Addresses): Uint8Array {
  const segment = new Uint8Array(TCP_HEADER_BYTES + payload.length);
  put16(segment, 0, header.sourcePort);
  put16(segment, 2, header.destinationPort);
  put32(segment, 4, header.sequence);
  put32(segment, 8, header.acknowledgment);
  segment[12] = (TCP_HEADER_BYTES / 4) << 4;
  segment[13] = header.flags;
  put16(segment, 14, header.window);
  segment.set(payload, TCP_HEADER_BYTES);
  put16(segment, 16, transportChecksum(addresses, PROTOCOL_TCP, segment));
  return segment;
}
