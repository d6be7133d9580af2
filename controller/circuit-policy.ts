import type { Bytes, BytesPerSecond, Instant, Seconds } from './units.js';

/** What a circuit is and costs. Costs are in one currency, whatever it is. */
export interface CircuitTerms {
  /** tau_s: from the order to the first byte */
  readonly setupSeconds: Seconds;
  /** C_c */
  readonly capacityBytesPerSecond: BytesPerSecond;
  /** kappa, while it is ordered or lit */
  readonly costPerSecond: number;
  /** kappa_0 */
  readonly costPerSetup: number;
}
export interface CircuitPolicyConfig extends CircuitTerms {
  /** b: what may be spent in the long run, per second */
  readonly budgetPerSecond: number;
  /** V: bytes^2/s of debt paid off that one unit of cost is worth before any budget is overdrawn */
  readonly tradeOff: number;
  /** T_h >= tau_s: once lit it stays lit for this long */
  readonly minimumHoldSeconds: Seconds;
}

/** One migration that the circuit could carry. */
export interface CircuitJob {
  /** everything that it has still to send */
  readonly bytesLeft: Bytes;
  /** H_j; the marginal utility V w_j / r_j of layer 2 may be added for migrations without a deadline */
  readonly debtBytes: Bytes;
  /** C_j: what the circuit would add to its rate */
  readonly gainBytesPerSecond: BytesPerSecond;
  /** nu_j, 0 without a deadline */
  readonly plannedBytesPerSecond: BytesPerSecond;
  /** r_j on the packet path */
  readonly rateBytesPerSecond: BytesPerSecond;
  readonly dirtyBytesPerSecond: BytesPerSecond;
  /** it can end however fast it dirties: its whole working set fits into the downtime */
  readonly fitsDowntime: boolean;
  /** what must fit into the last round, when it is near: M_j; 0: the cut-over is not near */
  readonly lastRoundBytes: Bytes;
  /** D_max - D_0 */
  readonly downtimeBudgetSeconds: Seconds;
}
export type CircuitState = 'dark' | 'setting-up' | 'lit' | 'failed';
export interface CircuitInput {
  readonly now: Instant;
  /** what the provider says */
  readonly state: CircuitState;
  readonly jobs: readonly CircuitJob[];
  /** U: what the packet path gives to all of them together */
  readonly packetBytesPerSecond: BytesPerSecond;
  /** rho c - xhat_95: what the packet path can promise */
  readonly promisedBytesPerSecond: BytesPerSecond;
  /** cost of using it now beyond its own terms, per second: what the carrier's percentile bill would grow by */
  readonly extraCostPerSecond: number;
}
export type CircuitReason =
  | 'infeasible-deadline'
  | 'cannot-converge'
  | 'cut-over'
  | 'debt-outweighs-cost'
  | 'setup-takes-longer'
  | 'not-worth-it'
  | 'setting-up'
  | 'minimum-hold'
  | 'idle-is-still-cheaper'
  | 'idle'
  | 'nothing-to-move'
  | 'failed';
export interface CircuitDecision {
  readonly action: 'light' | 'darken' | 'hold';
  readonly reason: CircuitReason;
  /** the light rule was overruled: a promise cannot be kept without it */
  readonly forced: boolean;
}
export interface BudgetCertificate {
  readonly spent: number;
  /** b K T + G(K) */
  readonly bound: number;
  readonly holds: boolean;
}

/** theta of the floor r >= theta d (see `convergenceMargin`) */
const theta = 1.25;

/** S > tau_s U: the bytes that the packet path moves while the circuit is set up are less than there are to move. */
export const setupPays = (bytesLeft: number, setupSeconds: number, packetBytesPerSecond: number): boolean =>
  bytesLeft > setupSeconds * packetBytesPerSecond;

/** Seconds to the end: on the packet path alone, and with a circuit that joins it after its set-up. */
export function completionSeconds(
  bytesLeft: number,
  packetBytesPerSecond: number,
  terms: CircuitTerms,
): { readonly without: number; readonly with: number } {
  const without = bytesLeft / packetBytesPerSecond;
  const rest = bytesLeft - terms.setupSeconds * packetBytesPerSecond;
  const joined = terms.setupSeconds + rest / (packetBytesPerSecond + terms.capacityBytesPerSecond);
  return { without, with: rest > 0 ? joined : without };
}

