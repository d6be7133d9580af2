/**
 * What parsing answers: headers come off the wire, so what is wrong with them is a value and never an exception.
 */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: PacketError };

export interface PacketError {
  /** `truncated`: bytes are missing; `bad_length`: a length contradicts itself; `unsupported`: another protocol. */
  readonly code: 'truncated' | 'bad_length' | 'unsupported';
  /** Bytes from the start of the buffer to what is wrong. */
  readonly offset: number;
  readonly detail: string;
}

export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function failed(code: PacketError['code'], offset: number, detail: string): Parsed<never> {
  return { ok: false, error: { code, offset, detail } };
}

/** The end of what may be read: `end`, but never past the buffer. */
export function limitOf(bytes: Uint8Array, end: number): number {
  return Math.min(end, bytes.length);
}

/** A failure if fewer than `count` bytes are between `offset` and `end`. */
export function missing(what: string, offset: number, end: number, count: number): Parsed<never> | undefined {
  if (Number.isInteger(offset) && offset >= 0 && end - offset >= count) return undefined;
  return failed('truncated', offset, `${what}: ${Math.max(0, end - offset)} bytes left, expected ${count}`);
}
