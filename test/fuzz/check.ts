import { codecOf } from '../../src/openflow/generated/versions.js';
import {
  type AnyMessage,
  type DecodeError,
  type DecodeResult,
  decodeLine,
  decodeMessage,
  encodeLine,
  encodeMessage,
  Framer,
  OFPMP_PORT_STATS,
  OFPMP_QUEUE,
  PortStatsColumns,
  printLine,
  QueueStatsColumns,
  readPortStats,
  readQueueStats,
  SlabWriter,
  toHex,
} from '../../src/openflow/index.js';
import { Reader } from '../../src/openflow/reader.js';

/** What must hold for any bytes whatever. A fault is an exception that says which of it does not. */

/** The codec, or one with a planted fault. */
export interface Codec {
  decode(bytes: Uint8Array): DecodeResult;
  encode(message: AnyMessage, writer: SlabWriter, version: number): void;
  /** Elements of lists that are looked at until there is an answer. */
  steps(bytes: Uint8Array): number;
}

export const codec: Codec = {
  decode: decodeMessage,
  encode: encodeMessage,
  steps(bytes) {
    const reader = new Reader(bytes, 0, bytes[0]);
    codecOf(bytes[0])?.decode(reader, 0, bytes.length, bytes[0]);
    return reader.steps;
  },
};

export type Outcome = 'message' | DecodeError['code'];

/** An element has at least four bytes, and no byte may be looked at as part of two of the same list. */
const BYTES_PER_STEP = 4;
/** The slower checks are for one input in so many. */
const SAMPLE = 256;

export class Checker {
  private readonly codec: Codec;
  private readonly writer = new SlabWriter();
  private readonly ports = new PortStatsColumns();
  private readonly queues = new QueueStatsColumns();
  private checked = 0;

  constructor(under: Codec = codec) {
    this.codec = under;
  }

  check(bytes: Uint8Array): Outcome {
    this.checked += 1;
    const result = this.codec.decode(bytes);
    if (bytes.length >= 8) {
      const steps = this.codec.steps(bytes);
      if (steps > bytes.length / BYTES_PER_STEP) throw new Error(`${steps} steps for ${bytes.length} bytes`);
    }
    this.columns(bytes, result.ok);
    if (this.checked % SAMPLE === 0) {
      checkFraming(bytes);
      checkLines(bytes);
    }
    if (!result.ok) return checkedError(result.error, bytes.length);
    this.codec.encode(result.message, this.writer, result.version);
    const again = this.writer.finish();
    if (!equal(again, bytes)) throw new Error(`accepted, but written as ${toHex(again)}`);
    return 'message';
  }

  /** The readers of counters go over the same bytes without making a message of them, and must agree with it. */
  private columns(bytes: Uint8Array, accepted: boolean): void {
    if (bytes.length < 16 || bytes[0] !== 4 || bytes[1] !== 19 || bytes[8] !== 0) return;
    const { ports, queues } = this;
    ports.clear();
    queues.clear();
    let read: boolean;
    if (bytes[9] === OFPMP_PORT_STATS) read = readPortStats(bytes, 0, bytes.length, ports) === undefined;
    else if (bytes[9] === OFPMP_QUEUE) read = readQueueStats(bytes, 0, bytes.length, queues) === undefined;
    else return;
    if (read !== accepted) throw new Error(`columns ${read ? 'accept' : 'refuse'} it, decode does not`);
  }
}

function checkedError(error: DecodeError, length: number): DecodeError['code'] {
  const { code, offset, detail } = error;
  if (typeof code !== 'string' || detail === '') throw new Error('an error must say what is wrong');
  if (!Number.isInteger(offset) || offset < 0 || offset > length)
    throw new Error(`${code} at byte ${offset} of ${length}`);
  return code;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/** In pieces or whole, a stream gives the same messages, or the same error; and never keeps more than one message. */
function checkFraming(bytes: Uint8Array): void {
  const framed = (size: number): string => {
    const framer = new Framer();
    let cuts = '';
    for (let at = 0; at < bytes.length; at += size) {
      const error = framer.push(bytes.subarray(at, at + size), (_, __, length) => {
        cuts += `${length} `;
      });
      if (error !== undefined) return `${cuts}${error.code}`;
      if (framer.pendingBytes > 65_535) throw new Error(`the framer keeps ${framer.pendingBytes} bytes`);
    }
    return cuts;
  };
  const whole = framed(Math.max(bytes.length, 1));
  const pieces = framed(5);
  if (whole !== pieces) throw new Error(`framed as ${whole} whole, ${pieces} in pieces`);
}

/** The filters of the command line answer with one line, or a block of lines. */
function checkLines(bytes: Uint8Array): void {
  const hex = toHex(bytes);
  const answer = JSON.parse(decodeLine(hex));
  if (answer.ok !== true && typeof answer.error?.code !== 'string') throw new Error('decode gave no answer');
  if (answer.error?.code === 'not_reversible') throw new Error(answer.error.detail);
  if (answer.ok) {
    const back = JSON.parse(encodeLine(JSON.stringify(answer)));
    if (back.hex !== hex) throw new Error(`encode made ${JSON.stringify(back)} of it`);
  }
  const text = printLine(hex);
  for (const line of text.split('\n'))
    if (line === '' || line.length > 4096) throw new Error(`print gave a line of ${line.length} characters`);
}
