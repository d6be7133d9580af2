/** The 8-byte header of every message (1.3.5 A.1): read in place, without an object. */

export function versionAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset];
}

export function typeAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 1];
}

/** Length of the whole message in bytes, header included. */
export function lengthAt(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2] << 8) | bytes[offset + 3];
}

export function xidAt(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset + 4] << 24) | (bytes[offset + 5] << 16) | (bytes[offset + 6] << 8) | bytes[offset + 7]) >>>
    0
  );
}

/** The type of a multipart (in 1.0: statistics) message; call it only on messages of at least 12 bytes. */
export function multipartTypeAt(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 8] << 8) | bytes[offset + 9];
}

/** The flags of a multipart (in 1.0: statistics) message; call it only on messages of at least 12 bytes. */
export function multipartFlagsAt(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 10] << 8) | bytes[offset + 11];
}
