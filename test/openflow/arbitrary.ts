import fc from 'fast-check';
import { catalogue } from '../../src/openflow/descriptors/index.js';
import {
  type Field,
  holds,
  type MultipartBody,
  type OxmRow,
  type TlvRow,
} from '../../src/openflow/descriptors/language.js';
import type { AnyMessage } from '../../src/openflow/generated/types.js';
import { learnSpecArbitrary, oxmHeaderArbitrary, oxmRefArbitrary } from './arbitrary-extensions.js';

/** Random messages of a version, made from the tables: a new row is covered without a new line here. */

const structs = new Map(catalogue.structs.map((row) => [row.name, row]));
const families = new Map(catalogue.tlvFamilies.map((family) => [family.name, family]));

const uint = (bits: number): fc.Arbitrary<number> => {
  const max = 2 ** bits - 1;
  return fc.oneof(fc.integer({ min: 0, max }), fc.constantFrom(0, 1, max, max - 1));
};
const uint64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n),
);
const fixedBytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

/** Text of at most `length` bytes in UTF-8 that does not end in NUL. */
const fittingText = (length: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: 'grapheme', maxLength: length })
    .filter((value) => Buffer.byteLength(value) <= length && !value.endsWith('\0'));

function oxmValue(row: OxmRow): fc.Arbitrary<unknown> {
  if (row.form === 'bytes') return fixedBytes(row.bytes);
  return row.form === 'bigint' ? uint64 : uint(8 * row.bytes);
}

function fixedOxm(row: OxmRow): fc.Arbitrary<unknown> {
  return fc.record(
    { field: fc.constant(row.name), value: oxmValue(row), mask: oxmValue(row) },
    { requiredKeys: ['field', 'value'] },
  );
}

/** Value and mask have the same number of bytes, which is free. */
function variableOxm(row: OxmRow): fc.Arbitrary<unknown> {
  const length = fc.integer({ min: 0, max: row.bytes });
  return length.chain((count) => fixedOxm({ ...row, bytes: count }));
}

const rawOxm = fc.record({
  field: fc.constant('raw'),
  // An experimenter's field number that no table has, so that the first bytes may be any vendor.
  oxm_class: fc.constantFrom(2, 0x7fff, 0x9000, 0xffff),
  oxm_field: fc.integer({ min: 100, max: 127 }),
  has_mask: fc.boolean(),
  payload: fc.uint8Array({ maxLength: 12 }),
});

/** Match fields, given a version that has them. */
export function oxmArbitrary(version: number): fc.Arbitrary<unknown> {
  const known = catalogue.oxm
    .filter((row) => holds(row.versions, version))
    .map((row) => (row.variable ? variableOxm(row) : fixedOxm(row)));
  return fc.oneof({ weight: 9, arbitrary: fc.oneof(...known) }, rawOxm);
}
const oxmId = fc.oneof(
  fc.record({
    oxm_class: fc.constantFrom(0, 0x8000),
    oxm_field: uint(7),
    has_mask: fc.boolean(),
    oxm_length: uint(8),
  }),
  fc.record({
    oxm_class: fc.constant(0xffff),
    oxm_field: uint(7),
    has_mask: fc.boolean(),
    oxm_length: uint(8),
    experimenter: uint(32),
  }),
);

/** Statistics fields; one that nobody knows may have the reserved bit set. */
function oxsArbitrary(version: number): fc.Arbitrary<unknown> {
  const known = catalogue.oxs
    .filter((row) => holds(row.versions, version))
    .map((row) => {
      const field = fc.constant(row.name);
      if (row.form === 'time') return fc.record({ field, seconds: uint(32), nanoseconds: uint(32) });
      return fc.record({ field, value: row.form === 'u32' ? uint(32) : uint64 });
    });
  const raw = fc.record({
    field: fc.constant('raw'),
    oxs_class: fc.constantFrom(0, 0x8000, 0xffff),
    oxs_field: uint(7),
    reserved: uint(1),
    payload: fc.uint8Array({ maxLength: 12 }),
  });
  return fc.oneof({ weight: 9, arbitrary: fc.oneof(...known) }, raw);
}

const few = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { maxLength: 4 });

/** Bytes that make an element of `headBytes` end on a multiple of 8, where the length counts the padding. */
function restBytes(headBytes: number | undefined): fc.Arbitrary<Uint8Array> {
  if (headBytes === undefined) return fc.uint8Array({ maxLength: 40 });
  return fc.integer({ min: 0, max: 3 }).chain((words) => fixedBytes(8 * words + ((8 - (headBytes % 8)) % 8)));
}

/** The beginning of no element: a length below that of a header. */
const unreadable = fc
  .tuple(uint(16), fc.integer({ min: 0, max: 3 }), fc.uint8Array({ maxLength: 12 }))
  .map(([type, length, more]) => Uint8Array.of(type >> 8, type & 255, 0, length, ...more));