/**
 * Layer 3: when to light a circuit beside the packet path, and when to let it go. Decides and keeps the books; whoever drives the circuit tells
 * it what was spent by calling `step` regularly.
 *
 * Light when sum_j H_j C_j T_h > (V + G)(kappa T_h + kappa_0) and the set-up pays (S > tau_s U), or when a promise cannot be kept without
 * it: sum nu_j > rho c - xhat_95, or r_j < 1.25 d_j, or M_j > r_j (D_max - D_0) near the cut-over. G is the budget's virtual
 * queue, G+ = [G + cost - b dt]^+: what was overspent makes the next light dearer, and since each [.]^+ only adds,
 * sum of costs <= b K T + G(K) always, forced or not.
 *
 * Lit, it is kept while sum_j H_j C_j T_h > (V + G) kappa T_h: less than what lit it by the set-up's price, so that it does not
 * flap. When it is worth that no longer, it goes dark once the cost of waiting since then has reached kappa_0, the ski rental rule: at
 * most twice what a clairvoyant would have paid (Karlin, Manasse, Rudolph, Sleator, Algorithmica 3, 1988). Not before T_h.
 */
export class CircuitPolicy {
  readonly #config: CircuitPolicyConfig;
  #startedAt: Instant | undefined;
  #at: Instant | undefined;
  /** what it was from the last step on: that time is paid for at the next */
  #state: CircuitState = 'dark';
  #extraCostPerSecond = 0;
  #litAt: Instant | undefined;
  /** when it was lit in an earlier life, until the provider says whether it still is */
  #litBefore: Instant | undefined;
  #idleCost = 0;
  #budgetDebt = 0;
  #spent = 0;
  /** when an order was given that is not yet seen in the provider's state */
  #orderedAt: Instant | undefined;

  constructor(config: CircuitPolicyConfig) {
    if (!(config.minimumHoldSeconds >= config.setupSeconds))
      throw new RangeError('a circuit must be held at least as long as its set-up takes');
    for (const name of ['costPerSecond', 'costPerSetup', 'budgetPerSecond', 'tradeOff'] as const)
      if (!(config[name] >= 0) || !Number.isFinite(config[name]))
        throw new RangeError(`${name} must be finite and not negative, not ${config[name]}`);
    this.#config = config;
  }

  /**
   * Books of earlier lives, before the first step: what they spent, what of it is not paid off, since when, and since when the circuit
   * is lit (undefined: it is not). The certificate then speaks of all that time.
   */
  resume(
    now: Instant,
    past: { spent: number; debt: number; startedAt: Instant; litAt: Instant | undefined },
  ): void {
    this.#at = now;
    this.#startedAt = past.startedAt;
    this.#spent = past.spent;
    this.#budgetDebt = past.debt;
    this.#litBefore = past.litAt;
  }

  /** G */
  get budgetDebt(): number {
    return this.#budgetDebt;
  }

