/**
 * The bytes of both versions as the generator needs them, written down here from the specification and not taken from
 * the project's codec: what measures must not share the faults of what it measures.
 */
export type Version = 1 | 4;

export const type = {
  hello: 0,
  error: 1,
  echoRequest: 2,
  echoReply: 3,
  featuresRequest: 5,
  featuresReply: 6,
  getConfigRequest: 7,
  getConfigReply: 8,
  packetIn: 10,
  packetOut: 13,
  flowMod: 14,
} as const;

export interface Frame {
  readonly inPort: number;
  readonly destination: number;
  readonly source: number;
}

/** Bytes of one Ethernet frame without its checksum: the smallest that a switch hands on. */
const frameBytes = 60;
export const packetInBytes = (version: Version): number => (version === 1 ? 18 : 42) + frameBytes;
export const xidAt = 4;
export const bufferAt = 8;

/** Hosts have addresses 02:00:00:00:00:00 plus their number. */
export function putAddress(b: Uint8Array, at: number, host: number): void {
  b[at] = 2;
  b[at + 1] = 0;
  put32(b, at + 2, host);
}
export const isAddress = (b: Uint8Array, at: number, host: number): boolean =>
  b[at] === 2 && b[at + 1] === 0 && u32(b, at + 2) === host;

export const u16 = (b: Uint8Array, at: number): number => (b[at]! << 8) | b[at + 1]!;
export const u32 = (b: Uint8Array, at: number): number =>
  ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
export function put16(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 8;
  b[at + 1] = value;
}
export function put32(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
}

export function header(
  b: Uint8Array,
  at: number,
  version: Version,
  kind: number,
  length: number,
  xid: number,
): void {
  b[at] = version;
  b[at + 1] = kind;
  put16(b, at + 2, length);
  put32(b, at + xidAt, xid);
}

export function message(version: Version, kind: number, xid: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + body.length);
  header(bytes, 0, version, kind, bytes.length, xid);
  bytes.set(body, 8);
  return bytes;
}

/** A packet-in with an IPv4 UDP frame, at `at` in `b`; `destination` undefined: an ARP announcement to everybody. */
export function putPacketIn(
  b: Uint8Array,
  at: number,
  version: Version,
  frame: Omit<Frame, 'destination'> & { readonly destination?: number },
): void {
  const length = packetInBytes(version);
  b.fill(0, at, at + length);
  header(b, at, version, type.packetIn, length, 0);
  put16(b, at + 12, frameBytes);
  if (version === 1) {
    put16(b, at + 14, frame.inPort);
  } else {
    put16(b, at + 24, 1);
    put16(b, at + 26, 12);
    put32(b, at + 28, 0x8000_0004);
    put32(b, at + 32, frame.inPort);
  }
  const data = at + length - frameBytes;
  if (frame.destination === undefined) b.fill(0xff, data, data + 6);
  else putAddress(b, data, frame.destination);
  putAddress(b, data + 6, frame.source);
  put16(b, data + 12, frame.destination === undefined ? 0x0806 : 0x0800);
  if (frame.destination === undefined) return;
  // IPv4, 46 bytes, UDP from 10.0.0.1 to 10.0.0.2.
  b.set([0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0x66, 0xbd, 10, 0, 0, 1, 10, 0, 0, 2], data + 14);
  b.set([0, 9, 0, 9, 0, 26], data + 34);
}
