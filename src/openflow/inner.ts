import { OFP_HEADER_BYTES } from './constants.js';
import { EncodeError } from './encode-error.js';
import type { AnyMessage } from './generated/types.js';
import { lengthAt, versionAt } from './header.js';
import { MAX_NESTING, type Reader } from './reader.js';
import type { SlabWriter } from './slab-writer.js';
import { put32 } from './write-fields.js';

/** The parts of the generated codecs that look at whole messages. */

type Decode<M extends AnyMessage> = (
  r: Reader,
  start: number,
  limit: number,
  version: number,
) => M | undefined;

/** A message inside a message: same version, own length, limited depth. Leaves the cursor at its end. */
export function decodeInner<M extends AnyMessage>(
  r: Reader,
  end: number,
  version: number,
  decode: Decode<M>,
): M | undefined {
  const start = r.at;
  const b = r.bytes;
  if (r.depth >= MAX_NESTING)
    return r.fail('nesting_too_deep', start, `messages nest deeper than ${MAX_NESTING}`);
  if (end - start < OFP_HEADER_BYTES)
    return r.fail('truncated', start, `message: ${end - start} bytes left, a header has 8`);
  if (versionAt(b, start) !== version)
    return r.fail('bad_version', start, `version ${versionAt(b, start)} inside version ${version}`);
  const length = lengthAt(b, start);
  if (length < OFP_HEADER_BYTES || length > end - start)
    return r.fail(
      'bad_length',
      start + 2,
      `message: header.length is ${length}, expected 8 to ${end - start}`,
    );
  r.depth += 1;
  const message = decode(r, start, start + length, version);
  r.depth -= 1;
  r.at = start + length;
  return message;
}

/** Claims `headBytes` for a message, fills in all of the header but the length, and answers where it starts. */
export function writeHeader(
  w: SlabWriter,
  version: number,
  type: number,
  xid: number,
  headBytes: number,
): number {
  const start = w.reserve(headBytes);
  w.bytes[start] = version;
  w.bytes[start + 1] = type;
  put32(w.bytes, start + 4, xid, 'xid');
  return start;
}

/** Elements whose length counts their padding must be a multiple of 8; vendors' data has to bring its own. */
export function wholeWords(w: SlabWriter, start: number, path: string): void {
  const length = w.at - start;
  if ((length & 7) !== 0 || length < 8)
    throw new EncodeError(path, `${length} bytes, expected a multiple of 8: pad \`data\` with zeros`);
}

export function unknownType(what: string, value: unknown, version?: number): EncodeError {
  const named = value as { type?: unknown; mp_type?: unknown };
  const name = named.mp_type === undefined ? named.type : named.mp_type;
  const where = version === undefined ? '' : ` in version ${version}`;
  return new EncodeError(what, `no row for ${String(name)}${where}`);
}
