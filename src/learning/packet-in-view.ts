import { lengthAt, OFP_NO_BUFFER, versionAt } from '../openflow/index.js';
import { u16, u32 } from '../openflow/reader.js';

const oxmInPort = 0x8000_0004;
const etherHeaderBytes = 14;

/**
 * What a learning switch reads of a packet-in, in place and without an object for each message: one view is filled
 * again and again. OpenFlow 1.0.0 5.4.1, 1.3.5 A.4.1.
 */
export class PacketInView {
  bufferId: number = OFP_NO_BUFFER;
  /** as it stands in the message: 16 bits in 1.0, 32 in 1.3 */
  inPort = 0;
  /** of the frame in the message's bytes, and how many bytes of it came */
  frameAt = 0;
  frameBytes = 0;
  /** of the frame as it arrived at the switch */
  totalBytes = 0;
  /** addresses of the frame, as their high 16 and low 32 bits; only where `hasAddresses` */
  destinationHigh = 0;
  destinationLow = 0;
  sourceHigh = 0;
  sourceLow = 0;

  /** False if the message is too short for what it says it holds, or does not name its port. */
  read(bytes: Uint8Array, offset: number, length: number): boolean {
    if (lengthAt(bytes, offset) !== length) return false;
    return versionAt(bytes, offset) === 1
      ? this.#read10(bytes, offset, length)
      : this.#read13(bytes, offset, length);
  }

  #read10(bytes: Uint8Array, offset: number, length: number): boolean {
    if (length < 18) return false;
    this.bufferId = u32(bytes, offset + 8);
    this.totalBytes = u16(bytes, offset + 12);
    this.inPort = u16(bytes, offset + 14);
    this.#frame(bytes, offset + 18, offset + length);
    return true;
  }

  #read13(bytes: Uint8Array, offset: number, length: number): boolean {
    if (length < 34) return false;
    this.bufferId = u32(bytes, offset + 8);
    this.totalBytes = u16(bytes, offset + 12);
    const matchBytes = u16(bytes, offset + 26);
    const frameAt = offset + 24 + ((matchBytes + 7) & ~7) + 2;
    if (matchBytes < 4 || frameAt > offset + length) return false;
    const port = inPortField(bytes, offset + 28, offset + 24 + matchBytes);
    if (port < 0) return false;
    this.inPort = u32(bytes, port);
    this.#frame(bytes, frameAt, offset + length);
    return true;
  }

  #frame(bytes: Uint8Array, at: number, end: number): void {
    this.frameAt = at;
    this.frameBytes = end - at;
    if (!this.hasAddresses) return;
    this.destinationHigh = u16(bytes, at);
    this.destinationLow = u32(bytes, at + 2);
    this.sourceHigh = u16(bytes, at + 6);
    this.sourceLow = u32(bytes, at + 8);
  }

  /** Is there an Ethernet header? */
  get hasAddresses(): boolean {
    return this.frameBytes >= etherHeaderBytes;
  }

  /** Did the switch send all of the frame? */
  get isWhole(): boolean {
    return this.frameBytes >= this.totalBytes;
  }
}

/** Where the value of `in_port` is; -1 if it is not there. Switches send it first, so the first look nearly always ends it. */
function inPortField(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at + 4 <= end; ) {
    if (u32(bytes, at) === oxmInPort) return at + 8 <= end ? at + 4 : -1;
    at += 4 + bytes[at + 3]!;
  }
  return -1;
}
