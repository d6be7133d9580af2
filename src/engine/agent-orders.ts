import type { HypervisorRequest } from './output.js';

const bandwidthPeriodSeconds = 0.2;
const leastBytesPerSecond = 20_000;

/**
 * What the source's agent was last told about its cap and its streams, on the present connection. The cap follows slowly and
 * stays above the queues, which are the fast actuators.
 */
export class AgentOrders {
  #cap = { bytesPerSecond: 0, at: Number.NEGATIVE_INFINITY };
  #streams = Number.NaN;

  /** What was told may be lost. */
  forget(): void {
    this.#streams = Number.NaN;
    this.hurry();
  }

  /** The next cap is told at once. */
  hurry(): void {
    this.#cap = { ...this.#cap, at: Number.NEGATIVE_INFINITY };
  }

  /**
   * The orders that are due.
   * @param most what the request allows, bytes/s; null: anything
   * @param streams how many should carry memory; undefined: there is but one
   */
  due(
    now: number,
    migration: string,
    bytesPerSecond: number,
    most: number | null,
    streams: number | undefined,
  ): HypervisorRequest[] {
    const orders: HypervisorRequest[] = [];
    if (streams !== undefined && streams !== this.#streams) {
      this.#streams = streams;
      this.hurry();
      orders.push({ execute: 'use-streams', migration, count: streams });
    }
    const wanted = Math.max(leastBytesPerSecond, Math.round(bytesPerSecond));
    const age = now - this.#cap.at;
    const near = Math.abs(wanted - this.#cap.bytesPerSecond) < this.#cap.bytesPerSecond * 0.05;
    if (age < bandwidthPeriodSeconds || (near && age < 2)) return orders;
    this.#cap = { bytesPerSecond: wanted, at: now };
    const cap = most === null ? wanted : Math.min(most, wanted);
    return [...orders, { execute: 'set-bandwidth', migration, bytesPerSecond: cap }];
  }
}
