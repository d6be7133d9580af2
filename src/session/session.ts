import { type AnyMessage, type Message, OFP_VERSION_13 } from '../openflow/index.js';
import type { AsyncInterest } from './async-interest.js';
import { Conversation } from './conversation.js';
import type { FailureCode, SessionEvent } from './event.js';
import type { SessionState } from './handshake.js';
import { Inbox } from './inbox.js';
import { defaultLimits, type InstantSeconds, type SessionLimits } from './limits.js';
import { Liveness } from './liveness.js';
import type { Outgoing } from './outbox.js';
import type { PacketInAnswerer } from './packet-in-answerer.js';
import { type AnswerForm, replyTypeOf } from './request-table.js';

export interface SessionOptions {
  readonly limits?: Partial<SessionLimits>;
  /** address of the peer, for messages to people */
  readonly peer?: string;
  /** wire versions that are accepted, the highest common one is spoken; 1.3 alone unless given */
  readonly versions?: readonly number[];
  /** which messages the switch is to send unasked; its own defaults unless given */
  readonly interest?: AsyncInterest;
  /** set nothing at the switch in the handshake but what concerns this connection alone */
  readonly observe?: boolean;
}

export interface SessionCounters {
  /** replies that nobody had asked for, or too late, and messages that came too early to be of use */
  readonly droppedMessages: number;
  readonly pendingRequests: number;
  readonly pendingTransactions: number;
  /** received and not yet worked on */
  readonly inboxBytes: number;
  /** queued and not yet taken */
  readonly outboxBytes: number;
  /** mean round trip of our echo requests; undefined: the switch was never silent for long enough to be asked */
  readonly roundTripSeconds: number | undefined;
}

/**
 * One OpenFlow conversation with one switch, of 1.3 unless `versions` names others (`M`: their messages), as a value that eats bytes and instants and makes bytes and events:
 * no sockets, no clock. The caller
 *
 * 1. calls `start`, then `receive` with every chunk, `timeout` when `nextDeadline` has come, and `setBlocked` when the
 *    socket takes no more or takes more again;
 * 2. after each call takes `takeEvents` and `takeBytes`, and sends those bytes in one write;
 * 3. as long as `hasMore`, calls `continueReceive` when other switches have had their turn, and reads nothing more
 *    unless `wantsToRead`;
 * 4. ends the connection after the event `closed` (the bytes taken with it still go out).
 */
export class Session<M extends AnyMessage = Message> {
  readonly #limits: SessionLimits;
  readonly #conversation: Conversation;
  readonly #inbox = new Inbox();
  readonly #liveness: Liveness;
  #started = false;
  /** bytes received before `ready` */
  #early = 0;
  #blocked = false;

  constructor(options: SessionOptions = {}) {
    this.#limits = { ...defaultLimits, ...options.limits };
    const { peer, versions = [OFP_VERSION_13], interest, observe = false } = options;
    this.#conversation = new Conversation({ limits: this.#limits, peer, versions, interest, observe });
    this.#liveness = new Liveness(this.#limits);
    this.#conversation.onEchoReply = (xid, now) => this.#liveness.answered(xid, now);
  }

  get state(): SessionState {
    return this.#conversation.state;
  }

  /** wire version; undefined: none is agreed on yet */
  get version(): number | undefined {
    return this.#conversation.version;
  }

  /** How many of our echo requests the switch answered. */
  get echoAnswers(): number {
    return this.#liveness.answers;
  }

  get counters(): SessionCounters {
    return {
      droppedMessages: this.#conversation.droppedMessages,
      pendingRequests: this.#conversation.requests.size,
      pendingTransactions: this.#conversation.transactions.size,
      inboxBytes: this.#inbox.bytes,
      outboxBytes: this.#conversation.outbox.bytes,
      roundTripSeconds: this.#liveness.roundTrip.meanSeconds,
    };
  }

