import {
  type Bytes,
  type BytesPerSecond,
  bytes,
  bytesPerSecond,
  type Instant,
  type Seconds,
} from './units.js';

/** nu: the constant rate that moves `amount` by `guard` before the deadline; Infinity: the time is over. */
export function plannedRate(amount: Bytes, untilDeadline: Seconds, guard: Seconds): BytesPerSecond {
  const usable = untilDeadline - guard;
  return bytesPerSecond(amount <= 0 ? 0 : usable > 0 ? amount / usable : Number.POSITIVE_INFINITY);
}

export interface DebtCertificate {
  /** S_j(k): planned up to now */
  readonly plannedBytes: Bytes;
  readonly sentBytes: Bytes;
  /** H_j */
  readonly debtBytes: Bytes;
  /** guard * r_j: a debt that the guard still makes good */
  readonly limitBytes: Bytes;
  /** sent_j >= S_j - H_j, from sums kept apart from H_j; false: the accounts are wrong */
  readonly holds: boolean;
  /** H_j is above its limit: at the present rate the deadline passes before the debt is paid */
  readonly alarm: boolean;
}

/**
 * H_j = [H_j + T (nu_j - r_j)]^+, how far a migration is behind its plan. It never falls below 0: what was sent ahead of the plan is no
 * credit, so that H_j bounds the lag over every window, not only since the start. Hence, for any rates whatever,
 *
 *     sent_j(k) >= S_j(k) - H_j(k)
 *
 * (unroll the recursion: each [.]^+ only adds), and the deadline is met if H_j at (deadline - guard) <= guard * r_j.
 * T is the true time between two readings, r_j T the bytes that were acknowledged in it.
 */
export class DeadlineDebt {
  readonly plannedBytesPerSecond: BytesPerSecond;
  readonly guardSeconds: Seconds;
  #at: Instant;
  #debt = 0;
  #planned = 0;
  #sent = 0;

  constructor(plannedBytesPerSecond: BytesPerSecond, guardSeconds: Seconds, startedAt: Instant) {
    if (!(plannedBytesPerSecond >= 0) || !Number.isFinite(plannedBytesPerSecond))
      throw new RangeError(`the planned rate must be finite and not negative, not ${plannedBytesPerSecond}`);
    this.plannedBytesPerSecond = plannedBytesPerSecond;
    this.guardSeconds = guardSeconds;
    this.#at = startedAt;
  }

  get debtBytes(): Bytes {
    return bytes(this.#debt);
  }

  /** Up to when the account is made up. */
  get at(): Instant {
    return this.#at;
  }

  /** @param sent acknowledged since the last call; a time before it changes nothing but the bytes */
  advance(now: Instant, sent: Bytes): void {
    const due = this.plannedBytesPerSecond * Math.max(0, now - this.#at);
    const paid = Math.max(0, sent);
    if (now > this.#at) this.#at = now;
    this.#planned += due;
    this.#sent += paid;
    this.#debt = Math.max(0, this.#debt + due - paid);
  }

  /** The debt now, if `granted` bytes were sent since the account was made up: the predictor over the reading's age. */
  predict(now: Instant, granted: Bytes): Bytes {
    const due = this.plannedBytesPerSecond * Math.max(0, now - this.#at);
    return bytes(Math.max(0, this.#debt + due - granted));
  }

  certificate(rate: BytesPerSecond): DebtCertificate {
    const limit = this.guardSeconds * rate;
    return {
      plannedBytes: bytes(this.#planned),
      sentBytes: bytes(this.#sent),
      debtBytes: bytes(this.#debt),
      limitBytes: bytes(limit),
      holds: this.#sent >= this.#planned - this.#debt - 1e-9 * this.#planned,
      alarm: this.#debt > limit,
    };
  }
}

/** One job of theorem 4. */
export interface DebtBoundJob {
  readonly weight: number;
  /** nu_j */
  readonly plannedBytesPerSecond: number;
  /** R_j */
  readonly capBytesPerSecond: number;
}

/**
 * Theorem 4. B_d = T^2 sum m_j^2 (1/2 + 2 d) + 2 eps_H T sum m_j with m_j = max(nu_j, R_j): a delay of d slots and an error of eps_H in the
 * debts are an additive error of the minimiser. dphi = sum w_j log(R_j / r_min). If some stationary split gives every
 * r_j >= nu_j + eps, the time average of sum H_j is at most (B_d / T + V dphi) / eps; if a split gives r_j >= nu_j in every
 * slot, sum H_j(K)^2 <= 2 K (B_d + V T dphi) on every path.
 */
export function debtBound(input: {
  readonly jobs: readonly DebtBoundJob[];
  readonly slotSeconds: number;
  /** d */
  readonly delaySlots: number;
  /** eps_H, bytes */
  readonly debtErrorBytes: number;
  /** V */
  readonly tradeOff: number;
  readonly leastBytesPerSecond: number;
  /** eps, bytes/s */
  readonly slackBytesPerSecond: number;
}): { readonly meanDebtBytes: number; readonly squaredDebtPerSlot: number } {
  const { jobs, slotSeconds: T, delaySlots: d, tradeOff: V } = input;
  let squares = 0;
  let sum = 0;
  let utility = 0;
  for (const job of jobs) {
    const m = Math.max(job.plannedBytesPerSecond, job.capBytesPerSecond);
    squares += m * m;
    sum += m;
    utility += job.weight * Math.log(job.capBytesPerSecond / input.leastBytesPerSecond);
  }
  const drift = T * T * squares * (1 / 2 + 2 * d) + 2 * input.debtErrorBytes * T * sum;
  return {
    meanDebtBytes: (drift / T + V * utility) / input.slackBytesPerSecond,
    squaredDebtPerSlot: 2 * (drift + V * T * utility),
  };
}
