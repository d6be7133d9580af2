import { EncodeError } from './encode-error.js';
import type { OxmRef } from './generated/types.js';
import { readOxmRef, writeOxmRef } from './oxm-refs.js';
import { copy, type Reader, u16 } from './reader.js';
import type { SlabWriter } from './slab-writer.js';
import { write16, writeRest } from './write-fields.js';

/** The steps of the Nicira action `learn`: each says which bits of the learned flow come from where. ovs-actions(7). */

export interface LearnField {
  readonly field: OxmRef;
  /** The first bit, counted from the low end. */
  readonly offset: number;
}

export interface LearnSpec {
  /** How many bits, from 1 to 2047. */
  readonly n_bits: number;
  /** A field of the packet, or a constant whose bytes are as many 16-bit words as hold `n_bits`. */
  readonly src:
    | ({ readonly type: 'field' } & LearnField)
    | { readonly type: 'immediate'; readonly value: Uint8Array };
  /** A field that the learned flow matches or sets; `output` sends to the port that the bits name. */
  readonly dst: ({ readonly type: 'match' | 'load' } & LearnField) | { readonly type: 'output' };
}

const N_BITS = 0x7ff;
const IMMEDIATE = 1 << 13;
const DST_SHIFT = 11;
const DST_TYPES = ['match', 'load', 'output'] as const;
const RESERVED = 0xc000;

function immediateBytes(nBits: number): number {
  return 2 * Math.ceil(nBits / 16);
}

/** Up to a step of zeros or to `limit`; what follows is padding and left to the caller. */
export function readLearnSpecs(r: Reader, limit: number, path: string): LearnSpec[] | undefined {
  const specs: LearnSpec[] = [];
  while (limit - r.at >= 2) {
    const at = r.at;
    const head = u16(r.bytes, at);
    if (head === 0) break;
    const type = DST_TYPES[(head >> DST_SHIFT) & 3];
    if ((head & RESERVED) !== 0 || (head & N_BITS) === 0 || type === undefined)
      return r.fail('bad_type', at, `${path}: 0x${head.toString(16)} is no step`);
    r.steps += 1;
    r.at = at + 2;
    const n_bits = head & N_BITS;
    const src = (head & IMMEDIATE) !== 0 ? readImmediate(r, limit, n_bits, path) : readField(r, limit, path);
    if (src === undefined) return undefined;
    if (type === 'output') {
      specs.push({ n_bits, src, dst: { type } });
      continue;
    }
    const dst = readField(r, limit, path);
    if (dst === undefined) return undefined;
    specs.push({ n_bits, src, dst: { ...dst, type } });
  }
  return specs;
}

function readImmediate(r: Reader, limit: number, nBits: number, path: string): LearnSpec['src'] | undefined {
  const width = immediateBytes(nBits);
  if (limit - r.at < width)
    return r.fail('truncated', r.at, `${path}: ${limit - r.at} bytes left for a constant of ${width}`);
  const value = copy(r.bytes, r.at, r.at + width);
  r.at += width;
  return { type: 'immediate', value };
}

function readField(
  r: Reader,
  limit: number,
  path: string,
): ({ readonly type: 'field' } & LearnField) | undefined {
  const field = readOxmRef(r, limit, path);
  if (field === undefined) return undefined;
  if (limit - r.at < 2) return r.fail('truncated', r.at, `${path}: the offset in a field is cut off`);
  const offset = u16(r.bytes, r.at);
  r.at += 2;
  return { type: 'field', field, offset };
}

export function writeLearnSpecs(w: SlabWriter, specs: readonly LearnSpec[], path: string): void {
  for (const { n_bits, src, dst } of specs) {
    if ((n_bits & N_BITS) !== n_bits || n_bits === 0)
      throw new EncodeError(`${path}.n_bits`, `expected 1 to ${N_BITS}, got ${n_bits}`);
    const type = DST_TYPES.indexOf(dst.type);
    const head = n_bits | (src.type === 'immediate' ? IMMEDIATE : 0) | (type << DST_SHIFT);
    if (type < 0) throw new EncodeError(`${path}.dst.type`, `"${String(dst.type)}" is unknown`);
    write16(w, head, path);
    if (src.type === 'field') writeField(w, src, `${path}.src`);
    else writeImmediate(w, src.value, n_bits, `${path}.src.value`);
    if (dst.type !== 'output') writeField(w, dst, `${path}.dst`);
  }
}

function writeImmediate(w: SlabWriter, value: Uint8Array, nBits: number, path: string): void {
  const width = immediateBytes(nBits);
  if (!(value instanceof Uint8Array) || value.length !== width)
    throw new EncodeError(path, `expected ${width} bytes for ${nBits} bits`);
  writeRest(w, value, path);
}

function writeField(w: SlabWriter, { field, offset }: LearnField, path: string): void {
  writeOxmRef(w, field, `${path}.field`);
  write16(w, offset, `${path}.offset`);
}