function fieldArbitrary(
  field: Field,
  version: number,
  headBytes: number | undefined,
  depth: number,
): fc.Arbitrary<unknown> | undefined {
  switch (field.kind) {
    case 'u8':
    case 'u16':
    case 'u32':
      return uint({ u8: 8, u16: 16, u32: 32 }[field.kind]);
    case 'u64':
      return uint64;
    case 'u32s':
      return fc.array(uint(32), { minLength: field.count, maxLength: field.count });
    case 'bytes':
      return fixedBytes(field.length);
    case 'text':
      return fittingText(field.length);
    case 'struct':
      return structArbitrary(field.of, version);
    case 'match':
      return few(oxmArbitrary(version));
    case 'oxm':
      return oxmArbitrary(version);
    case 'oxms':
      return few(oxmArbitrary(version));
    case 'stats':
      return few(oxsArbitrary(version));
    case 'oxmId':
      return oxmId;
    case 'oxmIds':
      return few(oxmId);
    case 'oxmHeader':
      return oxmHeaderArbitrary;
    case 'oxmRef':
      return oxmRefArbitrary;
    case 'learnSpecs':
      return few(learnSpecArbitrary);
    case 'list':
      return few(elementArbitrary(field.of, version, depth));
    case 'u8List':
      return few(uint(8));
    case 'u16List':
      return few(uint(16));
    case 'u32List':
      return few(uint(32));
    case 'rest':
      return restBytes(headBytes);
    case 'leftover':
      return fc.option(unreadable, { nil: undefined });
    case 'message':
      return plain(version, false);
    default:
      return undefined;
  }
}

function fieldsArbitrary(
  fields: readonly Field[],
  version: number,
  head: Record<string, unknown> = {},
  headBytes?: number,
  depth = 0,
): fc.Arbitrary<Record<string, unknown>> {
  const parts: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, value] of Object.entries(head)) parts[name] = fc.constant(value);
  for (const each of fields) {
    const field = each.kind === 'when' ? each.field : each;
    const arbitrary = fieldArbitrary(field, version, headBytes, depth);
    if (arbitrary !== undefined && 'name' in field) parts[field.name] = arbitrary;
  }
  return fc.record(parts).map((value) => withoutUnflagged(fields, value));
}

function withoutUnflagged(fields: readonly Field[], value: Record<string, unknown>): Record<string, unknown> {
  const absent = fields.flatMap((field) =>
    field.kind === 'when' && (Number(value[field.flags]) & field.mask) === 0 ? [field.field.name] : [],
  );
  return Object.fromEntries(Object.entries(value).filter(([name]) => !absent.includes(name)));
}

function structArbitrary(name: string, version: number): fc.Arbitrary<Record<string, unknown>> {
  return fieldsArbitrary(structs.get(name)?.fields ?? [], version);
}

const WIDTHS: Record<string, number> = { u8: 1, u16: 2, u32: 4, u64: 8 };

function bytesBeforeRest(row: TlvRow, subtypeBytes: number): number {
  return row.fields.reduce(
    (sum, field) => sum + (field.kind === 'pad' ? field.length : (WIDTHS[field.kind] ?? 0)),
    row.experimenter === undefined ? 4 : 8 + subtypeBytes,
  );
}

/** How deep actions are nested in actions here; the format allows more. */
const DEEPEST = 2;
const elements = new Map<string, fc.Arbitrary<Record<string, unknown>>>();

function elementArbitrary(of: string, version: number, depth = 0): fc.Arbitrary<Record<string, unknown>> {
  const key = `${of} ${version} ${depth}`;
  const made = elements.get(key) ?? makeElement(of, version, depth);
  elements.set(key, made);
  return made;
}

function makeElement(of: string, version: number, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const family = families.get(of);
  if (family === undefined) return structArbitrary(of, version);
  const inside = family.padding === 'inside';
  const nested = (row: TlvRow): boolean =>
    row.fields.some((field) => field.kind === 'list' && field.of === of);
  const rows = family.rows
    .filter((row) => holds(row.versions, version) && (depth < DEEPEST || !nested(row)))
    .map((row) => {
      const before = inside ? bytesBeforeRest(row, family.subtypeBytes ?? 4) : undefined;
      return fieldsArbitrary(
        row.fields,
        version,
        { type: row.name },
        before,
        nested(row) ? depth + 1 : depth,
      );
    });
  const codes = new Set(family.rows.map((row) => row.code));
  const raw = fc.record({
    type: fc.constant('raw'),
    code: uint(16).filter((code) => !codes.has(code)),
    data: inside
      ? fc.integer({ min: 0, max: 2 }).chain((n) => fixedBytes(family.minLength - 4 + 8 * n))
      : restBytes(undefined),
  });
  return fc.oneof(...rows, raw);
}

function bodyArbitrary(body: MultipartBody, version: number): fc.Arbitrary<unknown> {
  if (body.shape === 'empty') return fc.constant({});
  return body.shape === 'one' ? structArbitrary(body.of, version) : few(elementArbitrary(body.of, version));
}

const isBundle = (value: Record<string, unknown>): boolean =>
  value.type === 'experimenter' && value.experimenter === 0x4f4e4600;

function plain(version: number, bundles: boolean): fc.Arbitrary<AnyMessage> {
  const chosen = catalogue.messages.filter(
    (row) =>
      holds(row.versions, version) &&
      row.multipart === undefined &&
      (bundles || !row.fields.some((field) => field.kind === 'message')),
  );
  const each = chosen.map((row) =>
    uint(32).chain((xid) => fieldsArbitrary(row.fields, version, { type: row.name, xid })),
  );
  return fc.oneof(...each).filter((value) => !isBundle(value)) as unknown as fc.Arbitrary<AnyMessage>;
}

function multipart(version: number): fc.Arbitrary<AnyMessage> {
  const parts = catalogue.multiparts.filter((part) => holds(part.versions, version));
  const each = parts.flatMap((part) =>
    (['request', 'reply'] as const).map((direction) =>
      fc.record({
        type: fc.constant(`multipart_${direction}`),
        xid: uint(32),
        mp_type: fc.constant(part.name),
        flags: uint(16),
        body: bodyArbitrary(part[direction], version),
      }),
    ),
  );
  return fc.oneof(...each) as unknown as fc.Arbitrary<AnyMessage>;
}

export function messageArbitrary(version: number): fc.Arbitrary<AnyMessage> {
  return fc.oneof(plain(version, true), multipart(version));
}
