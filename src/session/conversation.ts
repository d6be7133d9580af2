import {
  type AnyMessage,
  type DecodeError,
  decodeMessage,
  type ErrorMessage,
  type FeaturesReply,
  type FeaturesReply10,
  OFP_VERSION_13,
  OFPCML_NO_BUFFER,
  OFPT_ECHO_REPLY,
  OFPT_ECHO_REQUEST,
  OFPT_HELLO,
  OFPT_MULTIPART_REPLY,
  OFPT_PACKET_IN,
  typeAt,
  versionAt,
  xidAt,
} from '../openflow/index.js';
import { type AsyncInterest, asyncConfig } from './async-interest.js';
import type { AnySessionEvent, CloseReason, FailureCode } from './event.js';
import {
  badMessage,
  badType,
  badVersion,
  errorText,
  incompatible,
  notPermitted,
  type Offender,
  offenderXid,
  refusalText,
} from './farewell.js';
import { reactionTo, type SessionState } from './handshake.js';
import { Introduction } from './introduction.js';
import type { InstantSeconds, SessionLimits } from './limits.js';
import { Outbox } from './outbox.js';
import { answerXids, type PacketInAnswerer } from './packet-in-answerer.js';
import { type AnswerResult, type Pending, RequestTable } from './request-table.js';
import { TransactionTable } from './transaction-table.js';
import { helloMessage, neededVersion, readHello, versionAdvice, versionName } from './version.js';

/** What a multipart reply is in 1.3 and later, and in 1.0, which calls it a statistics reply (1.0.0, 5.3.5). */
const multipartReply = { type: OFPT_MULTIPART_REPLY, headerBytes: 16 } as const;
const statisticsReply = { type: 17, headerBytes: 12 } as const;
const lastXid = 0xffff_ffff;

export interface ConversationOptions {
  readonly limits: SessionLimits;
  readonly peer: string | undefined;
  /** wire versions that may be agreed on; not empty */
  readonly versions: readonly number[];
  /** undefined: the switch's own defaults stay in force */
  readonly interest: AsyncInterest | undefined;
  readonly observe: boolean;
}

/**
 * What is said and what it means: the state of the conversation, everything that waits for an answer, and the events
 * that messages make. Chunks, budgets and clocks are the business of `Session`.
 */
export class Conversation {
  readonly outbox = new Outbox();
  readonly requests: RequestTable;
  readonly transactions: TransactionTable;
  packetIns: PacketInAnswerer | undefined;
  /** told of every echo reply: its transaction id, and when */
  onEchoReply: (xid: number, now: InstantSeconds) => void = () => {};
  readonly #limits: SessionLimits;
  readonly #options: ConversationOptions;
  readonly #introduction: Introduction;
  #version: number | undefined;
  #multipart: typeof multipartReply | typeof statisticsReply = multipartReply;
  #hellos = 0;
  #state: SessionState = 'greeting';
  #nextXid = 1;
  #featuresXid = 0;
  #handshakeDeadline: InstantSeconds = Number.POSITIVE_INFINITY;
  #events: AnySessionEvent[] = [];
  #dropped = 0;

  constructor(options: ConversationOptions) {
    const { limits } = options;
    this.#limits = limits;
    this.#options = options;
    this.requests = new RequestTable(limits);
    this.#introduction = new Introduction(limits.heldMessages);
    const { messagesPerBarrier, barrierSeconds, pendingTransactions } = limits;
    const takeXids = (count: number): number => this.takeXids(count);
    const host = { outbox: this.outbox, takeXids, messagesPerBarrier, barrierSeconds };
    this.transactions = new TransactionTable(host, pendingTransactions);
  }

  get state(): SessionState {
    return this.#state;
  }
  /** wire version; undefined: none is agreed on yet */
  get version(): number | undefined {
    return this.#version;
  }
  get droppedMessages(): number {
    return this.#dropped;
  }
  /** Infinity once the session is ready. */
  get handshakeDeadline(): InstantSeconds {
    return this.#handshakeDeadline;
  }

