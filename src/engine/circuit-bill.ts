import { PercentileBill } from '../../controller/index.js';
import { timestamp } from './turn.js';

/** How a carrier bills what is sent through a circuit, beside its set-up and its time. */
export interface PercentileTerms {
  /** of a month, for each byte/s of its percentile */
  readonly pricePerBytesPerSecond: number;
  /** 300 as a rule */
  readonly periodSeconds: number;
  /** share of the periods that is not thrown away, 0.95 as a rule */
  readonly percentile: number;
}
/** A period that is over and in which something was sent. */
export interface MeteredPeriod {
  /** since 1970, in periods */
  readonly period: number;
  readonly bytes: number;
}

/** The percentile bill of one circuit, month by month of the calendar (UTC), from what a meter at its end has counted. */
export class CircuitBill {
  readonly #terms: PercentileTerms;
  #month = '';
  #bill: PercentileBill;
  #period = -1;
  #bytes = 0;

  constructor(terms: PercentileTerms) {
    this.#terms = terms;
    this.#bill = this.#billOf(31);
  }

  #billOf(days: number): PercentileBill {
    const { periodSeconds, pricePerBytesPerSecond, percentile } = this.#terms;
    const periods = Math.max(1, Math.round((days * 86_400) / periodSeconds));
    return new PercentileBill(periods, pricePerBytesPerSecond, percentile);
  }

  /** A period of an earlier life of the controller, in the order of the journal. */
  restore({ period, bytes }: MeteredPeriod): void {
    this.#enter(period);
    this.#bytes += bytes;
  }

  /** So much was sent since the last call. Returns the period that is over by now, if it is to be remembered. */
  carried(wallMs: number, bytes: number): MeteredPeriod | undefined {
    const over = this.#enter(Math.floor(wallMs / 1000 / this.#terms.periodSeconds));
    this.#bytes += bytes;
    return over;
  }

  #enter(period: number): MeteredPeriod | undefined {
    if (period <= this.#period) return undefined;
    const over = { period: this.#period, bytes: this.#bytes };
    if (over.bytes > 0) this.#bill.record(over.bytes / this.#terms.periodSeconds);
    const month = timestamp(period * this.#terms.periodSeconds * 1000).slice(0, 7);
    if (month !== this.#month) this.#bill = this.#billOf(daysOf(month));
    this.#month = month;
    this.#period = period;
    this.#bytes = 0;
    return over.bytes > 0 ? over : undefined;
  }

  /**
   * What the bill grows by for each second in which the circuit carries this rate until the period is over, beyond what was sent in
   * the period already.
   */
  costPerSecond(wallMs: number, bytesPerSecond: number): number {
    const { periodSeconds } = this.#terms;
    const over = (Math.floor(wallMs / 1000 / periodSeconds) + 1) * periodSeconds;
    const left = Math.max(1, over - wallMs / 1000);
    const withIt = this.#bill.priceOf((this.#bytes + bytesPerSecond * left) / periodSeconds);
    return Math.max(0, withIt - this.#bill.priceOf(this.#bytes / periodSeconds)) / left;
  }

  /** If the month ended now; without the period that is not over yet. */
  get cost(): number {
    return this.#bill.cost;
  }
  /** Periods of any rate that still cost nothing. */
  get freePeriods(): number {
    return this.#bill.freePeriods;
  }
}

/** @param month `YYYY-MM` */
function daysOf(month: string): number {
  const [year, number] = month.split('-').map(Number) as [number, number];
  if (number === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(number) ? 30 : 31;
}
