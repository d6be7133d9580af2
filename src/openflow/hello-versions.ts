import { OFP_HEADER_BYTES } from './constants.js';
import { u16, u32 } from './reader.js';

const ELEMENT_VERSIONBITMAP = 1;
const HIGHEST_ELEMENT_BITS = 32;

/**
 * The wire versions that a hello offers, in rising order: those of its bitmap, or all up to the version of its header
 * if it has none (1.3.5 6.3.1). Tolerant on purpose: a hello of an unknown version, or with elements that make no
 * sense, must still be answered, so whatever cannot be read is ignored. Never empty for a version above 0.
 */
export function helloVersions(bytes: Uint8Array, offset: number, length: number): number[] {
  return (
    bitmapVersions(bytes, offset, length) ??
    Array.from({ length: Math.min(bytes[offset], HIGHEST_ELEMENT_BITS - 1) }, (_, i) => i + 1)
  );
}

/** Does the hello name its versions one by one? If not, only the smaller of the two headers can be agreed on (6.3.1). */
export function hasVersionBitmap(bytes: Uint8Array, offset: number, length: number): boolean {
  return bitmapVersions(bytes, offset, length) !== undefined;
}

function bitmapVersions(bytes: Uint8Array, offset: number, length: number): number[] | undefined {
  const end = offset + length;
  let at = offset + OFP_HEADER_BYTES;
  while (end - at >= 8) {
    const elementBytes = u16(bytes, at + 2);
    if (elementBytes < 4 || elementBytes > end - at) break;
    if (u16(bytes, at) === ELEMENT_VERSIONBITMAP && elementBytes >= 8) {
      const offered = bits(u32(bytes, at + 4));
      if (offered.length > 0) return offered;
    }
    at += (elementBytes + 7) & ~7;
  }
  return undefined;
}

function bits(word: number): number[] {
  return Array.from({ length: HIGHEST_ELEMENT_BITS }, (_, bit) => bit).filter((bit) => (word >>> bit) & 1);
}
