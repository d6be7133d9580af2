import { OFP_HEADER_BYTES } from './constants.js';
import type { DecodeError, DecodeErrorCode } from './decode-error.js';
import { EncodeError } from './encode-error.js';
import type { AnyMessage } from './generated/types.js';
import { codecOf, type Versioned } from './generated/versions.js';
import { lengthAt, versionAt } from './header.js';
import { Reader } from './reader.js';
import type { SlabWriter } from './slab-writer.js';

export type DecodeResult =
  | ({ readonly ok: true } & Versioned)
  | { readonly ok: false; readonly error: DecodeError };

function failed(code: DecodeErrorCode, offset: number, detail: string): DecodeResult {
  return { ok: false, error: { code, offset, detail } };
}

const REFUSED: Readonly<Record<number, string>> = { 2: '1.1', 3: '1.2' };

/** Why a version has no codec, and what to do. */
function versionRefusal(version: number): string {
  const release = REFUSED[version];
  if (release === undefined) return `version ${version} is unknown`;
  return (
    `version ${version} (OpenFlow ${release}) is not supported: set the switch to OpenFlow 1.0, 1.3, 1.4 or 1.5, ` +
    'with Open vSwitch: ovs-vsctl set bridge BRIDGE protocols=OpenFlow10,OpenFlow13,OpenFlow14,OpenFlow15'
  );
}

/**
 * Decodes exactly one message that occupies `length` bytes from `offset` on; more or fewer bytes are an error.
 * Nothing in the result refers to `bytes`.
 */
export function decodeMessage(
  bytes: Uint8Array,
  offset = 0,
  length: number = bytes.length - offset,
): DecodeResult {
  const present = Math.min(length, bytes.length - offset);
  if (present < OFP_HEADER_BYTES) return failed('truncated', 0, `${present} bytes, a header has 8`);
  const version = versionAt(bytes, offset);
  const codec = codecOf(version);
  if (codec === undefined) return failed('bad_version', 0, versionRefusal(version));
  const stated = lengthAt(bytes, offset);
  if (stated < OFP_HEADER_BYTES)
    return failed('bad_length', 2, `header.length is ${stated}, expected at least 8`);
  if (stated > present)
    return failed('truncated', present, `header.length is ${stated}, but there are ${present} bytes`);
  if (stated < present)
    return failed('trailing_bytes', stated, `header.length is ${stated}, but there are ${present} bytes`);
  const reader = new Reader(bytes, offset, version);
  const message = codec.decode(reader, offset, offset + length, version);
  if (message !== undefined) return { ok: true, version, message } as DecodeResult;
  return { ok: false, error: reader.error ?? { code: 'bad_type', offset: 0, detail: 'undecodable' } };
}

/** Appends one message to the writer; throws `EncodeError` and leaves the writer as it was if the message is invalid. */
export function encodeMessage(message: AnyMessage, writer: SlabWriter, version = 4): void {
  const codec = codecOf(version);
  if (codec === undefined) throw new EncodeError('version', versionRefusal(version));
  const mark = writer.pendingBytes;
  writer.version = version;
  try {
    codec.encode(writer, message, version);
  } catch (error) {
    writer.rewind(mark);
    throw error instanceof EncodeError ? error : new EncodeError(message.type, String(error));
  }
}
