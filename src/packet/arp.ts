import { failed, limitOf, missing, type Parsed, parsed } from './parsed.js';
import { copy, put16, put32, u16, u32 } from './word.js';

/** ARP (RFC 826) and RARP (RFC 903) for IPv4 over Ethernet: one layout, told apart by the EtherType and the operation. */

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;
export const RARP_REQUEST = 3;
export const RARP_REPLY = 4;
export const ARP_BYTES = 28;

export interface ArpPacket {
  readonly operation: number;
  /** Hardware addresses have 6 bytes, protocol addresses are 32-bit numbers. */
  readonly senderHardware: Uint8Array;
  readonly senderProtocol: number;
  readonly targetHardware: Uint8Array;
  readonly targetProtocol: number;
}

export function parseArp(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<ArpPacket> {
  const short = missing('arp', offset, limitOf(bytes, end), ARP_BYTES);
  if (short !== undefined) return short;
  if (u16(bytes, offset) !== 1)
    return failed('unsupported', offset, `arp: hardware ${u16(bytes, offset)}, not Ethernet`);
  if (u16(bytes, offset + 2) !== 0x0800)
    return failed('unsupported', offset + 2, `arp: protocol ${u16(bytes, offset + 2)}, not IPv4`);
  if (bytes[offset + 4] !== 6 || bytes[offset + 5] !== 4)
    return failed(
      'bad_length',
      offset + 4,
      `arp: addresses of ${bytes[offset + 4]} and ${bytes[offset + 5]} bytes, expected 6 and 4`,
    );
  return parsed({
    operation: u16(bytes, offset + 6),
    senderHardware: copy(bytes, offset + 8, 6),
    senderProtocol: u32(bytes, offset + 14),
    targetHardware: copy(bytes, offset + 18, 6),
    targetProtocol: u32(bytes, offset + 24),
  });
}

export function buildArp(packet: ArpPacket): Uint8Array {
  const bytes = new Uint8Array(ARP_BYTES);
  put16(bytes, 0, 1);
  put16(bytes, 2, 0x0800);
  bytes[4] = 6;
  bytes[5] = 4;
  put16(bytes, 6, packet.operation);
  bytes.set(packet.senderHardware.subarray(0, 6), 8);
  put32(bytes, 14, packet.senderProtocol);
  bytes.set(packet.targetHardware.subarray(0, 6), 18);
  put32(bytes, 24, packet.targetProtocol);
  return bytes;
}

/** What a machine that starts at a new place sends, so that bridges learn the way to it: RFC 903, as QEMU does it. */
export function rarpAnnouncement(hardware: Uint8Array): ArpPacket {
  return {
    operation: RARP_REQUEST,
    senderHardware: hardware,
    senderProtocol: 0,
    targetHardware: hardware,
    targetProtocol: 0,
  };
}
