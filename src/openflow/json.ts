import { catalogue } from './descriptors/index.js';
import { type Field, holds, type MessageRow, type TlvFamily } from './descriptors/language.js';
import { EncodeError } from './encode-error.js';
import type { AnyMessage } from './generated/types.js';
import { fromHex, toHex } from './hex.js';
import { oxmRow } from './oxm-fields.js';

/**
 * Messages as JSON and back, without loss: 64-bit integers are decimal strings, bytes are hexadecimal strings, all
 * else is as in the message. Reading JSON follows the same tables that the codecs are generated from.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/** Any part of a message can be converted, too. */
export function toJson(value: unknown): Json {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, part]) => part !== undefined);
    return Object.fromEntries(entries.map(([key, part]) => [key, toJson(part)]));
  }
  return value as Json;
}

const structs = new Map(catalogue.structs.map((row) => [row.name, row]));
const families = new Map(catalogue.tlvFamilies.map((family) => [family.name, family]));

/** The message of this type; throws `EncodeError` that names the property at fault. Ranges are checked by encoding. */
export function fromJson(version: number, type: string, json: Json): AnyMessage {
  const row = catalogue.messages.find((each) => each.name === type && holds(each.versions, version));
  if (row === undefined) throw new EncodeError('type', `no message "${type}" in version ${version}`);
  const source = asObject(json, type);
  if (source.type !== undefined && source.type !== type)
    throw new EncodeError(`${type}.type`, `${shown(source.type)} instead`);
  const xid = asNumber(source.xid, `${type}.xid`);
  if (row.multipart !== undefined) return multipart(row, source, xid, version);
  const fields = convertFields(row.fields, source, type, ['type', 'xid'], version);
  return { type, xid, ...fields } as unknown as AnyMessage;
}

function multipart(row: MessageRow, source: JsonObject, xid: number, version: number): AnyMessage {
  const part = catalogue.multiparts.find(
    (each) => each.name === source.mp_type && holds(each.versions, version),
  );
  if (part === undefined)
    throw new EncodeError(`${row.name}.mp_type`, `${shown(source.mp_type)} is unknown in version ${version}`);
  refuseOthers(source, ['type', 'xid', 'mp_type', 'flags', 'body', 'padding'], row.name);
  const shape = part[row.multipart ?? 'reply'];
  const path = `${row.name}.body`;
  let body: unknown = {};
  if (shape.shape === 'one') body = convertStruct(shape.of, source.body, path, version);
  if (shape.shape === 'list')
    body = asArray(source.body, path).map((item, i) => element(shape.of, item, `${path}[${i}]`, version));
  const flags = asNumber(source.flags, `${row.name}.flags`);
  const head = { type: row.name, xid, mp_type: part.name, flags, body };
  return withPadding(head, source, row.name) as unknown as AnyMessage;
}

/** All of `fields` from `source`; nothing may be missing and nothing left over. */
function convertFields(
  fields: readonly Field[],
  source: JsonObject,
  path: string,
  others: readonly string[],
  version: number,
): object {
  const names = fields.flatMap((field) => ('name' in field ? [field.name] : []));
  refuseOthers(source, [...others, ...names, 'padding'], path);
  const result: Record<string, unknown> = {};
  for (const field of fields) {
    if ('name' in field)
      result[field.name] = convert(field, source[field.name], `${path}.${field.name}`, version);
  }
  return withPadding(result, source, path);
}

function withPadding(target: Record<string, unknown>, source: JsonObject, path: string): object {
  if (source.padding !== undefined) target.padding = asBytes(source.padding, `${path}.padding`);
  return target;
}

function refuseOthers(source: JsonObject, names: readonly string[], path: string): void {
  for (const key of Object.keys(source)) {
    if (!names.includes(key)) throw new EncodeError(`${path}.${key}`, 'no such property');
  }
}

function convert(
  field: Field & { name: string },
  json: Json | undefined,
  path: string,
  version: number,
): unknown {
  switch (field.kind) {
    case 'u8':
    case 'u16':
    case 'u32':
      return asNumber(json, path);
    case 'u64':
      return asBigint(json, path);
    case 'bytes':
    case 'rest':
      return asBytes(json, path);
    case 'text':
      if (typeof json !== 'string') throw new EncodeError(path, 'expected text');
      return json;
    case 'u32s':
    case 'u8List':
    case 'u32List':
      return asArray(json, path).map((item, i) => asNumber(item, `${path}[${i}]`));
    case 'struct':
      return convertStruct(field.of, json, path, version);
    case 'oxm':
      return oxmFromJson(json, path);
    case 'match':
    case 'oxms':
      return asArray(json, path).map((item, i) => oxmFromJson(item, `${path}[${i}]`));
    case 'stats':
      return asArray(json, path).map((item, i) => oxsFromJson(item, `${path}[${i}]`));
    case 'oxmId':
      return oxmIdFromJson(json, path);
    case 'oxmIds':
      return asArray(json, path).map((item, i) => oxmIdFromJson(item, `${path}[${i}]`));
    case 'list':
      return asArray(json, path).map((item, i) => element(field.of, item, `${path}[${i}]`, version));
    case 'message':
      return innerFromJson(version, asObject(json, path), path);
  }
}

/** A message inside a message, which holds no third one. */
function innerFromJson(version: number, json: JsonObject, path: string): AnyMessage {
  if (typeof json.type !== 'string') throw new EncodeError(`${path}.type`, 'expected the name of a message');
  const holdsMessages = catalogue.messages.some(
    (row) => row.name === json.type && row.fields.some((field) => field.kind === 'message'),
  );
  if (holdsMessages) throw new EncodeError(`${path}.type`, `"${json.type}" inside a message`);
  return fromJson(version, json.type, json);
}

