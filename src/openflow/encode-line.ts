import { decodeMessage, encodeMessage } from './codec.js';
import { OFP_VERSION_13 } from './constants.js';
import { EncodeError } from './encode-error.js';
import { codecOf } from './generated/versions.js';
import { toHex } from './hex.js';
import { fromJson, type Json } from './json.js';
import { SlabWriter } from './slab-writer.js';

/** Why a line of JSON is not a message that can go on the wire. */
export type EncodeLineErrorCode =
  /** The line is not JSON. */
  | 'bad_json'
  /** `version` is none that this codec has tables for. */
  | 'bad_version'
  /** A property is missing, superfluous, of the wrong kind or out of range; `path` names it. */
  | 'bad_property'
  /** Every property is in its range, but their bytes are no message: raw elements that claim the number of a known one. */
  | 'not_decodable';

/**
 * One line of `steady openflow encode`: a message as JSON in, one JSON object out. Never throws.
 *
 * The line is what `decodeLine` printed, `{"version": 4, "message": {…}}`, or the message alone, which is then of 1.3.
 */
export function encodeLine(line: string): string {
  let json: Json;
  try {
    json = JSON.parse(line) as Json;
  } catch (error) {
    return failure('bad_json', '', (error as Error).message);
  }
  if (!isObject(json)) return failure('bad_property', '', 'expected an object');
  // A message has an xid; what stands around one has none. Messages with a message inside have both.
  const wrapped = json.message !== undefined && json.xid === undefined;
  const version = wrapped && json.version !== undefined ? json.version : OFP_VERSION_13;
  if (typeof version !== 'number' || codecOf(version) === undefined)
    return failure('bad_version', 'version', `${JSON.stringify(version)} is unknown`);
  return encoded(version, wrapped ? json.message : json);
}

function encoded(version: number, message: Json): string {
  const type = isObject(message) ? message.type : undefined;
  if (typeof type !== 'string') return failure('bad_property', 'type', 'expected the name of a message');
  let bytes: Uint8Array;
  try {
    const writer = new SlabWriter();
    encodeMessage(fromJson(version, type, message), writer, version);
    bytes = writer.finish();
  } catch (error) {
    if (error instanceof EncodeError) return failure('bad_property', error.path, error.reason);
    return failure('bad_property', type, String(error));
  }
  const again = decodeMessage(bytes);
  if (!again.ok) return failure('not_decodable', type, `byte ${again.error.offset}: ${again.error.detail}`);
  return JSON.stringify({ ok: true, version, type, hex: toHex(bytes) });
}

function isObject(json: Json): json is { readonly [key: string]: Json } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function failure(code: EncodeLineErrorCode, path: string, detail: string): string {
  return JSON.stringify({ ok: false, error: { code, path, detail } });
}
