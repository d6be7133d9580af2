import { internetChecksum } from './checksum.js';
import { failed, limitOf, missing, type Parsed, parsed } from './parsed.js';
import { copy, put16, put32, u16, u32 } from './word.js';

/** IPv4 headers, RFC 791; the second byte as RFC 2474 and RFC 3168 divide it. */

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;
export const IPV4_HEADER_BYTES = 20;

export interface Ipv4Header {
  readonly dscp: number;
  readonly ecn: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In units of 8 bytes. Only the fragment at 0 holds the header of the transport. */
  readonly fragmentOffset: number;
  readonly timeToLive: number;
  readonly protocol: number;
  /** 32-bit numbers. */
  readonly source: number;
  readonly destination: number;
  /** Up to 40 bytes, a multiple of 4. */
  readonly options: Uint8Array;
}

export interface Ipv4Packet extends Ipv4Header {
  readonly checksumValid: boolean;
  readonly payloadOffset: number;
  /** Where the payload ends: the filling of a short frame is not part of it. */
  readonly payloadEnd: number;
  /** The packet goes on after what is there: a switch hands on the start of a frame only. */
  readonly cut: boolean;
}

export function parseIpv4(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<Ipv4Packet> {
  const limit = limitOf(bytes, end);
  const short = missing('ipv4', offset, limit, IPV4_HEADER_BYTES);
  if (short !== undefined) return short;
  const version = bytes[offset]! >> 4;
  if (version !== 4) return failed('unsupported', offset, `ipv4: version ${version}`);
  const headerBytes = (bytes[offset]! & 0xf) * 4;
  if (headerBytes < IPV4_HEADER_BYTES)
    return failed('bad_length', offset, `ipv4: a header of ${headerBytes} bytes`);
  const cutHeader = missing('ipv4', offset, limit, headerBytes);
  if (cutHeader !== undefined) return cutHeader;
  const totalBytes = u16(bytes, offset + 2);
  if (totalBytes < headerBytes)
    return failed(
      'bad_length',
      offset + 2,
      `ipv4: ${totalBytes} bytes in all, but the header has ${headerBytes}`,
    );
  const fragment = u16(bytes, offset + 6);
  return parsed({
    dscp: bytes[offset + 1]! >> 2,
    ecn: bytes[offset + 1]! & 3,
    identification: u16(bytes, offset + 4),
    dontFragment: (fragment & 0x4000) !== 0,
    moreFragments: (fragment & 0x2000) !== 0,
    fragmentOffset: fragment & 0x1fff,
    timeToLive: bytes[offset + 8]!,
    protocol: bytes[offset + 9]!,
    source: u32(bytes, offset + 12),
    destination: u32(bytes, offset + 16),
    options: copy(bytes, offset + IPV4_HEADER_BYTES, headerBytes - IPV4_HEADER_BYTES),
    checksumValid: internetChecksum(bytes, offset, offset + headerBytes) === 0,
    payloadOffset: offset + headerBytes,
    payloadEnd: Math.min(limit, offset + totalBytes),
    cut: offset + totalBytes > limit,
  });
}

/** Header with its checksum, and payload. Options that do not fill words of 4 bytes are filled with zeros (end of list). */
export function buildIpv4(header: Ipv4Header, payload: Uint8Array): Uint8Array {
  const headerBytes = IPV4_HEADER_BYTES + 4 * Math.min(10, Math.ceil(header.options.length / 4));
  const packet = new Uint8Array(headerBytes + payload.length);
  packet[0] = 0x40 | (headerBytes / 4);
  packet[1] = (header.dscp << 2) | (header.ecn & 3);
  put16(packet, 2, packet.length);
  put16(packet, 4, header.identification);
  const flags = (header.dontFragment ? 0x4000 : 0) | (header.moreFragments ? 0x2000 : 0);
  put16(packet, 6, flags | (header.fragmentOffset & 0x1fff));
  packet[8] = header.timeToLive;
  packet[9] = header.protocol;
  put32(packet, 12, header.source);
  put32(packet, 16, header.destination);
  packet.set(header.options.subarray(0, headerBytes - IPV4_HEADER_BYTES), IPV4_HEADER_BYTES);
  put16(packet, 10, internetChecksum(packet, 0, headerBytes));
  packet.set(payload, headerBytes);
  return packet;
}

/** A header without options and fragments, a time to live of 64. */
export function plainIpv4(
  parts: Pick<Ipv4Header, 'protocol' | 'source' | 'destination'> & Partial<Ipv4Header>,
): Ipv4Header {
  return {
    dscp: 0,
    ecn: 0,
    identification: 0,
    dontFragment: false,
    moreFragments: false,
    fragmentOffset: 0,
    timeToLive: 64,
    options: new Uint8Array(0),
    ...parts,
  };
}
