import { errorName } from '../openflow/error-names.js';
import {
  EncodeError,
  type ErrorMessage,
  type Message,
  OFPBCT_COMMIT_REQUEST,
  OFPBCT_DISCARD_REQUEST,
  OFPBCT_OPEN_REQUEST,
  OFPBF_ATOMIC,
  OFPBF_ORDERED,
  OFPBRC_BAD_TYPE,
  OFPET_BAD_REQUEST,
} from '../openflow/index.js';
import { endOfPart } from './dependency.js';
import type { Rejection, SessionEvent } from './event.js';
import type { InstantSeconds } from './limits.js';
import type { Outbox, Outgoing } from './outbox.js';

/** What a transaction needs from its session. */
export interface TransactionHost {
  readonly outbox: Outbox;
  /** the first of `count` consecutive transaction ids */
  takeXids(count: number): number;
  readonly messagesPerBarrier: number;
  readonly barrierSeconds: number;
}

/** Messages that were sent together: `length` of them from position `start`, with consecutive transaction ids. */
interface Part {
  readonly firstXid: number;
  readonly start: number;
  readonly length: number;
}

const badExperimenter = 3;
const badExperimenterType = 4;
/** Rejections that are told one by one; all are counted. */
const rejectionsTold = 100;

/**
 * A list of messages that is to be applied, and what the switch said about it. A barrier reply alone is no success:
 * errors come before it, so it ends the waiting, and success is a barrier reply without any error (OpenFlow 1.3.5,
 * 6.1.1 and 6.2). Long lists go out in parts, each waiting for the barrier of the one before, so that a switch is
 * never sent more than it can take, nor a flow entry together with the group or meter that it needs; after a part
 * with errors the rest stays unsent.
 *
 * As a bundle (ONF extension 230) the parts are collected by the switch and applied by a commit. Switches were seen to
 * commit what is left of a bundle after refusing one of its messages, so the commit is only asked for without errors;
 * otherwise the bundle is discarded.
 */
export class Transaction {
  readonly id: number;
  readonly #host: TransactionHost;
  readonly #messages: readonly Outgoing[];
  /** undefined: not a bundle */
  readonly #bundleId: number | undefined;
  /** groups or meters are changed: order matters */
  readonly #hasObjects: boolean;
  #phase: 'parts' | 'committing' | 'discarding' | 'ended' = 'parts';
  /** messages sent so far, and the parts that an error may still name: the newest, of a bundle all */
  #sent = 0;
  #parts: Part[] = [];
  /** of the newest bundle_control; -1: none was sent */
  #frameXid = -1;
  #barrierXid = 0;
  #deadline: InstantSeconds = Number.POSITIVE_INFINITY;
  #openError: ErrorMessage | undefined;
  readonly #rejections: Rejection[] = [];
  readonly #errors: string[] = [];
  #rejected = 0;
  #event: SessionEvent | undefined;

  constructor(
    id: number,
    messages: readonly Outgoing[],
    bundleId: number | undefined,
    host: TransactionHost,
    now: InstantSeconds,
  ) {
    this.id = id;
    this.#messages = messages;
    this.#hasObjects = messages.some((m) => m.type === 'group_mod' || m.type === 'meter_mod');
    this.#bundleId = bundleId;
    this.#host = host;
    this.#sendPart(now);
  }

  get deadline(): InstantSeconds {
    return this.#deadline;
  }

  /** The event that ends it; undefined: not yet. */
  get event(): SessionEvent | undefined {
    return this.#event;
  }

