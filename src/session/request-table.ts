import {
  type DecodeError,
  decodeMessage,
  type Message,
  type MessageType,
  type MultipartReply,
  multipartFlagsAt,
  multipartTypeAt,
  OFPMP_FLOW,
  OFPMP_PORT_STATS,
  OFPMP_QUEUE,
  OFPMPF_REPLY_MORE,
} from '../openflow/index.js';
import type { SampleRecords, SamplesEvent } from './event.js';
import type { Offender } from './farewell.js';
import type { InstantSeconds } from './limits.js';
import type { Outgoing } from './outbox.js';

const multipartHeaderBytes = 16;
/** `recordBytes` undefined: each record says its own length, and whoever reads them checks it. */
const recordKinds: ReadonlyMap<
  number,
  { readonly records: SampleRecords; readonly recordBytes: number | undefined }
> = new Map([
  [OFPMP_FLOW, { records: 'flow', recordBytes: undefined }],
  [OFPMP_PORT_STATS, { records: 'port_stats', recordBytes: 112 }],
  [OFPMP_QUEUE, { records: 'queue', recordBytes: 40 }],
]);

const replyTypes: Partial<Record<MessageType, MessageType>> = {
  echo_request: 'echo_reply',
  features_request: 'features_reply',
  get_config_request: 'get_config_reply',
  multipart_request: 'multipart_reply',
  barrier_request: 'barrier_reply',
  queue_get_config_request: 'queue_get_config_reply',
  role_request: 'role_reply',
  get_async_request: 'get_async_reply',
  bundle_control: 'bundle_control',
};

/** `records`: as they came, to be read into columns; undefined: counters as records, everything else as objects. */
export type AnswerForm = 'records' | 'objects';

export interface Pending {
  readonly xid: number;
  readonly replyType: MessageType;
  /** of a multipart request */
  readonly mpType: string | undefined;
  readonly deadline: InstantSeconds;
  /** hand records over as they came */
  readonly asRecords: boolean;
  /** who asked: the caller, or the handshake */
  readonly owner: 'caller' | 'handshake';
  /** of a multipart reply so far */
  fragments: number;
  bytes: number;
  readonly entries: unknown[];
}

export type AnswerResult =
  | { readonly kind: 'reply'; readonly pending: Pending; readonly message: Message }
  | { readonly kind: 'samples'; readonly pending: Pending; readonly event: SamplesEvent }
  | { readonly kind: 'partial' }
  | { readonly kind: 'unasked' }
  | { readonly kind: 'tooLarge'; readonly pending: Pending }
  | { readonly kind: 'malformed'; readonly error: DecodeError; readonly offender: Offender };

/** The type of the reply to a request; undefined: it has none. */
export const replyTypeOf = (message: Outgoing): MessageType | undefined => replyTypes[message.type];

/** Requests that wait for an answer, by transaction id. Multipart answers are put together here. */
export class RequestTable {
  readonly #pending = new Map<number, Pending>();
  readonly #multipartBytes: number;

  constructor(limits: { readonly multipartBytes: number }) {
    this.#multipartBytes = limits.multipartBytes;
  }

  get size(): number {
    return this.#pending.size;
  }

  add(
    message: Outgoing,
    xid: number,
    deadline: InstantSeconds,
    owner: Pending['owner'],
    form: AnswerForm | undefined,
  ): void {
    const replyType = replyTypeOf(message);
    if (replyType === undefined) throw new TypeError(`${message.type} has no reply`);
    const mpType = message.type === 'multipart_request' ? message.mp_type : undefined;
    const isCounters = mpType === 'port_stats' || mpType === 'queue';
    const asRecords =
      form === undefined ? isCounters : form === 'records' && (isCounters || mpType === 'flow');
    this.#pending.set(xid, {
      xid,
      replyType,
      mpType,
      deadline,
      asRecords,
      owner,
      fragments: 0,
      bytes: 0,
      entries: [],
    });
  }

  nextDeadline(): InstantSeconds {
    let next = Number.POSITIVE_INFINITY;
    for (const p of this.#pending.values()) if (p.deadline < next) next = p.deadline;
    return next;
  }

  /** Takes out what has waited too long. */
  expire(now: InstantSeconds): Pending[] {
    const late = [...this.#pending.values()].filter((p) => p.deadline <= now);
    for (const p of late) this.#pending.delete(p.xid);
    return late;
  }

  /** Takes out a request, because an error names it. */
  remove(xid: number): Pending | undefined {
    const pending = this.#pending.get(xid);
    this.#pending.delete(xid);
    return pending;
  }

  clear(): Pending[] {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    return all;
  }

  /** A reply that is not multipart. */
  answer(message: Message): AnswerResult {
    const pending = this.#pending.get(message.xid);
    if (pending?.replyType !== message.type) return { kind: 'unasked' };
    this.#pending.delete(message.xid);
    return { kind: 'reply', pending, message };
  }

  /**
   * One fragment of a multipart reply, at least 16 bytes. Each fragment is decoded strictly on its own: an entry that
   * is cut at the border of a fragment is an error, as the specification demands (1.3.5, A.3.5).
   */
  answerFragment(xid: number, bytes: Uint8Array, offset: number, length: number): AnswerResult {
    const pending = this.#pending.get(xid);
    if (pending?.replyType !== 'multipart_reply') return { kind: 'unasked' };
    pending.fragments += 1;
    pending.bytes += length;
    if (pending.bytes > this.#multipartBytes) {
      this.#pending.delete(xid);
      return { kind: 'tooLarge', pending };
    }
    const more = (multipartFlagsAt(bytes, offset) & OFPMPF_REPLY_MORE) !== 0;
    const kind = recordKinds.get(multipartTypeAt(bytes, offset));
    const wholeRecords =
      kind !== undefined &&
      (kind.recordBytes === undefined || (length - multipartHeaderBytes) % kind.recordBytes === 0);
    return pending.asRecords && wholeRecords && kind.records === pending.mpType
      ? this.#addRecords(pending, kind.records, more, bytes, offset, length)
      : this.#addEntries(pending, more, bytes, offset, length);
  }

  #addRecords(
    pending: Pending,
    records: SampleRecords,
    more: boolean,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): AnswerResult {
    if (!more) this.#pending.delete(pending.xid);
    const event: SamplesEvent = { kind: 'samples', xid: pending.xid, records, bytes, offset, length, more };
    return { kind: 'samples', pending, event };
  }

  #addEntries(
    pending: Pending,
    more: boolean,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): AnswerResult {
    const result = decodeMessage(bytes, offset, length);
    const malformed = ({ code, offset: at, detail }: DecodeError): AnswerResult => ({
      kind: 'malformed',
      error: { code, offset: at, detail: `fragment ${pending.fragments}: ${detail}` },
      offender: { bytes, offset, length },
    });
    if (!result.ok) return malformed(result.error);
    const message = result.message as MultipartReply;
    if (message.mp_type !== pending.mpType) {
      pending.fragments -= 1;
      pending.bytes -= length;
      return { kind: 'unasked' };
    }
    if (Array.isArray(message.body)) for (const entry of message.body) pending.entries.push(entry);
    else if (more || pending.fragments > 1) {
      const detail = `a ${message.mp_type} reply is one structure and has no fragments`;
      return malformed({ code: 'bad_length', offset: 10, detail });
    }
    if (more) return { kind: 'partial' };
    this.#pending.delete(pending.xid);
    const whole = Array.isArray(message.body) ? { ...message, flags: 0, body: pending.entries } : message;
    return { kind: 'reply', pending, message: whole as Message };
  }
}
