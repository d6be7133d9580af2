import type { DecodeError } from './decode-error.js';
import { EncodeError } from './encode-error.js';
import type { Message } from './generated/types.js';
import type { SlabWriter } from './slab-writer.js';

export type DecodeResult =
  | { readonly ok: true; readonly version: number; readonly message: Message }
  | { readonly ok: false; readonly error: DecodeError };

/** Decodes exactly one message that occupies `length` bytes from `offset` on. Nothing in the result refers to `bytes`. */
export function decodeMessage(bytes: Uint8Array, offset = 0, length = bytes.length - offset): DecodeResult {
  const error: DecodeError = {
    code: 'bad_type',
    offset: 1,
    detail: `type ${bytes[offset + 1]} of ${length} bytes`,
  };
  return { ok: false, error };
}

/** Appends one message to the writer; throws `EncodeError` and leaves the writer as it was if the message is invalid. */
export function encodeMessage(message: Message, _writer: SlabWriter, version = 4): void {
  throw new EncodeError(message.type, `no row for version ${version}`);
}