  greet(now: InstantSeconds): void {
    this.#handshakeDeadline = now + this.#limits.handshakeSeconds;
    this.outbox.version = Math.max(...this.#options.versions);
    this.outbox.putUrgent(helloMessage(this.#options.versions), this.takeXids(1));
  }

  /** The first of `count` consecutive transaction ids. 0 is never used: switches use it for what they say unasked. */
  takeXids(count: number): number {
    if (this.#nextXid + count > lastXid) this.#nextXid = 1;
    const first = this.#nextXid;
    this.#nextXid += count;
    return first;
  }

  tell(...events: readonly AnySessionEvent[]): void {
    this.#events.push(...events);
  }

  get hasEvents(): boolean {
    return this.#events.length > 0;
  }

  takeEvents(): AnySessionEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  /** Everything that waits is told; then the last event. */
  end(reason: CloseReason): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.outbox.dropOrdered();
    this.#introduction.forget();
    for (const pending of this.requests.clear()) this.fail(pending, 'closed', reason.detail);
    this.tell(...this.transactions.abandonAll(`the session ended: ${reason.detail}`));
    this.tell({ kind: 'closed', reason });
  }

  /** A request will not be answered. */
  fail(pending: Pending, code: FailureCode, reason: string, message?: ErrorMessage): void {
    const error = message && { errorType: message.error_type, errorCode: message.error_code };
    if (pending.owner === 'caller')
      this.tell({ kind: 'failed', xid: pending.xid, code, reason, ...(error && { error }) });
    else
      this.end({
        code: 'refused',
        detail: `the switch did not answer a ${pending.mpType} request of the handshake: ${reason}`,
      });
  }

  /** The peer broke the format: it is told, and that was it. */
  malformed(error: DecodeError, offender: Offender | undefined): void {
    this.#farewell(badMessage(error.code, offender), offender);
    this.end({ code: 'malformed', detail: `${error.code}: ${error.detail}`, offset: error.offset });
  }

  onMessage(bytes: Uint8Array, offset: number, length: number, now: InstantSeconds): void {
    if (this.#state === 'closed') return;
    const type = typeAt(bytes, offset);
    if (type === OFPT_HELLO) {
      this.#onHello({ bytes, offset, length });
      return;
    }
    if (this.#state !== 'greeting') {
      if (versionAt(bytes, offset) !== this.#version) {
        const offender = { bytes, offset, length };
        this.#farewell(badVersion(offender), offender);
        this.end({
          code: 'protocol',
          detail: `a message of OpenFlow ${versionName(versionAt(bytes, offset))} after ${versionName(this.#version!)} was agreed`,
        });
        return;
      }
      // The messages of the hot path are not decoded.
      if (type === OFPT_ECHO_REQUEST) {
        this.outbox.echo(bytes.subarray(offset, offset + length), OFPT_ECHO_REPLY);
        return;
      }
      if (type === this.#multipart.type && length >= this.#multipart.headerBytes) {
        this.#onAnswer(this.requests.answerFragment(xidAt(bytes, offset), bytes, offset, length));
        return;
      }
      if (type === OFPT_PACKET_IN && this.packetIns !== undefined) {
        const xid = this.takeXids(answerXids);
        if (this.packetIns.packetIn(bytes, offset, length, xid, this.outbox.ordered, now)) return;
      }
    }
    const result = decodeMessage(bytes, offset, length);
    // Before a version is agreed, only messages that are the same in all of them are acted on.
    if (result.ok) this.#react(result.message as AnyMessage, { bytes, offset, length }, now);
    else if (this.#state === 'greeting') this.#violation('a message before HELLO', { bytes, offset, length });
    else this.malformed(result.error, { bytes, offset, length });
  }

  #onHello(message: Offender): void {
    if (this.#state === 'closed') return;
    const { versions, peer } = this.#options;
    const hello = readHello(message.bytes, message.offset, message.length, versions);
    if (!hello.ok) {
      this.malformed(hello.error, message);
    } else if (hello.version === undefined || hello.version !== (this.#version ?? hello.version)) {
      this.#farewell(incompatible(neededVersion(versions)), message);
      this.end({ code: 'version', detail: versionAdvice(peer, hello.offered, versions) });
    } else if (reactionTo(this.#state, 'hello') === 'greetAgain') {
      this.#dropped += 1;
      this.#hellos += 1;
      if (this.#hellos <= this.#limits.repeatedHellos) return;
      const detail = `more than ${this.#limits.repeatedHellos} HELLO messages after the first`;
      this.end({ code: 'protocol', detail });
    } else {
      this.#version = hello.version;
      if (hello.version < OFP_VERSION_13) this.#multipart = statisticsReply;
      this.outbox.version = hello.version;
      this.#state = 'identifying';
      this.#featuresXid = this.takeXids(1);
      this.outbox.put({ type: 'features_request' }, this.#featuresXid);
    }
  }

  #react(message: AnyMessage, raw: Offender, now: InstantSeconds): void {
    if (this.#state === 'closed') return;
    switch (reactionTo(this.#state, message.type)) {
      case 'answer':
        this.#onReply(message, now);
        return;
      case 'attribute':
        this.#onError(message as ErrorMessage, now);
        return;
      case 'deliver':
        this.tell({ kind: 'message', message });
        return;
      case 'hold':
        if (!this.#introduction.hold(message))
          this.end({
            code: 'overflow',
            detail: `${this.#limits.heldMessages} port status messages in the handshake`,
          });
        return;
      case 'identify':
        this.#onFeatures(message as FeaturesReply | FeaturesReply10, raw);
        return;
      case 'refused':
        this.end({ code: 'refused', detail: refusalText(message as ErrorMessage) });
        return;
      case 'drop':
        this.#dropped += 1;
        return;
      case 'negotiate':
      case 'greetAgain':
      case 'echo':
        // Hello and echo requests were dealt with before decoding.
        return;
      case 'measure':
        this.onEchoReply(message.xid, now);
        return;
      case 'violation':
        this.#violation(
          this.#state === 'greeting'
            ? `${message.type} before HELLO`
            : `${message.type}, which a switch must not send`,
          raw,
        );
        return;
    }
  }

  #onFeatures(features: FeaturesReply | FeaturesReply10, raw: Offender): void {
    if (features.xid !== this.#featuresXid) {
      this.#dropped += 1;
      return;
    }
    if ('auxiliary_id' in features && features.auxiliary_id !== 0) {
      const dpid = features.datapath_id.toString(16).padStart(16, '0');
      const detail = `auxiliary connection ${features.auxiliary_id} of switch ${dpid}: only main connections are accepted`;
      this.#farewell(notPermitted(raw), raw);
      this.end({ code: 'auxiliary', detail });
      return;
    }
    this.#state = 'describing';
    const { interest, observe } = this.#options;
    // how fragments are handled is the switch's, not the connection's
    if (!observe)
      this.outbox.put({ type: 'set_config', flags: 0, miss_send_len: OFPCML_NO_BUFFER }, this.takeXids(1));
    if (interest !== undefined && this.#version! >= OFP_VERSION_13)
      this.outbox.put(asyncConfig(interest, this.#version!), this.takeXids(1));
    for (const message of this.#introduction.begin(features, this.#version!)) {
      const xid = this.takeXids(1);
      this.outbox.put(message, xid);
      this.requests.add(message, xid, this.#handshakeDeadline, 'handshake', 'objects');
    }
  }

  #onIntroduction(message: AnyMessage): void {
    if (!this.#introduction.learn(message)) return;
    this.#state = 'ready';
    this.#handshakeDeadline = Number.POSITIVE_INFINITY;
    this.tell(...this.#introduction.events());
  }

  #onReply(message: AnyMessage, now: InstantSeconds): void {
    const settled = this.transactions.onMessage(message, now);
    if (settled) this.tell(...settled);
    else this.#onAnswer(this.requests.answer(message));
  }

  #onAnswer(result: AnswerResult): void {
    switch (result.kind) {
      case 'unasked':
        this.#dropped += 1;
        return;
      case 'partial':
        return;
      case 'samples':
        this.tell(result.event);
        return;
      case 'reply':
        if (result.pending.owner === 'handshake') this.#onIntroduction(result.message);
        else this.tell({ kind: 'reply', xid: result.pending.xid, message: result.message });
        return;
      case 'tooLarge':
        this.fail(
          result.pending,
          'tooLarge',
          `the answer is larger than ${this.#limits.multipartBytes} bytes`,
        );
        return;
      case 'malformed':
        this.malformed(result.error, result.offender);
        return;
    }
  }

  /** An error belongs to what its xid names; nothing else may swallow it. */
  #onError(message: ErrorMessage, now: InstantSeconds): void {
    const pending = this.requests.remove(message.xid);
    if (pending) {
      this.fail(pending, 'rejected', errorText(message), message);
      return;
    }
    const settled = this.transactions.onMessage(message, now);
    if (settled) {
      this.tell(...settled);
      return;
    }
    this.tell({ kind: 'error', xid: message.xid, message });
  }

  #violation(detail: string, offender: Offender): void {
    this.#farewell(badType(offender), offender);
    this.end({ code: 'protocol', detail });
  }

  #farewell(error: Omit<ErrorMessage, 'xid'>, offender: Offender | undefined): void {
    if (this.#state !== 'closed') this.outbox.putUrgent(error, offenderXid(offender));
  }
}
