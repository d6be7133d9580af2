import { catalogue } from './descriptors/index.js';
import { type Field, holds, type MessageRow, type TlvFamily } from './descriptors/language.js';
import { EncodeError } from './encode-error.js';
import type { AnyMessage } from './generated/types.js';
import { toHex } from './hex.js';
import { learnSpecFromJson, oxmFromJson, oxmIdFromJson, oxmRefFromJson, oxsFromJson } from './json-oxm.js';
import {
  asArray,
  asBigint,
  asBytes,
  asNumber,
  asObject,
  type Json,
  type JsonObject,
  listFromJson,
  refuseOthers,
  shown,
} from './json-values.js';

/**
 * Messages as JSON and back, without loss: 64-bit integers are decimal strings, bytes are hexadecimal strings, all
 * else is as in the message. Reading JSON follows the same tables that the codecs are generated from.
 */

export type { Json } from './json-values.js';

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
  // An optional property is converted if it is given; whether it has to be, encoding checks.
  const named = fields.flatMap((field) => {
    if (field.kind === 'when') return field.field.name in source ? [field.field] : [];
    if (field.kind === 'leftover' && !(field.name in source)) return [];
    return 'name' in field ? [field] : [];
  });
  refuseOthers(source, [...others, ...named.map((field) => field.name), 'padding'], path);
  const result: Record<string, unknown> = {};
  for (const field of named)
    result[field.name] = convert(field, source[field.name], `${path}.${field.name}`, version);
  return withPadding(result, source, path);
}

function withPadding(target: Record<string, unknown>, source: JsonObject, path: string): object {
  if (source.padding !== undefined) target.padding = asBytes(source.padding, `${path}.padding`);
  return target;
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
    case 'leftover':
      return asBytes(json, path);
    case 'text':
      if (typeof json !== 'string') throw new EncodeError(path, 'expected text');
      return json;
    case 'u32s':
    case 'u8List':
    case 'u16List':
    case 'u32List':
      return listFromJson(json, path, asNumber);
    case 'struct':
      return convertStruct(field.of, json, path, version);
    case 'oxm':
      return oxmFromJson(json, path);
    case 'match':
    case 'oxms':
      return listFromJson(json, path, oxmFromJson);
    case 'stats':
      return listFromJson(json, path, oxsFromJson);
    case 'oxmId':
      return oxmIdFromJson(json, path);
    case 'oxmHeader':
    case 'oxmRef':
      return oxmRefFromJson(json, path);
    case 'learnSpecs':
      return listFromJson(json, path, learnSpecFromJson);
    case 'oxmIds':
      return listFromJson(json, path, oxmIdFromJson);
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
