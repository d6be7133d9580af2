import { OFP_MAX_MESSAGE_BYTES } from './constants.js';
import { EncodeError } from './encode-error.js';
import type { OxmBigint, OxmBytes, OxmId, OxmNumber, OxmRaw, OxsRaw } from './generated/types.js';
import { usualTail } from './reader.js';
import type { SlabWriter } from './slab-writer.js';
import { textBytes } from './text.js';
import { highHalf, lowHalf } from './word64.js';

/** What the generated encoders are made of. Every value is checked: a wrong one would corrupt its neighbours. */

const EXPERIMENTER_CLASS = 0xffff;

function notInteger(path: string, bits: number, value: unknown): EncodeError {
  return new EncodeError(path, `expected an unsigned integer of ${bits} bits, got ${String(value)}`);
}

export function put8(b: Uint8Array, o: number, value: number, path: string): void {
  if ((value & 0xff) !== value) throw notInteger(path, 8, value);
  b[o] = value;
}

export function put16(b: Uint8Array, o: number, value: number, path: string): void {
  if ((value & 0xffff) !== value) throw notInteger(path, 16, value);
  b[o] = value >> 8;
  b[o + 1] = value;
}

export function put24(b: Uint8Array, o: number, value: number, path: string): void {
  if ((value & 0xffffff) !== value) throw notInteger(path, 24, value);
  b[o] = value >> 16;
  b[o + 1] = value >> 8;
  b[o + 2] = value;
}

export function put32(b: Uint8Array, o: number, value: number, path: string): void {
  if (value >>> 0 !== value) throw notInteger(path, 32, value);
  b[o] = value >>> 24;
  b[o + 1] = value >>> 16;
  b[o + 2] = value >>> 8;
  b[o + 3] = value;
}

export function put64(b: Uint8Array, o: number, value: bigint, path: string): void {
  if (typeof value !== 'bigint' || value < 0n || value > 0xffff_ffff_ffff_ffffn)
    throw notInteger(path, 64, value);
  put32(b, o, highHalf(value), path);
  put32(b, o + 4, lowHalf(value), path);
}

export function put32s(
  b: Uint8Array,
  o: number,
  values: readonly number[],
  count: number,
  path: string,
): void {
  if (values.length !== count) throw new EncodeError(path, `expected ${count} numbers, got ${values.length}`);
  for (let i = 0; i < count; i += 1) put32(b, o + 4 * i, values[i], path);
}

export function putBytes(b: Uint8Array, o: number, value: Uint8Array, length: number, path: string): void {
  if (!(value instanceof Uint8Array) || value.length !== length)
    throw new EncodeError(path, `expected ${length} bytes`);
  b.set(value, o);
}

export function putText(b: Uint8Array, o: number, value: string, length: number, path: string): void {
  const encoded = textBytes(value);
  if (encoded.length > length)
    throw new EncodeError(path, `${encoded.length} bytes of text, at most ${length} fit`);
  b.set(encoded, o);
}

/** The same at the end of what is written. */
export function write8(w: SlabWriter, value: number, path: string): void {
  const at = w.reserve(1);
  put8(w.bytes, at, value, path);
}

export function write16(w: SlabWriter, value: number, path: string): void {
  const at = w.reserve(2);
  put16(w.bytes, at, value, path);
}

export function write32(w: SlabWriter, value: number, path: string): void {
  const at = w.reserve(4);
  put32(w.bytes, at, value, path);
}

export function write64(w: SlabWriter, value: bigint, path: string): void {
  const at = w.reserve(8);
  put64(w.bytes, at, value, path);
}

export function writeBytes(w: SlabWriter, value: Uint8Array, length: number, path: string): void {
  const at = w.reserve(length);
  putBytes(w.bytes, at, value, length, path);
}

export function writeRest(w: SlabWriter, value: Uint8Array, path: string): void {
  if (!(value instanceof Uint8Array)) throw new EncodeError(path, 'expected bytes');
  const at = w.reserve(value.length);
  w.bytes.set(value, at);
}

export function writeU8List(w: SlabWriter, values: readonly number[], path: string): void {
  const at = w.reserve(values.length);
  for (let i = 0; i < values.length; i += 1) put8(w.bytes, at + i, values[i], path);
}

