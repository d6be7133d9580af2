import type { CircuitPrices } from './circuit-ledger.js';
import type { JournalRecord } from './journal.js';

/** What earlier lives have spent on the circuit of one link, in the currency of the prices. */
export interface PastSpending {
  readonly spent: number;
  /** G: what was spent beyond the budget and is not paid off */
  readonly debt: number;
  /** since the first order */
  readonly elapsedSeconds: number;
  /** since the order that is open was granted; undefined: none is, or it is being released */
  readonly litSeconds: number | undefined;
}

/**
 * The budget's virtual queue G+ = [G + cost - b dt]^+ (see `CircuitPolicy`) over the whole journal, so that a controller that is
 * killed again and again overdraws its budget no further than one that lives on. Paid for are a set-up with each order, given
 * back where nothing was ever granted, and the time until the release was decided: what the policy itself pays for. While no controller
 * runs the budget earns, and a circuit that was left lit costs. Prices and budget are those of the present configuration.
 */
export class CircuitBudget {
  readonly #prices: CircuitPrices;
  readonly #budgetPerSecond: number;
  #debt = 0;
  #spent = 0;
  #startMs: number | undefined;
  #atMs = 0;
  #order: { readonly id: string; grantedMs: number | undefined; releasing: boolean } | undefined;

  constructor(prices: CircuitPrices, budgetPerSecond: number) {
    this.#prices = prices;
    this.#budgetPerSecond = budgetPerSecond;
  }

  /** Records of this link in the order of the journal; others are passed over. */
  take({ entry, wallMs }: Pick<JournalRecord, 'entry' | 'wallMs'>): void {
    switch (entry.kind) {
      case 'circuitRequested':
        this.#startMs ??= wallMs;
        this.#advance(wallMs);
        this.#order = { id: entry.id, grantedMs: undefined, releasing: false };
        this.#charge(this.#prices.costPerSetup);
        return;
      case 'circuitGranted':
        if (this.#order?.id === entry.id) this.#order.grantedMs ??= wallMs;
        return;
      case 'circuitReleasing':
        if (this.#order?.id !== entry.id) return;
        this.#advance(wallMs);
        this.#order.releasing = true;
        return;
      case 'circuitReleased':
        if (this.#order?.id !== entry.id) return;
        this.#advance(wallMs);
        if (this.#order.grantedMs === undefined) this.#charge(-this.#prices.costPerSetup);
        this.#order = undefined;
        return;
      default:
        return;
    }
  }

  /** By so much the carrier's bill grew. */
  billed(wallMs: number, cost: number): void {
    if (this.#startMs === undefined) return;
    this.#advance(wallMs);
    this.#charge(Math.max(0, cost));
  }

  /** A clock that was set back earns and costs nothing until it is where it was. */
  #advance(wallMs: number): void {
    const seconds = this.#atMs === 0 ? 0 : Math.max(0, wallMs - this.#atMs) / 1000;
    this.#atMs = Math.max(this.#atMs, wallMs);
    const paid = this.#order !== undefined && !this.#order.releasing ? this.#prices.costPerSecond : 0;
    this.#spent += paid * seconds;
    this.#debt = Math.max(0, this.#debt + (paid - this.#budgetPerSecond) * seconds);
  }

  #charge(cost: number): void {
    this.#spent = Math.max(0, this.#spent + cost);
    this.#debt = Math.max(0, this.#debt + cost);
  }

  /** undefined: nothing was ever ordered. */
  until(wallMs: number): PastSpending | undefined {
    if (this.#startMs === undefined) return undefined;
    this.#advance(wallMs);
    const { grantedMs, releasing } = this.#order ?? {};
    return {
      spent: this.#spent,
      debt: this.#debt,
      elapsedSeconds: (this.#atMs - this.#startMs) / 1000,
      litSeconds: grantedMs === undefined || releasing ? undefined : Math.max(0, wallMs - grantedMs) / 1000,
    };
  }
}
