import { QueueStatsColumns, readQueueStats } from '../openflow/index.js';

/** One queue statistics reply as the session hands it on. */
export interface QueueStatsReply {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

/**
 * Packets that the queues of one port dropped. Open vSwitch counts them as tx_errors of the queue and nowhere at the
 * port; a queue that is made anew starts at zero, which is a reset and no drop.
 */
export class QueueDrops {
  readonly #egressPort: number;
  readonly #columns = new QueueStatsColumns();
  readonly #seen = new Map<number, number>();

  constructor(egressPort: number) {
    this.#egressPort = egressPort;
  }

  /** @returns packets since the previous reply; 0 if it cannot be read or has nothing to compare with */
  onQueueStats(reply: QueueStatsReply): number {
    this.#columns.clear();
    if (readQueueStats(reply.bytes, reply.offset, reply.length, this.#columns) !== undefined) return 0;
    let dropped = 0;
    for (let row = 0; row < this.#columns.count; row += 1) {
      if (this.#columns.portNo[row] !== this.#egressPort || !this.#columns.txErrors.supported(row)) continue;
      const queueId = this.#columns.queueId[row]!;
      const total = this.#columns.txErrors.number(row);
      dropped += Math.max(0, total - (this.#seen.get(queueId) ?? total));
      this.#seen.set(queueId, total);
    }
    return dropped;
  }
}
