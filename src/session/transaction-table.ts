import type { ErrorMessage, Message } from '../openflow/index.js';
import type { SessionEvent } from './event.js';
import type { InstantSeconds } from './limits.js';
import type { Outgoing } from './outbox.js';
import { Transaction, type TransactionHost } from './transaction.js';

/** The transactions of a session that are under way. Each call answers with the events of those that ended by it. */
export class TransactionTable {
  readonly #host: TransactionHost;
  readonly #limit: number;
  readonly #active = new Map<number, Transaction>();
  #nextId = 1;
  /** until the switch says that it has none */
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
    messages: readonly Outgoing[],
    asBundle: boolean,
    now: InstantSeconds,
  ): { id: number; events: SessionEvent[] } {
    const id = this.#nextId++;
    if (asBundle && !this.#bundles) return { id, events: [{ kind: 'bundleUnsupported', id }] };
    if (this.#active.size >= this.#limit) {
      const why = `${this.#limit} transactions wait for an answer already`;
      return { id, events: [Transaction.refused(id, messages, why)] };
    }
    const t = new Transaction(id, messages, asBundle ? id : undefined, this.#host, now);
    this.#active.set(id, t);
    return { id, events: this.#settled(t) };
  }

  refuse(messages: readonly Outgoing[], why: string): { id: number; events: SessionEvent[] } {
    const id = this.#nextId++;
    return { id, events: [Transaction.refused(id, messages, why)] };
  }

  /** undefined: the message is not about any of them */
  onMessage(message: Message, now: InstantSeconds): SessionEvent[] | undefined {
    for (const t of this.#active.values()) if (concerns(t, message, now)) return this.#settled(t);
    return undefined;
  }

  onTimeout(now: InstantSeconds): SessionEvent[] {
    return [...this.#active.values()].flatMap((t) => {
      t.onTimeout(now);
      return this.#settled(t);
    });
  }

  abandonAll(why: string): SessionEvent[] {
    return [...this.#active.values()].flatMap((t) => {
      t.abandon(why);
      return this.#settled(t);
    });
  }

  #settled(t: Transaction): SessionEvent[] {
    if (!t.event) return [];
    if (t.event.kind === 'bundleUnsupported') this.#bundles = false;
    this.#active.delete(t.id);
    return [t.event];
  }
}

function concerns(t: Transaction, message: Message, now: InstantSeconds): boolean {
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