  /** Says HELLO. A `receive` before it starts the session too. */
  start(now: InstantSeconds): void {
    if (this.#started) return;
    this.#started = true;
    this.#liveness.heard(now);
    this.#conversation.greet(now);
  }

  /**
   * Works on a chunk, within the budget of a turn. The session keeps views into the chunk until `hasMore` is false:
   * it must not be overwritten before.
   */
  receive(chunk: Uint8Array, now: InstantSeconds): void {
    if (this.state === 'closed') return;
    this.start(now);
    this.#liveness.heard(now);
    this.#inbox.push(chunk);
    if (this.#inbox.bytes > this.#limits.inboxBytes) {
      this.#endOverflow(
        `${this.#inbox.bytes} bytes received and not yet worked on: the switch sends too fast`,
      );
      return;
    }
    if (this.state !== 'ready') this.#early += chunk.length;
    this.continueReceive(now);
    if (this.#early > this.#limits.handshakeBytes && this.state !== 'ready')
      this.#endOverflow(`${this.#early} bytes received and the handshake is not finished`);
  }

  /** Is anything left that the budget of the last turn did not cover? */
  hasMore(): boolean {
    return this.state !== 'closed' && !this.#inbox.isEmpty;
  }

  /**
   * May the next chunk be read? Not before the last one was worked on, nor while the switch takes so little that more
   * than a mark waits to be sent to it: what is read may ask for answers. A switch that reads nothing for good is ended
   * by the echo that it does not answer.
   */
  wantsToRead(): boolean {
    return !this.hasMore() && this.#conversation.outbox.bytes <= this.#limits.outboxMarkBytes;
  }

  /** Works on what is left, within the budget of a turn; the number of messages it worked on. */
  continueReceive(now: InstantSeconds): number {
    let messages = 0;
    let bytes = 0;
    const work = (b: Uint8Array, offset: number, length: number): void =>
      this.#conversation.onMessage(b, offset, length, now);
    while (this.hasMore() && messages < this.#limits.turnMessages && bytes < this.#limits.turnBytes) {
      messages += 1;
      bytes += this.#inbox.shift(work);
    }
    const broken = this.#inbox.isEmpty ? this.#inbox.error : undefined;
    if (broken && this.state !== 'closed') this.#conversation.malformed(broken, undefined);
    if (this.state === 'closed') this.#inbox.clear();
    this.#checkOutbox();
    return messages;
  }

  /** The instant at which `timeout` has something to do; undefined: never. */
  nextDeadline(): InstantSeconds | undefined {
    if (this.state === 'closed' || !this.#started) return undefined;
    const life = this.state === 'ready' ? this.#liveness.deadline : Number.POSITIVE_INFINITY;
    return Math.min(
      this.#conversation.handshakeDeadline,
      life,
      this.#conversation.requests.nextDeadline(),
      this.#conversation.transactions.nextDeadline(),
    );
  }

  timeout(now: InstantSeconds): void {
    if (this.state === 'closed' || !this.#started) return;
    if (this.#conversation.handshakeDeadline <= now) {
      const detail = `no complete handshake within ${this.#limits.handshakeSeconds} s (state ${this.state})`;
      this.#conversation.end({ code: 'handshakeTimeout', detail });
      return;
    }
    for (const pending of this.#conversation.requests.expire(now))
      this.#conversation.fail(pending, 'deadline', 'no answer before the deadline');
    this.#conversation.tell(...this.#conversation.transactions.onTimeout(now));
    if (this.state === 'ready') this.#checkLife(now);
    this.#checkOutbox();
  }

  /** Is there anything for `takeEvents` or `takeBytes`? */
  hasOutput(): boolean {
    return this.#conversation.hasEvents || this.#conversation.outbox.bytes > 0;
  }

  /** Everything that is to be sent this turn, in one piece; undefined: nothing, or the socket is blocked. */
  takeBytes(): Uint8Array | undefined {
    return this.#blocked && this.state !== 'closed' ? undefined : this.#conversation.outbox.take();
  }

  takeEvents(): SessionEvent<M>[] {
    // What other versions say cannot come: they are not accepted.
    return this.#conversation.takeEvents() as SessionEvent<M>[];
  }

  /** The socket takes no more bytes for now, or takes them again. */
  setBlocked(blocked: boolean): void {
    this.#blocked = blocked;
  }

  /**
   * Asks, and is answered by `reply`, `samples` or `failed` with the xid returned. Replies to `port_stats` and `queue`
   * come as `samples` in 1.3 unless `form` is `objects`, those to `flow` if it is `records`; all others as `reply`.
   * @throws EncodeError if the message is invalid, TypeError if its type has no reply
   */
  request(message: Outgoing<M>, deadlineSeconds: number, now: InstantSeconds, form?: AnswerForm): number {
    if (replyTypeOf(message) === undefined)
      throw new TypeError(`${message.type} has no reply: use send or transact`);
    const xid = this.#conversation.takeXids(1);
    if (this.state !== 'ready') this.#unanswered(xid, 'closed', this.#notReady());
    else if (this.#conversation.requests.size >= this.#limits.pendingRequests)
      this.#unanswered(xid, 'tooMany', `${this.#limits.pendingRequests} requests wait for an answer already`);
    else {
      this.#conversation.outbox.put(message, xid);
      // The columns are those of 1.3.
      const asked = this.version === OFP_VERSION_13 ? form : 'objects';
      this.#conversation.requests.add(message, xid, now + deadlineSeconds, 'caller', asked);
      this.#checkOutbox();
    }
    return xid;
  }

  /** Sends the messages in parts, each with a barrier; ends with an event `transaction` with the id returned. */
  transact(messages: readonly Outgoing<M>[], now: InstantSeconds): number {
    return this.#begin(messages, false, now);
  }

  /**
   * The same as one atomic bundle; ends with `transaction`, or with `bundleUnsupported` if the switch has none (then
   * nothing was applied, and `transact` is the way).
   */
  bundle(messages: readonly Outgoing<M>[], now: InstantSeconds): number {
    return this.#begin(messages, true, now);
  }

  /**
   * Sends and forgets (nothing, unless the session is ready); an error about it comes as event `error`.
   * @throws EncodeError if the message is invalid
   */
  send(message: Outgoing<M>): number {
    const xid = this.#conversation.takeXids(1);
    if (this.state === 'ready') {
      this.#conversation.outbox.put(message, xid);
      this.#checkOutbox();
    }
    return xid;
  }

  /** From now on packet-ins are answered from their bytes instead of being delivered as events. */
  answerPacketIns(answerer: PacketInAnswerer): void {
    this.#conversation.packetIns = answerer;
  }

  /** Ends the session; what was not taken yet is not sent any more. */
  close(detail: string): void {
    this.#conversation.end({ code: 'local', detail });
  }

  #begin(messages: readonly Outgoing<M>[], asBundle: boolean, now: InstantSeconds): number {
    const { id, events } =
      this.state === 'ready'
        ? this.#conversation.transactions.begin(messages, asBundle, now)
        : this.#conversation.transactions.refuse(messages, this.#notReady());
    this.#conversation.tell(...events);
    this.#checkOutbox();
    return id;
  }

  /** Asks for a sign of life at once, whatever was heard before; see `echoAnswers`. */
  ask(now: InstantSeconds): void {
    if (this.state !== 'ready') return;
    const xid = this.#conversation.takeXids(1);
    this.#conversation.outbox.putUrgent({ type: 'echo_request', data: new Uint8Array(0) }, xid);
    this.#liveness.asked(xid, now);
  }

  #checkLife(now: InstantSeconds): void {
    const verdict = this.#liveness.check(now);
    if (verdict === 'ask') this.ask(now);
    else if (verdict === 'gone')
      this.#conversation.end({
        code: 'echoTimeout',
        detail: 'nothing was heard, nor an answer to an echo request',
      });
  }

  #checkOutbox(): void {
    const { bytes } = this.#conversation.outbox;
    if (bytes > this.#limits.outboxBytes)
      this.#endOverflow(`${bytes} bytes wait to be sent: the switch reads too slowly`);
  }

  #endOverflow(detail: string): void {
    this.#conversation.end({ code: 'overflow', detail });
  }

  #unanswered(xid: number, code: FailureCode, reason: string): void {
    this.#conversation.tell({ kind: 'failed', xid, code, reason });
  }

  #notReady(): string {
    return this.state === 'closed' ? 'the session is closed' : 'the handshake is not finished';
  }
}
