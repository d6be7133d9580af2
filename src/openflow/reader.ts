import type { DecodeError, DecodeErrorCode } from './decode-error.js';
import type { OxmId } from './generated/types.js';
import { joinHalves } from './word64.js';

/** Messages inside messages: a bundle may carry a message, which may not be a bundle (ONF extension 230). */
export const MAX_NESTING = 1;
/** Actions inside actions of Open vSwitch; `ovs-ofctl` parses no deeper than this either. */
export const MAX_ACTION_NESTING = 100;

const EXPERIMENTER_CLASS = 0xffff;

/**
 * A cursor over one message. The generated decoders check every length before they use it, advance with every step,
 * and answer `undefined` after they have left the reason in `error`.
 */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  depth = 0;
  /** Actions inside actions, at the cursor. */
  nesting = 0;
  /** Elements of lists that were decoded: what the tests hold against the length of the message. */
  steps = 0;
  error: DecodeError | undefined;
  /** The wire version of the message. */
  readonly version: number;
  private readonly base: number;

  constructor(bytes: Uint8Array, base: number, version: number) {
    this.bytes = bytes;
    this.version = version;
    this.base = base;
    this.at = base;
  }

  /** Takes back the failure of an attempt that began at this nesting. */
  forgive(nesting: number): void {
    this.error = undefined;
    this.nesting = nesting;
  }

  /** Always `undefined`, so that a decoder can `return r.fail(...)`. The first failure is kept. */
  fail(code: DecodeErrorCode, at: number, detail: string): undefined {
    this.error ??= { code, offset: at - this.base, detail };
    return undefined;
  }
}

export function u16(b: Uint8Array, o: number): number {
  return (b[o] << 8) | b[o + 1];
}

export function u24(b: Uint8Array, o: number): number {
  return (b[o] << 16) | (b[o + 1] << 8) | b[o + 2];
}

export function u32(b: Uint8Array, o: number): number {
  return ((b[o] << 24) | (b[o + 1] << 16) | (b[o + 2] << 8) | b[o + 3]) >>> 0;
}

export function u64(b: Uint8Array, o: number): bigint {
  return joinHalves(u32(b, o), u32(b, o + 4));
}

export function u32Array(b: Uint8Array, o: number, count: number): number[] {
  const values: number[] = [];
  for (let i = 0; i < count; i += 1) values.push(u32(b, o + 4 * i));
  return values;
}

/** A copy: decoded messages must survive the buffer they came in. */
export function copy(b: Uint8Array, from: number, to: number): Uint8Array {
  return b.slice(from, to);
}

export function anySet(b: Uint8Array, at: number, length: number): boolean {
  for (let i = 0; i < length; i += 1) if (b[at + i] !== 0) return true;
  return false;
}

/** Joins the padding of a structure, given as position and length in turn. */
export function gather(b: Uint8Array, places: readonly number[]): Uint8Array {
  let total = 0;
  for (let i = 1; i < places.length; i += 2) total += places[i];
  const joined = new Uint8Array(total);
  let to = 0;
  for (let i = 0; i < places.length; i += 2) {
    joined.set(b.subarray(places[i], places[i] + places[i + 1]), to);
    to += places[i + 1];
  }
  return joined;
}

export function readU32List(r: Reader, limit: number, name: string): number[] | undefined {
  const bytes = limit - r.at;
  if ((bytes & 3) !== 0) return r.fail('bad_length', r.at, `${name}: ${bytes} bytes are no multiple of 4`);
  const values = u32Array(r.bytes, r.at, bytes >> 2);
  r.at = limit;
  return values;
}

export function readU16List(r: Reader, limit: number, count: number, name: string): number[] | undefined {
  const at = r.at;
  if (2 * count > limit - at)
    return r.fail('bad_length', at, `${name}: ${count} numbers announced, ${limit - at} bytes left`);
  const values: number[] = [];
  for (let i = 0; i < count; i += 1) values.push(u16(r.bytes, at + 2 * i));
  r.at = at + 2 * count;
  return values;
}

/** How much padding ends a structure of `used` bytes that is at least `least` bytes long, to a multiple of 8. */
export function usualTail(used: number, least: number): number {
  const missing = Math.max(least - used, 0);
  return missing + (-(used + missing) & 7);
}

/** An OXM header without a value; that of an experimenter has four more bytes. 1.3.5 A.3.5.5.2. */
export function readOxmId(r: Reader, limit: number, name: string): OxmId | undefined {
  const b = r.bytes;
  const at = r.at;
  if (limit - at < 4) return r.fail('truncated', at, `${name}: ${limit - at} bytes left, a header has 4`);
  r.steps += 1;
  const head = {
    oxm_class: u16(b, at),
    oxm_field: b[at + 2] >> 1,
    has_mask: (b[at + 2] & 1) === 1,
    oxm_length: b[at + 3],
  };
  r.at = at + 4;
  if (head.oxm_class !== EXPERIMENTER_CLASS) return head;
  if (limit - at < 8)
    return r.fail('truncated', at, `${name}: ${limit - at} bytes left, an experimenter's header has 8`);
  r.at = at + 8;
  return { ...head, experimenter: u32(b, at + 4) };
}

export function readOxmIds(r: Reader, limit: number, name: string): OxmId[] | undefined {
  const ids: OxmId[] = [];
  while (r.at < limit) {
    const id = readOxmId(r, limit, name);
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}
