import { catalogue } from './descriptors/index.js';
import type { OxmRow } from './descriptors/language.js';
import { EncodeError } from './encode-error.js';
import type { OxmId, OxmName, OxmRef } from './generated/types.js';
import { type Reader, u32 } from './reader.js';
import type { SlabWriter } from './slab-writer.js';
import { put32, write32, writeOxmIds } from './write-fields.js';

/**
 * Match fields named in actions by their header alone. A header that is exactly the one of a field that the tables
 * have becomes its name; one with a mask, of another length or of an unknown field stays an `OxmId`.
 */

const EXPERIMENTER_CLASS = 0xffff;
const EXPERIMENTER_ID_BYTES = 4;

function headerOf(row: OxmRow): number {
  const length = row.bytes + (row.experimenter === undefined ? 0 : EXPERIMENTER_ID_BYTES);
  return ((row.oxmClass << 16) | (row.id << 9) | length) >>> 0;
}

const headers = new Map(
  catalogue.oxm.map((row) => [row.name, { header: headerOf(row), id: row.experimenter }]),
);
const plainNames = new Map<number, OxmName>();
const vendorNames = new Map<number, Map<number, OxmName>>();
for (const row of catalogue.oxm) {
  const name = row.name as OxmName;
  if (row.experimenter === undefined) plainNames.set(headerOf(row), name);
  else {
    const names = vendorNames.get(row.experimenter) ?? new Map<number, OxmName>();
    vendorNames.set(row.experimenter, names.set(headerOf(row), name));
  }
}

function idOf(header: number): OxmId {
  return {
    oxm_class: header >>> 16,
    oxm_field: (header >> 9) & 0x7f,
    has_mask: ((header >> 8) & 1) === 1,
    oxm_length: header & 0xff,
  };
}

/** The field named by the 4 bytes at `o`; those of experimenters cannot be told apart by so few. */
export function readOxmHeader(b: Uint8Array, o: number): OxmRef {
  const header = u32(b, o);
  return plainNames.get(header) ?? idOf(header);
}

/** The field named at the cursor by 4 bytes, or 8 if it is one of an experimenter. */
export function readOxmRef(r: Reader, limit: number, path: string): OxmRef | undefined {
  const at = r.at;
  if (limit - at < 4) return r.fail('truncated', at, `${path}: ${limit - at} bytes left, a header has 4`);
  const header = u32(r.bytes, at);
  if (header >>> 16 !== EXPERIMENTER_CLASS) {
    r.at = at + 4;
    return plainNames.get(header) ?? idOf(header);
  }
  if (limit - at < 8)
    return r.fail('truncated', at, `${path}: ${limit - at} bytes left, an experimenter's header has 8`);
  r.at = at + 8;
  const experimenter = u32(r.bytes, at + 4);
  return vendorNames.get(experimenter)?.get(header) ?? { ...idOf(header), experimenter };
}

function known(name: OxmName, path: string): { readonly header: number; readonly id: number | undefined } {
  const found = headers.get(name);
  if (found === undefined) throw new EncodeError(path, `"${String(name)}" is no match field`);
  return found;
}

export function putOxmHeader(b: Uint8Array, o: number, ref: OxmRef, path: string): void {
  if (typeof ref !== 'string') {
    if ((ref.oxm_field & 0x7f) !== ref.oxm_field) throw new EncodeError(`${path}.oxm_field`, 'has 7 bits');
    const low = (ref.oxm_field << 9) | (ref.has_mask ? 0x100 : 0) | ref.oxm_length;
    put32(b, o, ref.oxm_class * 0x10000 + low, path);
    return;
  }
  const { header, id } = known(ref, path);
  if (id !== undefined) throw new EncodeError(path, `"${ref}" is an experimenter's and does not fit 4 bytes`);
  put32(b, o, header, path);
}

export function writeOxmRef(w: SlabWriter, ref: OxmRef, path: string): void {
  if (typeof ref !== 'string') {
    writeOxmIds(w, [ref], path);
    return;
  }
  const { header, id } = known(ref, path);
  write32(w, header, path);
  if (id !== undefined) write32(w, id, path);
}
