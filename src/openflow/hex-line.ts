import { OFP_MAX_MESSAGE_BYTES } from './constants.js';
import type { DecodeError } from './decode-error.js';
import { fromHex } from './hex.js';

/** The bytes of a line of hexadecimal digits with any blanks between them, or where it is none. */
export function parseHexLine(hexLine: string): Uint8Array | DecodeError {
  const digits = hexLine.replace(/\s+/g, '');
  if (digits.length > 2 * OFP_MAX_MESSAGE_BYTES)
    return { code: 'bad_hex', offset: OFP_MAX_MESSAGE_BYTES, detail: 'longer than any message' };
  const bytes = fromHex(digits);
  if (bytes !== undefined) return bytes;
  const bad = digits.search(/[^0-9a-fA-F]/);
  const at = bad < 0 ? digits.length : bad;
  const detail =
    bad < 0 ? 'an odd number of digits' : `${JSON.stringify(digits[bad])} is no hexadecimal digit`;
  return { code: 'bad_hex', offset: at >> 1, detail };
}
