import { type Bottleneck, probeFrame, probeNumberOf, probeNumbers } from '../network/index.js';
import type { Session } from '../session/index.js';
import { inPortOf, type PacketIn, packetOut } from './packet-io.js';
import type { Turn } from './turn.js';

/** One probe of 60 bytes in so many slots: 24 kbit/s at T = 20 ms. */
const everySlots = 1;
/** Probes that keep step with a video's frames would always meet the same queue: their times walk by the golden ratio. */
const walk = 0.618_034;
/** A probe that is not there by then was lost, or its number is used again soon. */
const lostAfterSeconds = 2;

/**
 * Sends probes into an opaque path and says how long each took, from the controller's command to the controller's
 * news of it. What the control channels cost is the caller's to subtract.
 */
export class PathProber {
  readonly #spec: Bottleneck;
  readonly #periodSeconds: number;
  readonly #sentAt = new Float64Array(probeNumbers).fill(Number.NEGATIVE_INFINITY);
  #next = 0;
  #phase = 0;
  #dueAt = Number.NEGATIVE_INFINITY;
  #attached = false;

  constructor(spec: Bottleneck, slotSeconds: number) {
    this.#spec = spec;
    this.#periodSeconds = everySlots * slotSeconds;
  }

  run(turn: Turn, near: Session | undefined, far: Session | undefined): void {
    this.#attached = near !== undefined && far !== undefined;
    if (near === undefined || far === undefined || turn.now < this.#dueAt) return;
    near.send(packetOut(this.#spec.linkPort, probeFrame(this.#next)));
    this.#sentAt[this.#next] = turn.now;
    this.#next = (this.#next + 1) % probeNumbers;
    const before = this.#phase;
    this.#phase = (this.#phase + walk) % 1;
    this.#dueAt = turn.now + this.#periodSeconds * (1 + (this.#phase - before) / everySlots);
  }

  nextDeadline(): number {
    return this.#attached ? this.#dueAt : Number.POSITIVE_INFINITY;
  }

  /** Seconds since the probe in this packet was sent; undefined: it is none, or came too late or twice. */
  arrived(now: number, message: PacketIn): number | undefined {
    const number = probeNumberOf(message.data);
    if (number === undefined) return undefined;
    const took = now - this.#sentAt[number]!;
    this.#sentAt[number] = Number.NEGATIVE_INFINITY;
    return took < lostAfterSeconds ? took : undefined;
  }

  /** True if the packet came in by the far end of this path. */
  isMine(message: PacketIn): boolean {
    return inPortOf(message) === this.#spec.far.linkPort && probeNumberOf(message.data) !== undefined;
  }
}
