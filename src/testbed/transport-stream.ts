/** MPEG transport streams (ISO/IEC 13818-1, 2.4.3), as far as a receiver must read them to count what is missing. */

export const tsPacketBytes = 188;
export const ptsHz = 90_000;
/** A PTS counts modulo 2^33, 26.5 hours. */
export const ptsModulus = 2 ** 33;

export interface TsPacket {
  readonly pid: number;
  /** modulo 16, one more in each packet of the PID that carries payload */
  readonly continuityCounter: number;
  readonly hasPayload: boolean;
  /** presentation time of the video frame that begins here, 1/90,000 s; undefined: none begins */
  readonly framePts: number | undefined;
}

/** Stuffing, which is no part of any stream. */
export const nullPid = 0x1fff;

/** undefined: no packet begins at `at`. */
export function readTsPacket(bytes: Uint8Array, at: number): TsPacket | undefined {
  if (bytes[at] !== 0x47 || at + tsPacketBytes > bytes.length) return undefined;
  const control = bytes[at + 3]!;
  const hasPayload = (control & 0x10) !== 0;
  const begins = (bytes[at + 1]! & 0x40) !== 0 && hasPayload;
  const payload = at + 4 + ((control & 0x20) === 0 ? 0 : 1 + bytes[at + 4]!);
  return {
    pid: ((bytes[at + 1]! & 0x1f) << 8) | bytes[at + 2]!,
    continuityCounter: control & 0x0f,
    hasPayload,
    framePts: begins ? readPts(bytes.subarray(payload, at + tsPacketBytes)) : undefined,
  };
}

/** From the header of a packet of a video stream (2.4.3.7). */
function readPts(pes: Uint8Array): number | undefined {
  if (pes.length < 14 || pes[0] !== 0 || pes[1] !== 0 || pes[2] !== 1) return undefined;
  if ((pes[3]! & 0xf0) !== 0xe0 || (pes[7]! & 0x80) === 0) return undefined;
  const high = (pes[9]! >> 1) & 7;
  const middle = (pes[10]! << 7) | (pes[11]! >> 1);
  const low = (pes[12]! << 7) | (pes[13]! >> 1);
  return high * 2 ** 30 + middle * 2 ** 15 + low;
}