function element(of: string, json: Json, path: string, version: number): unknown {
  const family = families.get(of);
  if (family === undefined) return convertStruct(of, json, path, version);
  return convertTlv(family, json, path, version);
}

function convertStruct(of: string, json: Json | undefined, path: string, version: number): unknown {
  return convertFields(structs.get(of)?.fields ?? [], asObject(json, path), path, [], version);
}

const RAW_TLV: readonly Field[] = [
  { kind: 'u16', name: 'code' },
  { kind: 'rest', name: 'data' },
];

function convertTlv(family: TlvFamily, json: Json, path: string, version: number): unknown {
  const source = asObject(json, path);
  const row = family.rows.find((each) => each.name === source.type && holds(each.versions, version));
  if (row === undefined && source.type !== 'raw')
    throw new EncodeError(`${path}.type`, `${shown(source.type)} is no ${family.name} in version ${version}`);
  return { type: source.type, ...convertFields(row?.fields ?? RAW_TLV, source, path, ['type'], version) };
}

function oxmFromJson(json: Json | undefined, path: string): unknown {
  const source = asObject(json, path);
  if (source.field === 'raw') {
    refuseOthers(source, ['field', 'oxm_class', 'oxm_field', 'has_mask', 'payload'], path);
    return {
      field: 'raw',
      oxm_class: asNumber(source.oxm_class, `${path}.oxm_class`),
      oxm_field: asNumber(source.oxm_field, `${path}.oxm_field`),
      has_mask: asBoolean(source.has_mask, `${path}.has_mask`),
      payload: asBytes(source.payload, `${path}.payload`),
    };
  }
  refuseOthers(source, ['field', 'value', 'mask'], path);
  const row = typeof source.field === 'string' ? oxmRow(source.field) : undefined;
  if (row === undefined) throw new EncodeError(`${path}.field`, `${shown(source.field)} is no match field`);
  const read = { number: asNumber, bigint: asBigint, bytes: asBytes }[row.form];
  const value = read(source.value, `${path}.value`);
  if (source.mask === undefined) return { field: row.name, value };
  return { field: row.name, value, mask: read(source.mask, `${path}.mask`) };
}

function oxsFromJson(json: Json | undefined, path: string): unknown {
  const source = asObject(json, path);
  const number = (name: string): number => asNumber(source[name], `${path}.${name}`);
  if (source.field === 'raw') {
    refuseOthers(source, ['field', 'oxs_class', 'oxs_field', 'reserved', 'payload'], path);
    return {
      field: 'raw',
      oxs_class: number('oxs_class'),
      oxs_field: number('oxs_field'),
      reserved: number('reserved'),
      payload: asBytes(source.payload, `${path}.payload`),
    };
  }
  const row = catalogue.oxs.find((each) => each.name === source.field);
  if (row === undefined)
    throw new EncodeError(`${path}.field`, `${shown(source.field)} is no statistics field`);
  if (row.form === 'time') {
    refuseOthers(source, ['field', 'seconds', 'nanoseconds'], path);
    return { field: row.name, seconds: number('seconds'), nanoseconds: number('nanoseconds') };
  }
  refuseOthers(source, ['field', 'value'], path);
  if (row.form === 'u32') return { field: row.name, value: number('value') };
  return { field: row.name, value: asBigint(source.value, `${path}.value`) };
}

function oxmIdFromJson(json: Json | undefined, path: string): unknown {
  const source = asObject(json, path);
  refuseOthers(source, ['oxm_class', 'oxm_field', 'has_mask', 'oxm_length', 'experimenter'], path);
  const id = {
    oxm_class: asNumber(source.oxm_class, `${path}.oxm_class`),
    oxm_field: asNumber(source.oxm_field, `${path}.oxm_field`),
    has_mask: asBoolean(source.has_mask, `${path}.has_mask`),
    oxm_length: asNumber(source.oxm_length, `${path}.oxm_length`),
  };
  if (source.experimenter === undefined) return id;
  return { ...id, experimenter: asNumber(source.experimenter, `${path}.experimenter`) };
}

/** What stands there instead, short enough for a line. */
function shown(json: Json | undefined): string {
  if (typeof json === 'object' && json !== null) return Array.isArray(json) ? 'a list' : 'an object';
  const text = json === undefined ? 'nothing' : JSON.stringify(json);
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}

function asObject(json: Json | undefined, path: string): JsonObject {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new EncodeError(path, 'expected an object');
  return json as JsonObject;
}

function asArray(json: Json | undefined, path: string): readonly Json[] {
  if (!Array.isArray(json)) throw new EncodeError(path, 'expected a list');
  return json;
}

function asNumber(json: Json | undefined, path: string): number {
  if (typeof json !== 'number') throw new EncodeError(path, 'expected a number');
  return json;
}

function asBoolean(json: Json | undefined, path: string): boolean {
  if (typeof json !== 'boolean') throw new EncodeError(path, 'expected true or false');
  return json;
}

function asBigint(json: Json | undefined, path: string): bigint {
  if (typeof json !== 'string' || !/^\d{1,20}$/.test(json))
    throw new EncodeError(path, 'expected a decimal number in quotes');
  return BigInt(json);
}

function asBytes(json: Json | undefined, path: string): Uint8Array {
  const bytes = typeof json === 'string' ? fromHex(json) : undefined;
  if (bytes === undefined) throw new EncodeError(path, 'expected bytes as hexadecimal digits');
  return bytes;
}
