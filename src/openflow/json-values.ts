import { EncodeError } from './encode-error.js';
import { fromHex } from './hex.js';

/** Values of JSON as the properties of messages hold them; what does not fit is an `EncodeError` with its path. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export function refuseOthers(source: JsonObject, names: readonly string[], path: string): void {
  for (const key of Object.keys(source)) {
    if (!names.includes(key)) throw new EncodeError(`${path}.${key}`, 'no such property');
  }
}

/** What stands there instead, short enough for a line. */
export function shown(json: Json | undefined): string {
  if (typeof json === 'object' && json !== null) return Array.isArray(json) ? 'a list' : 'an object';
  const text = json === undefined ? 'nothing' : JSON.stringify(json);
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}

export function asObject(json: Json | undefined, path: string): JsonObject {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new EncodeError(path, 'expected an object');
  return json as JsonObject;
}

export function asArray(json: Json | undefined, path: string): readonly Json[] {
  if (!Array.isArray(json)) throw new EncodeError(path, 'expected a list');
  return json;
}

export function asNumber(json: Json | undefined, path: string): number {
  if (typeof json !== 'number') throw new EncodeError(path, 'expected a number');
  return json;
}

export function asBoolean(json: Json | undefined, path: string): boolean {
  if (typeof json !== 'boolean') throw new EncodeError(path, 'expected true or false');
  return json;
}

export function asBigint(json: Json | undefined, path: string): bigint {
  if (typeof json !== 'string' || !/^\d{1,20}$/.test(json))
    throw new EncodeError(path, 'expected a decimal number in quotes');
  return BigInt(json);
}

export function asBytes(json: Json | undefined, path: string): Uint8Array {
  const bytes = typeof json === 'string' ? fromHex(json) : undefined;
  if (bytes === undefined) throw new EncodeError(path, 'expected bytes as hexadecimal digits');
  return bytes;
}

/** A list whose items `read` converts. */
export function listFromJson(
  json: Json | undefined,
  path: string,
  read: (item: Json, path: string) => unknown,
): readonly unknown[] {
  return asArray(json, path).map((item, i) => read(item, `${path}[${i}]`));
}
