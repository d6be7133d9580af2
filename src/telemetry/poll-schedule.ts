import type { Seconds } from '../../controller/index.js';

/**
 * When to ask for counters: at fixed multiples of the period, so that a late turn does not shift all later ones, with one
 * request outstanding. A slot in which the last answer is still missing is skipped and counted, never made up for.
 */
export class PollSchedule {
  readonly #periodSeconds: number;
  #nextDue = Number.NEGATIVE_INFINITY;
  #outstanding = false;
  /** slots that passed without a request */
  overruns = 0;

  constructor(periodSeconds: Seconds) {
    this.#periodSeconds = periodSeconds;
  }

  due(now: number): boolean {
    if (now < this.#nextDue) return false;
    if (!this.#outstanding) return true;
    this.#skipTo(now);
    return false;
  }

  sent(now: number): void {
    this.#outstanding = true;
    if (this.#nextDue === Number.NEGATIVE_INFINITY) this.#nextDue = now + this.#periodSeconds;
    else {
      this.#nextDue += this.#periodSeconds;
      if (this.#nextDue <= now) this.#skipTo(now);
    }
  }

  #skipTo(now: number): void {
    const slots = Math.floor((now - this.#nextDue) / this.#periodSeconds) + 1;
    this.overruns += slots;
    this.#nextDue += slots * this.#periodSeconds;
  }

  /** The request was answered, failed, or went down with its connection. */
  answered(): void {
    this.#outstanding = false;
  }

  /** The instant at which `due` should be asked next. */
  nextDue(): number {
    return this.#nextDue;
  }
}
