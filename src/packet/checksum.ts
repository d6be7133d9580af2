import { join, put16, put32 } from './word.js';

/** The Internet checksum and what it is taken over. */

/**
 * RFC 1071: the ones' complement of the ones' complement sum of 16-bit words; an odd last byte counts as if a zero
 * followed. Over data that hold their own checksum it is 0 if that is right.
 */
export function internetChecksum(bytes: Uint8Array, from = 0, to: number = bytes.length): number {
  let sum = 0;
  for (let at = from; at < to; at += 2) sum += (bytes[at]! << 8) | (at + 1 < to ? bytes[at + 1]! : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** Addresses of the packet around a segment: both 32-bit numbers (IPv4) or both of 16 bytes (IPv6). */
export type Addresses =
  | { readonly source: number; readonly destination: number }
  | { readonly source: Uint8Array; readonly destination: Uint8Array };

/** The checksum of UDP, TCP and ICMPv6 with its pseudo-header: RFC 768, RFC 9293 3.1, RFC 8200 8.1. */
export function transportChecksum(addresses: Addresses, protocol: number, segment: Uint8Array): number {
  return internetChecksum(join(pseudoHeader(addresses, protocol, segment.length), segment));
}

function pseudoHeader({ source, destination }: Addresses, protocol: number, lengthBytes: number): Uint8Array {
  if (typeof source === 'number') {
    const header = new Uint8Array(12);
    put32(header, 0, source);
    put32(header, 4, destination as number);
    header[9] = protocol;
    put16(header, 10, lengthBytes);
    return header;
  }
  const header = new Uint8Array(40);
  header.set(source.subarray(0, 16), 0);
  header.set((destination as Uint8Array).subarray(0, 16), 16);
  put32(header, 32, lengthBytes);
  header[39] = protocol;
  return header;
}
