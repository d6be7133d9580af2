import { failed, limitOf, missing, type Parsed, parsed } from './parsed.js';
import { copy, put16, put32, u16, u32 } from './word.js';

/** IPv6 headers and the extension headers before the transport, RFC 8200. */

export const IPV6_HEADER_BYTES = 40;
const FRAGMENT = 44;
/** Hop-by-hop options, routing, destination options: their second byte is a length in units of 8 bytes after the first. */
const OPTION_HEADERS: ReadonlySet<number> = new Set([0, 43, 60]);

export interface Ipv6Header {
  /** DSCP and ECN together, 8 bits. */
  readonly trafficClass: number;
  /** 20 bits. */
  readonly flowLabel: number;
  /** What follows this header: an extension header or the transport. */
  readonly nextHeader: number;
  readonly hopLimit: number;
  /** 16 bytes each. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

export interface Ipv6Packet extends Ipv6Header {
  readonly payloadOffset: number;
  readonly payloadEnd: number;
  /** The packet goes on after what is there. */
  readonly cut: boolean;
  /** The protocol behind the extension headers, and where it starts. */
  readonly protocol: number;
  readonly protocolOffset: number;
  /** In units of 8 bytes; only the fragment at 0 holds the header of the transport. */
  readonly fragmentOffset: number;
}

export function parseIpv6(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<Ipv6Packet> {
  const limit = limitOf(bytes, end);
  const short = missing('ipv6', offset, limit, IPV6_HEADER_BYTES);
  if (short !== undefined) return short;
  const first = u32(bytes, offset);
  if (first >>> 28 !== 6) return failed('unsupported', offset, `ipv6: version ${first >>> 28}`);
  const payloadOffset = offset + IPV6_HEADER_BYTES;
  const wholeEnd = payloadOffset + u16(bytes, offset + 4);
  const payloadEnd = Math.min(limit, wholeEnd);
  const nextHeader = bytes[offset + 6]!;
  const walked = skipExtensions(bytes, nextHeader, payloadOffset, payloadEnd);
  if (!walked.ok) return walked;
  return parsed({
    trafficClass: (first >>> 20) & 0xff,
    flowLabel: first & 0xfffff,
    nextHeader,
    hopLimit: bytes[offset + 7]!,
    source: copy(bytes, offset + 8, 16),
    destination: copy(bytes, offset + 24, 16),
    payloadOffset,
    payloadEnd,
    cut: wholeEnd > limit,
    ...walked.value,
  });
}

type Walked = Pick<Ipv6Packet, 'protocol' | 'protocolOffset' | 'fragmentOffset'>;

/** Every step goes at least 8 bytes on. What stands behind a later fragment's header is data and not looked at. */
function skipExtensions(bytes: Uint8Array, nextHeader: number, from: number, end: number): Parsed<Walked> {
  let protocol = nextHeader;
  let at = from;
  let fragmentOffset = 0;
  while (fragmentOffset === 0 && (protocol === FRAGMENT || OPTION_HEADERS.has(protocol))) {
    const short = missing('ipv6 extension header', at, end, 8);
    if (short !== undefined) return short;
    const headerBytes = protocol === FRAGMENT ? 8 : 8 * (bytes[at + 1]! + 1);
    const cut = missing('ipv6 extension header', at, end, headerBytes);
    if (cut !== undefined) return cut;
    if (protocol === FRAGMENT) fragmentOffset = u16(bytes, at + 2) >> 3;
    protocol = bytes[at]!;
    at += headerBytes;
  }
  return parsed({ protocol, protocolOffset: at, fragmentOffset });
}

/** `payload` starts with what `nextHeader` says, and has at most 65,535 bytes. */
export function buildIpv6(header: Ipv6Header, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(IPV6_HEADER_BYTES + payload.length);
  put32(packet, 0, (6 << 28) | ((header.trafficClass & 0xff) << 20) | (header.flowLabel & 0xfffff));
  put16(packet, 4, payload.length);
  packet[6] = header.nextHeader;
  packet[7] = header.hopLimit;
  packet.set(header.source.subarray(0, 16), 8);
  packet.set(header.destination.subarray(0, 16), 24);
  packet.set(payload, IPV6_HEADER_BYTES);
  return packet;
}
