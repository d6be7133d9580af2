/**
 * What two agents say on a migration's own TCP connections: frames of one type byte, a length (32 bits, big
 * end first) and a body. The bodies of `data` are the memory; they are counted and thrown away piece by
 * piece, so that neither end holds more than a socket's buffer.
 *
 * A migration has one or several streams. `open`, `round`, `finish`, `ping` and `abandon` go out on all of them, `data`
 * on any, `done`, `ask` and the target's decision on the first. A page that was sent again in a later round must not be
 * overwritten by its older copy on a slower stream, so `round` is a barrier: the target takes nothing of a stream
 * that is behind it before all streams are.
 */
export const frameType = {
  /** source: JSON {migration, vm, memoryBytes, stream}; the first frame of each stream, which are numbered from 0 */
  open: 1,
  /** source: memory */
  data: 2,
  /** source: JSON {round, roundBytes}: what follows is newer than all that any stream carried before its own */
  round: 3,
  /** source: JSON {dataBytes, counter}: all memory of this stream was sent; resume the machine when that of all is here */
  finish: 4,
  /** source: nothing to send for a while, still alive. Empty */
  ping: 5,
  /** source: JSON {reason}: the machine stays where it is */
  abandon: 6,
  /** source: JSON {downtimeMs}: the resumption was heard of; the connection may end */
  done: 7,
  /** source, first frame of a new connection after a loss: JSON {migration}: did you resume? */
  ask: 8,
  /** target: 64 bits: data bytes of this stream consumed so far; at least once a second */
  acknowledge: 16,
  /** target: empty: the machine runs here now */
  resumed: 17,
  /** target: JSON {code, detail}: it will never be resumed here */
  refused: 18,
} as const;

export type FrameTypeNumber = (typeof frameType)[keyof typeof frameType];

export const frameHeaderBytes = 5;
export const longestDataBody = 65_536;
export const longestControlBody = 4096;

/** The peer broke the frame format; the connection is of no use any more. */
export class FrameError extends Error {
  constructor(detail: string) {
    super(`bad frame: ${detail}`);
    this.name = 'FrameError';
  }
}

const knownTypes: ReadonlySet<number> = new Set(Object.values(frameType));

export function frameHeader(type: FrameTypeNumber, bodyBytes: number): Uint8Array {
  const header = new Uint8Array(frameHeaderBytes);
  header[0] = type;
  new DataView(header.buffer).setUint32(1, bodyBytes);
  return header;
}

export function jsonFrame(type: FrameTypeNumber, body: Readonly<Record<string, unknown>>): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(body));
  return joined(frameHeader(type, text.length), text);
}

export function acknowledgeFrame(dataBytes: number): Uint8Array {
  const body = new Uint8Array(8);
  new DataView(body.buffer).setBigUint64(0, BigInt(dataBytes));
  return joined(frameHeader(frameType.acknowledge, 8), body);
}

const joined = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
};

export interface FrameHandlers {
  /** part of a data frame's body */
  onData(bytes: number): void;
  /** any other frame, whole */
  onFrame(type: FrameTypeNumber, body: Uint8Array): void;
}

/** Bytes to frames; holds at most one control frame, and while it is held what came in one piece with the last. */
export class FrameReader {
  readonly #handlers: FrameHandlers;
  #held = false;
  #kept: Uint8Array[] = [];
  readonly #header = new Uint8Array(frameHeaderBytes);
  #headerLength = 0;
  #bodyLeft = 0;
  #body: Uint8Array = new Uint8Array(0);
  #bodyLength = 0;

  constructor(handlers: FrameHandlers) {
    this.#handlers = handlers;
  }

  /** @throws FrameError */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#held)
      at += this.#headerLength < frameHeaderBytes ? this.#pushHeader(chunk, at) : this.#pushBody(chunk, at);
    if (at < chunk.length) this.#kept.push(chunk.subarray(at));
  }

  /** Called by a handler: nothing behind this frame is taken before `release`. Whoever feeds the reader should stop. */
  hold(): void {
    this.#held = true;
  }

  get held(): boolean {
    return this.#held;
  }

  /** @throws FrameError */
  release(): void {
    this.#held = false;
    const kept = this.#kept;
    this.#kept = [];
    for (const chunk of kept) this.push(chunk);
  }

  #pushHeader(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + frameHeaderBytes - this.#headerLength);
    this.#header.set(part, this.#headerLength);
    this.#headerLength += part.length;
    if (this.#headerLength === frameHeaderBytes) this.#begin();
    return part.length;
  }

  #begin(): void {
    const type = this.#header[0]!;
    const length = new DataView(this.#header.buffer).getUint32(1);
    if (!knownTypes.has(type)) throw new FrameError(`type ${type}`);
    if (length > (type === frameType.data ? longestDataBody : longestControlBody))
      throw new FrameError(`${length} bytes in a frame of type ${type}`);
    this.#bodyLeft = length;
    this.#bodyLength = 0;
    if (type !== frameType.data) this.#body = new Uint8Array(length);
    if (length === 0) this.#end();
  }

  #pushBody(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + this.#bodyLeft);
    this.#bodyLeft -= part.length;
    if (this.#header[0] === frameType.data) this.#handlers.onData(part.length);
    else {
      this.#body.set(part, this.#bodyLength);
      this.#bodyLength += part.length;
    }
    if (this.#bodyLeft === 0) this.#end();
    return part.length;
  }

  #end(): void {
    this.#headerLength = 0;
    const type = this.#header[0] as FrameTypeNumber;
    if (type !== frameType.data) this.#handlers.onFrame(type, this.#body);
  }
}

/** @throws FrameError for a body that is no JSON object */
export function jsonBody(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // falls through to the one error below
  }
  throw new FrameError('a body is not a JSON object');
}

/** @throws FrameError */
export function acknowledgedBytes(body: Uint8Array): number {
  if (body.length !== 8) throw new FrameError(`an acknowledgement of ${body.length} bytes`);
  return Number(new DataView(body.buffer, body.byteOffset, 8).getBigUint64(0));
}
