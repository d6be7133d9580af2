import { decodeMessage, encodeMessage } from './codec.js';
import type { DecodeError } from './decode-error.js';
import { toHex } from './hex.js';
import { parseHexLine } from './hex-line.js';
import { fromJson, type Json, toJson } from './json.js';
import { SlabWriter } from './slab-writer.js';

/**
 * One line of `steady openflow decode`: the hexadecimal digits of one message in, one JSON object out. Never throws.
 *
 * `reencoded` is made from the printed `message` alone, so that equal digits prove that the JSON says everything.
 */
export function decodeLine(hexLine: string): string {
  const bytes = parseHexLine(hexLine);
  if (!(bytes instanceof Uint8Array)) return failure(bytes);
  const result = decodeMessage(bytes);
  if (!result.ok) return failure(result.error);
  const { version, message } = result;
  const printed = JSON.stringify(toJson(message));
  let reencoded: string;
  try {
    reencoded = reencode(version, message.type, printed);
  } catch (error) {
    return failure({ code: 'not_reversible', offset: 0, detail: String(error) });
  }
  const head = `{"ok":true,"version":${version},"type":${JSON.stringify(message.type)}`;
  return `${head},"message":${printed},"reencoded":${JSON.stringify(reencoded)}}`;
}

function reencode(version: number, type: string, printed: string): string {
  const writer = new SlabWriter();
  encodeMessage(fromJson(version, type, JSON.parse(printed) as Json), writer, version);
  return toHex(writer.finish());
}

function failure(error: DecodeError): string {
  return JSON.stringify({ ok: false, error });
}