  /** True if the error is about this transaction. */
  onError(message: ErrorMessage, now: InstantSeconds): boolean {
    const { xid } = message;
    const part = this.#parts.find(({ firstXid, length }) => xid >= firstXid && xid < firstXid + length);
    if (part === undefined && xid !== this.#barrierXid && xid !== this.#frameXid) return false;
    if (this.#phase === 'discarding') {
      if (xid === this.#frameXid) this.#end('rejected');
      return true;
    }
    if (xid === this.#frameXid && this.#phase === 'parts') this.#openError = message;
    this.#reject(part === undefined ? -1 : part.start + xid - part.firstXid, message);
    if (this.#phase === 'committing' && xid === this.#frameXid) this.#end('rejected');
    else if (this.#phase === 'parts' && xid === this.#barrierXid) this.#partEnded(now);
    return true;
  }

  /** True if the barrier is one of this transaction. */
  onBarrier(xid: number, now: InstantSeconds): boolean {
    if (this.#phase !== 'parts' || xid !== this.#barrierXid) return false;
    this.#partEnded(now);
    return true;
  }

  /** True if the reply is about this transaction's bundle. */
  onBundleControl(message: Extract<Message, { type: 'bundle_control' }>): boolean {
    if (message.xid !== this.#frameXid || message.bundle_id !== this.#bundleId) return false;
    if (this.#phase === 'committing') this.#end(this.#rejected === 0 ? 'applied' : 'rejected');
    else if (this.#phase === 'discarding') this.#end('rejected');
    return true;
  }

  onTimeout(now: InstantSeconds): void {
    if (this.#deadline > now) return;
    if (this.#phase === 'discarding') this.#end('rejected');
    else this.abandon(`no answer within ${this.#host.barrierSeconds} s`);
  }

  /** Nothing more will be heard: what was sent may be applied or not. */
  abandon(why: string): void {
    // A bundle that is being discarded is not applied, whether the switch says so or is gone.
    const outcome = this.#phase === 'discarding' ? 'rejected' : 'unknown';
    this.#errors.push(why);
    this.#end(outcome);
  }

  /** The event of a transaction that could not even start. */
  static refused(id: number, messages: readonly Outgoing[], why: string): SessionEvent {
    return {
      kind: 'transaction',
      id,
      ok: false,
      outcome: 'rejected',
      errors: [why],
      rejections: [],
      unsent: messages.length,
    };
  }

  #sendPart(now: InstantSeconds): void {
    const { outbox } = this.#host;
    const part = this.#messages.slice(this.#sent, this.#endOfPart());
    const opens = this.#bundleId !== undefined && this.#frameXid === -1;
    const first = this.#host.takeXids(part.length + 2);
    const mark = outbox.mark;
    try {
      if (opens) outbox.put(this.#control(OFPBCT_OPEN_REQUEST), first);
      part.forEach((message, i) => {
        const xid = first + 1 + i;
        outbox.put(this.#bundleId === undefined ? message : this.#bundled(message, xid), xid);
      });
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error;
      // Nothing of this part leaves; parts before it were applied, or lie in a bundle that is never committed.
      outbox.rewind(mark);
      this.#rejected += 1;
      this.#errors.push(`cannot be encoded: ${error.message}`);
      this.#giveUp(now);
      return;
    }
    if (opens) this.#frameXid = first;
    // A bundle is carried out by its commit, so a message of any part may fail then.
    if (this.#bundleId === undefined) this.#parts = [];
    this.#parts.push({ firstXid: first + 1, start: this.#sent, length: part.length });
    this.#sent += part.length;
    this.#barrierXid = first + 1 + part.length;
    this.#deadline = now + this.#host.barrierSeconds;
    outbox.put({ type: 'barrier_request' }, this.#barrierXid);
  }

  /** A bundle is carried out in order (OFPBF_ORDERED), so only its length is limited. */
  #endOfPart(): number {
    const { messagesPerBarrier } = this.#host;
    return this.#bundleId !== undefined || !this.#hasObjects
      ? this.#sent + messagesPerBarrier
      : endOfPart(this.#messages, this.#sent, messagesPerBarrier);
  }

  #partEnded(now: InstantSeconds): void {
    if (this.#rejected > 0) this.#giveUp(now);
    else if (this.#sent < this.#messages.length) this.#sendPart(now);
    else if (this.#bundleId === undefined) this.#end('applied');
    else this.#askAboutBundle('committing', OFPBCT_COMMIT_REQUEST, now);
  }

  #giveUp(now: InstantSeconds): void {
    const bundleIsOpen =
      this.#bundleId !== undefined && this.#frameXid !== -1 && this.#openError === undefined;
    if (bundleIsOpen) this.#askAboutBundle('discarding', OFPBCT_DISCARD_REQUEST, now);
    else this.#end('rejected');
  }

  #askAboutBundle(phase: 'committing' | 'discarding', controlType: number, now: InstantSeconds): void {
    this.#phase = phase;
    this.#frameXid = this.#host.takeXids(1);
    this.#deadline = now + this.#host.barrierSeconds;
    this.#host.outbox.put(this.#control(controlType), this.#frameXid);
  }

  #control(control_type: number): Outgoing {
    return {
      type: 'bundle_control',
      bundle_id: this.#bundleId ?? 0,
      control_type,
      flags: OFPBF_ATOMIC | OFPBF_ORDERED,
      properties: [],
    };
  }

  #bundled(message: Outgoing, xid: number): Outgoing {
    return {
      type: 'bundle_add_message',
      bundle_id: this.#bundleId ?? 0,
      flags: OFPBF_ATOMIC | OFPBF_ORDERED,
      // The extension demands the same id inside and outside.
      message: { ...message, xid } as Message,
      properties: [],
    };
  }

  #reject(index: number, { xid, error_type, error_code }: ErrorMessage): void {
    this.#rejected += 1;
    if (this.#rejections.length >= rejectionsTold) return;
    this.#rejections.push({ index, xid, errorType: error_type, errorCode: error_code });
    const { type, code } = errorName(error_type, error_code);
    const what =
      index >= 0 ? `message ${index} (${this.#messages[index]!.type})` : 'the frame of the transaction';
    this.#errors.push(`${what}: ${type} ${code}`);
  }

  #end(outcome: 'applied' | 'rejected' | 'unknown'): void {
    this.#phase = 'ended';
    this.#deadline = Number.POSITIVE_INFINITY;
    if (this.#openError !== undefined && meansUnsupported(this.#openError)) {
      this.#event = { kind: 'bundleUnsupported', id: this.id };
      return;
    }
    const untold = this.#rejected - this.#errors.length;
    this.#event = {
      kind: 'transaction',
      id: this.id,
      ok: outcome === 'applied',
      outcome,
      errors: untold > 0 ? [...this.#errors, `and ${untold} more`] : this.#errors,
      rejections: this.#rejections,
      unsent: this.#messages.length - this.#sent,
    };
  }
}

/** The switch does not know the extension, or not its messages. */
const meansUnsupported = (error: ErrorMessage): boolean =>
  error.error_type === OFPET_BAD_REQUEST &&
  [OFPBRC_BAD_TYPE, badExperimenter, badExperimenterType].includes(error.error_code);
