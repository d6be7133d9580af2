import {
  type DecodeError,
  decodeMessage,
  type ErrorMessage,
  type FeaturesReply,
  type Message,
  OFP_VERSION_13,
  OFPCML_NO_BUFFER,
  OFPT_ECHO_REPLY,
  OFPT_ECHO_REQUEST,
  OFPT_HELLO,
  OFPT_MULTIPART_REPLY,
  typeAt,
  versionAt,
  xidAt,
} from '../openflow/index.js';
import type { CloseReason, FailureCode, SessionEvent } from './event.js';
import {
  badMessage,
  badType,
  badVersion,
  errorText,
  incompatible,
  type Offender,
  offenderXid,
  refusalText,
} from './farewell.js';
import { reactionTo, type SessionState } from './handshake.js';
import { Introduction, introductionRequests } from './introduction.js';
import type { InstantSeconds, SessionLimits } from './limits.js';
import { Outbox } from './outbox.js';
import { type AnswerResult, type Pending, RequestTable } from './request-table.js';
import { TransactionTable } from './transaction-table.js';
import { helloMessage, readHello, versionAdvice } from './version.js';

const multipartHeaderBytes = 16;
const lastXid = 0xffff_ffff;

/**
 * What is said and what it means: the state of the conversation, everything that waits for an answer, and the events
 * that messages make. Chunks, budgets and clocks are the business of `Session`.
 */
export class Conversation {
  readonly outbox = new Outbox();
  readonly requests: RequestTable;
  readonly transactions: TransactionTable;
  readonly #limits: SessionLimits;
  readonly #peer: string | undefined;
  readonly #introduction: Introduction;
  #state: SessionState = 'greeting';
  #nextXid = 1;
  #featuresXid = 0;
  #handshakeDeadline: InstantSeconds = Number.POSITIVE_INFINITY;
  #events: SessionEvent[] = [];
  #dropped = 0;

  constructor(limits: SessionLimits, peer: string | undefined) {
    this.#limits = limits;
    this.#peer = peer;
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
  get droppedMessages(): number {
    return this.#dropped;
  }
  /** Infinity once the session is ready. */
  get handshakeDeadline(): InstantSeconds {
    return this.#handshakeDeadline;
  }

  greet(now: InstantSeconds): void {
    this.#handshakeDeadline = now + this.#limits.handshakeSeconds;
    this.outbox.putUrgent(helloMessage, this.takeXids(1));
  }

  /** The first of `count` consecutive transaction ids. 0 is never used: switches use it for what they say unasked. */
  takeXids(count: number): number {
    if (this.#nextXid + count > lastXid) this.#nextXid = 1;
    const first = this.#nextXid;
    this.#nextXid += count;
    return first;
  }

  tell(...events: readonly SessionEvent[]): void {
    this.#events.push(...events);
  }

  takeEvents(): SessionEvent[] {
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
  fail(pending: Pending, code: FailureCode, reason: string): void {
    if (pending.owner === 'caller') this.tell({ kind: 'failed', xid: pending.xid, code, reason });
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
      if (versionAt(bytes, offset) !== OFP_VERSION_13) {
        const offender = { bytes, offset, length };
        this.#farewell(badVersion(offender), offender);
        this.end({
          code: 'protocol',
          detail: `a message of version ${versionAt(bytes, offset)} after 1.3 was agreed`,
        });
        return;
      }
      // The two messages of the hot path are not decoded.
      if (type === OFPT_ECHO_REQUEST) {
        this.outbox.echo(bytes.subarray(offset, offset + length), OFPT_ECHO_REPLY);
        return;
      }
      if (type === OFPT_MULTIPART_REPLY && length >= multipartHeaderBytes) {
        this.#onAnswer(this.requests.answerFragment(xidAt(bytes, offset), bytes, offset, length));
        return;
      }
    }
    const result = decodeMessage(bytes, offset, length);
    // Before a version is agreed, only messages that are the same in all of them are acted on.
    if (result.ok) this.#react(result.message as Message, { bytes, offset, length }, now);
    else if (this.#state === 'greeting') this.#violation('a message before HELLO', { bytes, offset, length });
    else this.malformed(result.error, { bytes, offset, length });
  }

  #onHello(message: Offender): void {
    const hello = readHello(message.bytes, message.offset, message.length);
    if (!hello.ok) {
      this.malformed(hello.error, message);
    } else if (!hello.common) {
      this.#farewell(incompatible, message);
      this.end({ code: 'version', detail: versionAdvice(this.#peer, hello.offered) });
    } else if (this.#state === 'closed' || reactionTo(this.#state, 'hello') === 'greetAgain') {
      this.#dropped += 1;
    } else {
      this.#state = 'identifying';
      this.#featuresXid = this.takeXids(1);
      this.outbox.put({ type: 'features_request' }, this.#featuresXid);
    }
  }

  #react(message: Message, raw: Offender, now: InstantSeconds): void {
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
        this.#onFeatures(message as FeaturesReply);
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
      case 'ignore':
        // Hello and echo were dealt with before decoding; an echo reply has done its work by being heard.
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

  #onFeatures(features: FeaturesReply): void {
    if (features.xid !== this.#featuresXid) {
      this.#dropped += 1;
      return;
    }
    if (features.auxiliary_id !== 0) {
      const detail = `auxiliary connection ${features.auxiliary_id}: only main connections are accepted`;
      this.end({ code: 'auxiliary', detail });
      return;
    }
    this.#introduction.features = features;
    this.#state = 'describing';
    this.outbox.put({ type: 'set_config', flags: 0, miss_send_len: OFPCML_NO_BUFFER }, this.takeXids(1));
    for (const message of introductionRequests) {
      const xid = this.takeXids(1);
      this.outbox.put(message, xid);
      this.requests.add(message, xid, this.#handshakeDeadline, 'handshake', 'objects');
    }
  }

  #onIntroduction(message: Message): void {
    if (!this.#introduction.learn(message)) return;
    this.#state = 'ready';
    this.#handshakeDeadline = Number.POSITIVE_INFINITY;
    this.tell(...this.#introduction.events());
  }

  #onReply(message: Message, now: InstantSeconds): void {
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
      this.fail(pending, 'rejected', errorText(message));
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
