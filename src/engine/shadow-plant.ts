import { type BacklogEstimate, bytes, seconds } from '../../controller/index.js';
import type { Gauged } from './queue-gauge.js';
import type { ShadowView } from './view.js';

export interface ShadowPlantOptions {
  readonly bufferBytes: number;
  /** delay that the queue's traffic was promised */
  readonly delayPromiseSeconds: number;
  /** the fixed rate to compare with, as a share of the capacity */
  readonly staticShare: number;
}

/** A fluid queue: what arrives less what the line takes, between nothing and the buffer. */
class FluidQueue {
  bytes = 0;
  movedBytes = 0;
  lateSlots = 0;
  worstSeconds = 0;

  /** One slot in which `cross` bytes of others and `own` bytes of a migration arrive. */
  step(cross: number, own: number, served: number, bufferBytes: number): void {
    this.bytes = Math.min(bufferBytes, Math.max(0, this.bytes + cross + own - served));
    this.movedBytes += own;
  }

  judge(capacityBytesPerSecond: number, promiseSeconds: number): void {
    const delay = this.bytes / capacityBytesPerSecond;
    this.worstSeconds = Math.max(this.worstSeconds, delay);
    if (delay > promiseSeconds) this.lateSlots += 1;
  }
}

const standingSlots = 5;

/**
 * What the queue of a bottleneck would have been if a migration without end had sent at the rate that the law asked for:
 * the traffic of others as it was measured, ours as it would have come, through a fluid queue of the measured capacity. The law is
 * given this queue to control, so that what it asks for and its certificate are those of the closed loop. Beside it the same
 * for a fixed share of the capacity, and the queue as it was without any of it.
 *
 * It is a lower bound of what others suffer: senders that would have slowed down (TCP) are taken to send as they did.
 */
export class ShadowPlant {
  readonly #options: ShadowPlantOptions;
  #steady = new FluidQueue();
  #fixed = new FluidQueue();
  #alone = new FluidQueue();
  #slots = 0;
  #observedSeconds = 0;
  #recent: number[] = [];
  #capacity = 0;

  constructor(options: ShadowPlantOptions) {
    this.#options = options;
  }

  /**
   * Goes on by one sample. @param rateBytesPerSecond what the law asked for before it
   * @returns the sample and the estimate as they would have been
   */
  step(gauged: Gauged, rateBytesPerSecond: number, capacityBytesPerSecond: number): Gauged {
    const { observation, estimate } = gauged;
    this.#capacity = capacityBytesPerSecond;
    if (observation.gap || observation.late || estimate.held || capacityBytesPerSecond <= 0) {
      this.#restart(estimate.backlogBytes);
      return gauged;
    }
    const { intervalSeconds, arrivedBytes } = observation;
    const { bufferBytes, delayPromiseSeconds, staticShare } = this.#options;
    const served = capacityBytesPerSecond * intervalSeconds;
    const own = rateBytesPerSecond * intervalSeconds;
    const before = this.#steady.bytes;
    this.#steady.step(arrivedBytes, own, served, bufferBytes);
    this.#fixed.step(arrivedBytes, staticShare * served, served, bufferBytes);
    // what was measured is measured better than a sum of arrivals says it
    this.#alone.bytes = estimate.backlogBytes;
    this.#steady.bytes = Math.max(this.#steady.bytes, estimate.backlogBytes);
    this.#slots += 1;
    this.#observedSeconds += intervalSeconds;
    for (const queue of [this.#steady, this.#fixed, this.#alone])
      queue.judge(capacityBytesPerSecond, delayPromiseSeconds);
    const departed = Math.max(0, before + arrivedBytes + own - this.#steady.bytes);
    return {
      observation: {
        ...observation,
        arrivedBytes: bytes(arrivedBytes + own),
        ownBytes: bytes(observation.ownBytes + own),
        departedBytes: bytes(departed),
      },
      estimate: this.#estimateOf(estimate),
    };
  }

  /** Nothing is known of the time between: the queues start at what is measured now. */
  #restart(backlogBytes: number): void {
    for (const queue of [this.#steady, this.#fixed, this.#alone]) queue.bytes = backlogBytes;
    this.#recent = [];
  }

  #estimateOf(estimate: BacklogEstimate): BacklogEstimate {
    const queue = this.#steady.bytes;
    this.#recent = [...this.#recent, queue].slice(-standingSlots);
    return {
      ...estimate,
      backlogBytes: bytes(queue),
      lindleyBytes: bytes(queue),
      standingBytes: bytes(Math.min(...this.#recent)),
      anchorAgeSeconds: queue === 0 ? seconds(0) : estimate.anchorAgeSeconds,
    };
  }

  view(): ShadowView {
    const ms = (amount: number): number => (this.#capacity > 0 ? (amount / this.#capacity) * 1000 : 0);
    const outcome = (queue: FluidQueue) => ({
      movedBytes: String(Math.round(queue.movedBytes)),
      delayMs: ms(queue.bytes),
      worstDelayMs: queue.worstSeconds * 1000,
      lateSlots: queue.lateSlots,
    });
    return {
      observedSeconds: this.#observedSeconds,
      slots: this.#slots,
      delayPromiseMs: this.#options.delayPromiseSeconds * 1000,
      steady: outcome(this.#steady),
      fixedShare: outcome(this.#fixed),
      untouched: outcome(this.#alone),
    };
  }
}