export function writeU16List(w: SlabWriter, values: readonly number[], path: string): void {
  const at = w.reserve(2 * values.length);
  for (let i = 0; i < values.length; i += 1) put16(w.bytes, at + 2 * i, values[i], path);
}

export function writeU32List(w: SlabWriter, values: readonly number[], path: string): void {
  const at = w.reserve(4 * values.length);
  for (let i = 0; i < values.length; i += 1) put32(w.bytes, at + 4 * i, values[i], path);
}

/** Writes into `lengthAt` how many bytes there are from `start` to the end of what is written. */
export function patchLength(w: SlabWriter, start: number, lengthAt: number, path: string): void {
  const length = w.at - start;
  if (length > OFP_MAX_MESSAGE_BYTES)
    throw new EncodeError(path, `${length} bytes, a length field counts to ${OFP_MAX_MESSAGE_BYTES}`);
  w.bytes[lengthAt] = length >> 8;
  w.bytes[lengthAt + 1] = length;
}

/** Claims the zeros up to the next multiple of 8 after `start` and answers how many they are. */
export function align(w: SlabWriter, start: number): number {
  const count = (start - w.at) & 7;
  w.reserve(count);
  return count;
}

/**
 * Claims the padding that ends a structure and answers how much it is: the usual, or what is left of `padding` after
 * the `before` bytes that stand elsewhere if that is more.
 */
export function endPadding(
  w: SlabWriter,
  start: number,
  least: number,
  padding: Uint8Array | undefined,
  before: number,
): number {
  const usual = usualTail(w.at - start, least);
  const count = padding === undefined ? usual : Math.max(usual, padding.length - before);
  w.reserve(count);
  return count;
}

/** The value of a property that must be there if and only if the flags say so. */
export function agreed<T>(value: T | undefined, wanted: boolean, path: string): T | undefined {
  if (wanted === (value !== undefined)) return value;
  throw new EncodeError(path, wanted ? 'missing, but flagged' : 'given, but not flagged');
}

/** Puts back padding that was not zero when it was decoded; `places` are position and length in turn. */
export function scatter(b: Uint8Array, padding: Uint8Array, places: readonly number[], path: string): void {
  let from = 0;
  for (let i = 0; i < places.length; i += 2) {
    b.set(padding.subarray(from, from + places[i + 1]), places[i]);
    from += places[i + 1];
  }
  if (padding.length > from) {
    throw new EncodeError(`${path}.padding`, `${padding.length} bytes, the structure has ${from}`);
  }
}

function oxmHeader(w: SlabWriter, header: number, width: number, masked: boolean): number {
  const length = masked ? 2 * width : width;
  const at = w.reserve(4 + length);
  const b = w.bytes;
  b[at] = header >>> 24;
  b[at + 1] = header >>> 16;
  b[at + 2] = (header >>> 8) | (masked ? 1 : 0);
  b[at + 3] = length;
  return at + 4;
}

/** `header` is class, field and a zero mask bit and length. */
export function oxm8(w: SlabWriter, header: number, f: OxmNumber): void {
  const at = oxmHeader(w, header, 1, f.mask !== undefined);
  put8(w.bytes, at, f.value, f.field);
  if (f.mask !== undefined) put8(w.bytes, at + 1, f.mask, f.field);
}

export function oxm16(w: SlabWriter, header: number, f: OxmNumber): void {
  const at = oxmHeader(w, header, 2, f.mask !== undefined);
  put16(w.bytes, at, f.value, f.field);
  if (f.mask !== undefined) put16(w.bytes, at + 2, f.mask, f.field);
}

export function oxm24(w: SlabWriter, header: number, f: OxmNumber): void {
  const at = oxmHeader(w, header, 3, f.mask !== undefined);
  put24(w.bytes, at, f.value, f.field);
  if (f.mask !== undefined) put24(w.bytes, at + 3, f.mask, f.field);
}

export function oxm32(w: SlabWriter, header: number, f: OxmNumber): void {
  const at = oxmHeader(w, header, 4, f.mask !== undefined);
  put32(w.bytes, at, f.value, f.field);
  if (f.mask !== undefined) put32(w.bytes, at + 4, f.mask, f.field);
}

export function oxm64(w: SlabWriter, header: number, f: OxmBigint): void {
  const at = oxmHeader(w, header, 8, f.mask !== undefined);
  put64(w.bytes, at, f.value, f.field);
  if (f.mask !== undefined) put64(w.bytes, at + 8, f.mask, f.field);
}

