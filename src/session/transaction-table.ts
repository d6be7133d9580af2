import { type AnyMessage, type ErrorMessage, OFP_VERSION_13 } from '../openflow/index.js';
import type { AnySessionEvent } from './event.js';
import type { InstantSeconds } from './limits.js';
import type { AnyOutgoing } from './outbox.js';
import { Transaction, type TransactionHost } from './transaction.js';

/** The transactions of a session that are under way. Each call answers with the events of those that ended by it. */
export class TransactionTable {
  readonly #host: TransactionHost;
  readonly #limit: number;
  readonly #active = new Map<number, Transaction>();
  #nextId = 1;
  /** until the switch says that it has none; 1.0 has none */
  #bundles = true;

  constructor(host: TransactionHost, limit: number) {
    this.#host = host;
    this.#limit = limit;
  }

  get size(): number {
    return this.#active.size;
  }

  nextDeadline(): InstantSeconds {
    let next = Number.POSITIVE_INFINITY;
    for (const t of this.#active.values()) if (t.deadline < next) next = t.deadline;
    return next;
  }

  begin(
    messages: readonly AnyOutgoing[],
    asBundle: boolean,
    now: InstantSeconds,
  ): { id: number; events: AnySessionEvent[] } {
    const id = this.#nextId++;
    if (asBundle && !(this.#bundles && this.#host.outbox.version >= OFP_VERSION_13))
      return { id, events: [{ kind: 'bundleUnsupported', id }] };
    if (this.#active.size >= this.#limit) {
      const why = `${this.#limit} transactions wait for an answer already`;
      return { id, events: [Transaction.refused(id, messages, why)] };
    }
    const t = new Transaction(id, messages, asBundle ? id : undefined, this.#host, now);
    this.#active.set(id, t);
    return { id, events: this.#settled(t) };
  }

  refuse(messages: readonly AnyOutgoing[], why: string): { id: number; events: AnySessionEvent[] } {
    const id = this.#nextId++;
    return { id, events: [Transaction.refused(id, messages, why)] };
  }

  /** undefined: the message is not about any of them */
  onMessage(message: AnyMessage, now: InstantSeconds): AnySessionEvent[] | undefined {
    for (const t of this.#active.values()) if (concerns(t, message, now)) return this.#settled(t);
    return undefined;
  }

  onTimeout(now: InstantSeconds): AnySessionEvent[] {
    return [...this.#active.values()].flatMap((t) => {
      t.onTimeout(now);
      return this.#settled(t);
    });
  }

  abandonAll(why: string): AnySessionEvent[] {
    return [...this.#active.values()].flatMap((t) => {
      t.abandon(why);
      return this.#settled(t);
    });
  }

  #settled(t: Transaction): AnySessionEvent[] {
    if (!t.event) return [];
    if (t.event.kind === 'bundleUnsupported') this.#bundles = false;
    this.#active.delete(t.id);
    return [t.event];
  }
}

function concerns(t: Transaction, message: AnyMessage, now: InstantSeconds): boolean {
  switch (message.type) {
    case 'barrier_reply':
      return t.onBarrier(message.xid, now);
    case 'bundle_control':
      return t.onBundleControl(message);
    case 'error':
      return t.onError(message as ErrorMessage, now);
    default:
      return false;
  }
}