  certificate(): BudgetCertificate {
    const elapsed = this.#at === undefined ? 0 : this.#at - this.#startedAt!;
    const bound = this.#config.budgetPerSecond * elapsed + this.#budgetDebt;
    return { spent: this.#spent, bound, holds: this.#spent <= bound + 1e-9 * (1 + bound) };
  }

  /**
   * The newest order was refused: its set-up is not paid for. The certificate stays true, since at most as much is taken from G
   * as from the costs.
   */
  refunded(): void {
    this.#spent -= this.#config.costPerSetup;
    this.#budgetDebt = Math.max(0, this.#budgetDebt - this.#config.costPerSetup);
  }

  step(input: CircuitInput): CircuitDecision {
    const interval = this.#pay(input);
    if (input.state !== 'dark') this.#orderedAt = undefined;
    if (input.state === 'lit' && this.#state !== 'lit') this.#litAt = this.#litBefore ?? input.now;
    if (input.state !== 'setting-up') this.#litBefore = undefined;
    if (input.state !== 'lit') this.#idleCost = 0;
    this.#state = input.state;
    this.#extraCostPerSecond = Math.max(0, input.extraCostPerSecond);
    if (input.state === 'failed') return hold('failed');
    const decision = input.state === 'lit' ? this.#whileLit(input, interval) : this.#whileDark(input);
    if (decision.action === 'light') {
      this.#orderedAt = input.now;
      this.#charge(this.#config.costPerSetup, 0);
    }
    return decision;
  }

  /** Pays for the time since the last step. Returns its length, seconds. */
  #pay({ now }: CircuitInput): number {
    this.#startedAt ??= now;
    const interval = Math.max(0, now - (this.#at ?? now));
    if (this.#at === undefined || now > this.#at) this.#at = now;
    const on = this.#state === 'lit' || this.#state === 'setting-up';
    const price = on ? this.#config.costPerSecond + this.#extraCostPerSecond : 0;
    this.#charge(price * interval, this.#config.budgetPerSecond * interval);
    return interval;
  }

  #charge(cost: number, earned: number): void {
    this.#spent += cost;
    this.#budgetDebt = Math.max(0, this.#budgetDebt + cost - earned);
  }

  #whileDark(input: CircuitInput): CircuitDecision {
    const left = input.jobs.reduce((sum, job) => sum + job.bytesLeft, 0);
    if (left <= 0) return hold('nothing-to-move');
    // an order that the provider has not taken up for as long as a hold is lost
    const waits =
      this.#orderedAt !== undefined && input.now - this.#orderedAt < this.#config.minimumHoldSeconds;
    if (input.state === 'setting-up' || waits) return hold('setting-up');
    const must = this.#forcedBy(input);
    if (must !== null) return { action: 'light', reason: must, forced: true };
    const { setupSeconds, minimumHoldSeconds: held, costPerSetup } = this.#config;
    if (!setupPays(left, setupSeconds, input.packetBytesPerSecond)) return hold('setup-takes-longer');
    return this.#benefit(input) > this.#priceOfCost() * (this.#rate(input) * held + costPerSetup)
      ? { action: 'light', reason: 'debt-outweighs-cost', forced: false }
      : hold('not-worth-it');
  }

  #whileLit(input: CircuitInput, interval: number): CircuitDecision {
    const { minimumHoldSeconds: held, costPerSetup } = this.#config;
    const busy = input.jobs.some((job) => job.bytesLeft > 0);
    const must = busy ? this.#forcedBy(input) : null;
    if (must !== null || (busy && this.#benefit(input) > this.#priceOfCost() * this.#rate(input) * held)) {
      this.#idleCost = 0;
      return { action: 'hold', reason: must ?? 'debt-outweighs-cost', forced: must !== null };
    }
    this.#idleCost += this.#rate(input) * interval;
    if (input.now - this.#litAt! < held) return hold('minimum-hold');
    if (this.#idleCost < costPerSetup) return hold('idle-is-still-cheaper');
    return { action: 'darken', reason: busy ? 'not-worth-it' : 'idle', forced: false };
  }

  /** sum_j H_j C_j T_h, with what the jobs gain together never more than the circuit carries */
  #benefit({ jobs }: CircuitInput): number {
    const gains = jobs.reduce((sum, job) => sum + job.gainBytesPerSecond, 0);
    const share = Math.min(1, this.#config.capacityBytesPerSecond / Math.max(gains, 1));
    const sum = jobs.reduce((all, job) => all + job.debtBytes * job.gainBytesPerSecond * share, 0);
    return sum * this.#config.minimumHoldSeconds;
  }

  /** V + G */
  #priceOfCost(): number {
    return this.#config.tradeOff + this.#budgetDebt;
  }

  #rate(input: CircuitInput): number {
    return this.#config.costPerSecond + Math.max(0, input.extraCostPerSecond);
  }

  /** The promise that the packet path alone would break; null: none. */
  #forcedBy({ jobs, promisedBytesPerSecond }: CircuitInput): CircuitReason | null {
    const planned = jobs.reduce((sum, job) => sum + job.plannedBytesPerSecond, 0);
    if (planned > promisedBytesPerSecond) return 'infeasible-deadline';
    const alive = jobs.filter((job) => job.bytesLeft > 0);
    if (alive.some((job) => !job.fitsDowntime && job.rateBytesPerSecond < theta * job.dirtyBytesPerSecond))
      return 'cannot-converge';
    if (alive.some((job) => job.lastRoundBytes > job.rateBytesPerSecond * job.downtimeBudgetSeconds))
      return 'cut-over';
    return null;
  }
}

const hold = (reason: CircuitReason): CircuitDecision => ({ action: 'hold', reason, forced: false });