export function oxmBytes(w: SlabWriter, header: number, width: number, f: OxmBytes): void {
  const at = oxmHeader(w, header, width, f.mask !== undefined);
  putBytes(w.bytes, at, f.value, width, f.field);
  if (f.mask !== undefined) putBytes(w.bytes, at + width, f.mask, width, f.field);
}

/** A value of any length up to `most` bytes. */
export function oxmVariable(w: SlabWriter, header: number, most: number, f: OxmBytes): void {
  if (!(f.value instanceof Uint8Array) || f.value.length > most)
    throw new EncodeError(f.field, `expected at most ${most} bytes`);
  oxmBytes(w, header, f.value.length, f);
}

/** A field of class OFPXMC_EXPERIMENTER, which has the vendor's identifier before the value. */
export function oxmExperimenter(
  w: SlabWriter,
  header: number,
  experimenter: number,
  width: 1 | 2 | 4,
  f: OxmNumber,
): void {
  const masked = f.mask !== undefined;
  const at = oxmHeader(w, header, width, masked);
  w.reserve(4);
  const b = w.bytes;
  b[at - 1] += 4;
  put32(b, at, experimenter, f.field);
  const put = { 1: put8, 2: put16, 4: put32 }[width];
  put(b, at + 4, f.value, f.field);
  if (f.mask !== undefined) put(b, at + 4 + width, f.mask, f.field);
}

export function oxmRaw(w: SlabWriter, f: OxmRaw): void {
  if (f.payload.length > 0xff)
    throw new EncodeError('raw.payload', `${f.payload.length} bytes, at most 255 fit`);
  const at = w.reserve(4);
  put16(w.bytes, at, f.oxm_class, 'raw.oxm_class');
  if ((f.oxm_field & 0x7f) !== f.oxm_field) throw notInteger('raw.oxm_field', 7, f.oxm_field);
  w.bytes[at + 2] = (f.oxm_field << 1) | (f.has_mask ? 1 : 0);
  w.bytes[at + 3] = f.payload.length;
  writeRest(w, f.payload, 'raw.payload');
}

export function writeOxmId(w: SlabWriter, id: OxmId, path: string): void {
  const experimental = id.oxm_class === EXPERIMENTER_CLASS;
  const at = w.reserve(experimental ? 8 : 4);
  put16(w.bytes, at, id.oxm_class, `${path}.oxm_class`);
  if ((id.oxm_field & 0x7f) !== id.oxm_field) throw notInteger(`${path}.oxm_field`, 7, id.oxm_field);
  w.bytes[at + 2] = (id.oxm_field << 1) | (id.has_mask ? 1 : 0);
  put8(w.bytes, at + 3, id.oxm_length, `${path}.oxm_length`);
  if (!experimental) return;
  if (id.experimenter === undefined)
    throw new EncodeError(`${path}.experimenter`, 'missing for class 0xffff');
  put32(w.bytes, at + 4, id.experimenter, `${path}.experimenter`);
}

export function writeOxmIds(w: SlabWriter, ids: readonly OxmId[], path: string): void {
  for (const id of ids) writeOxmId(w, id, path);
}

/** `header` is class, field, a zero bit and the length; answers where the value of `width` bytes goes. */
export function oxsHeader(w: SlabWriter, header: number, width: number): number {
  const at = w.reserve(4 + width);
  put32(w.bytes, at, header, 'oxs');
  return at + 4;
}

export function oxsRaw(w: SlabWriter, f: OxsRaw): void {
  if (f.payload.length > 0xff)
    throw new EncodeError('raw.payload', `${f.payload.length} bytes, at most 255 fit`);
  const at = w.reserve(4);
  put16(w.bytes, at, f.oxs_class, 'raw.oxs_class');
  if ((f.oxs_field & 0x7f) !== f.oxs_field) throw notInteger('raw.oxs_field', 7, f.oxs_field);
  if ((f.reserved & 1) !== f.reserved) throw notInteger('raw.reserved', 1, f.reserved);
  w.bytes[at + 2] = (f.oxs_field << 1) | f.reserved;
  w.bytes[at + 3] = f.payload.length;
  writeRest(w, f.payload, 'raw.payload');
}
