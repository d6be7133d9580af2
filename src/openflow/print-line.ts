import { decodeMessage } from './codec.js';
import type { DecodeError } from './decode-error.js';
import { formatMessage } from './format-message.js';
import { parseHexLine } from './hex-line.js';

/** One line of `steady openflow print`: the hexadecimal digits of one message in, its text out. Never throws. */
export function printLine(hexLine: string): string {
  const bytes = parseHexLine(hexLine);
  if (!(bytes instanceof Uint8Array)) return failure(bytes);
  const result = decodeMessage(bytes);
  return result.ok ? formatMessage(result.message, result.version) : failure(result.error);
}

function failure(error: DecodeError): string {
  return `${error.code} at byte ${error.offset}: ${error.detail}`;
}
