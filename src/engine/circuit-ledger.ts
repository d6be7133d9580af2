import type { JournalRecord } from './journal.js';

/** What a circuit costs. */
export interface CircuitPrices {
  readonly costPerSetup: number;
  readonly costPerSecond: number;
}
/** Orders of one link since the journal was begun: `requested - released` of them are open. */
export interface CircuitAccount {
  readonly requested: number;
  readonly granted: number;
  readonly released: number;
  /** found at the provider without an open order here, and told to go */
  readonly strays: number;
  /** from the order to the grant, of the newest grant; null: none was ever granted */
  readonly setupSeconds: number | null;
  /** setup and time of all granted orders; in the currency of the prices */
  readonly cost: number;
}
/** An order that is not confirmed as released. */
export interface OpenOrder {
  readonly id: string;
  readonly link: string;
  readonly requestedWallMs: number;
  grantedWallMs: number | undefined;
  /** its release was decided */
  releasing: boolean;
}
interface Account {
  requested: number;
  granted: number;
  released: number;
  strays: number;
  setupSeconds: number | null;
  closedCost: number;
}

/**
 * The books of all orders, folded from the journal alone: the same records give the same books in every life. An order that
 * was never granted costs nothing; a granted one its set-up, and its time from the order to the confirmed release.
 */
export class CircuitLedger {
  readonly #pricesOf: (link: string) => CircuitPrices;
  readonly #accounts = new Map<string, Account>();
  readonly #open = new Map<string, OpenOrder>();
  constructor(pricesOf: (link: string) => CircuitPrices) {
    this.#pricesOf = pricesOf;
  }

  /** A record that is durable. */
  take({ entry, wallMs }: Pick<JournalRecord, 'entry' | 'wallMs'>): void {
    switch (entry.kind) {
      case 'circuitRequested':
        this.#accountOf(entry.link).requested += 1;
        this.#open.set(entry.id, {
          id: entry.id,
          link: entry.link,
          requestedWallMs: wallMs,
          grantedWallMs: undefined,
          releasing: false,
        });
        return;
      case 'circuitGranted': {
        const order = this.#open.get(entry.id);
        if (order === undefined || order.grantedWallMs !== undefined) return;
        order.grantedWallMs = wallMs;
        const account = this.#accountOf(entry.link);
        account.granted += 1;
        account.setupSeconds = Math.max(0, wallMs - order.requestedWallMs) / 1000;
        return;
      }
      case 'circuitReleasing': {
        const order = this.#open.get(entry.id);
        if (order === undefined) this.#accountOf(entry.link).strays += 1;
        else order.releasing = true;
        return;
      }
      case 'circuitReleased': {
        const order = this.#open.get(entry.id);
        if (order === undefined) return;
        this.#open.delete(entry.id);
        const account = this.#accountOf(order.link);
        account.released += 1;
        account.closedCost += this.#costOf(order, wallMs);
        return;
      }
      default:
        return;
    }
  }

  #accountOf(link: string): Account {
    let account = this.#accounts.get(link);
    if (account === undefined) {
      account = { requested: 0, granted: 0, released: 0, strays: 0, setupSeconds: null, closedCost: 0 };
      this.#accounts.set(link, account);
    }
    return account;
  }

  #costOf(order: OpenOrder, wallMs: number): number {
    if (order.grantedWallMs === undefined) return 0;
    const { costPerSetup, costPerSecond } = this.#pricesOf(order.link);
    return costPerSetup + (costPerSecond * Math.max(0, wallMs - order.requestedWallMs)) / 1000;
  }

  /** In the order in which they were requested. */
  open(): readonly OpenOrder[] {
    return [...this.#open.values()];
  }

  isOpen(id: string): boolean {
    return this.#open.has(id);
  }

  get requested(): number {
    let sum = 0;
    for (const account of this.#accounts.values()) sum += account.requested;
    return sum;
  }

  account(link: string, wallMs: number): CircuitAccount {
    const { closedCost, ...counts } = this.#accountOf(link);
    const running = this.open().filter((order) => order.link === link);
    return { ...counts, cost: running.reduce((sum, order) => sum + this.#costOf(order, wallMs), closedCost) };
  }
}
