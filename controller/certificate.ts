import type { Command } from './command-timeline.js';
import { DiscountedDisturbance, type SlotDisturbance } from './disturbance.js';
import { type Bytes, type BytesPerSecond, bytes, bytesPerSecond, type Seconds, seconds } from './units.js';
import type { QueueStep } from './virtual-queue.js';

/** How one slot was judged. */
export type SlotVerdict = 'held' | 'violated' | 'assumption-broken';

/** Theorems 1 and 2 for the newest finished slot, with the errors frozen before it, and the counts so far. */
export interface SlotCertificate {
  readonly verdict: SlotVerdict;
  /** finished slots that were judged or found to break an assumption */
  readonly slots: number;
  /** assumptions held and the inequality failed: must stay 0 */
  readonly violations: number;
  /** slots whose rate was not what the law asked for (zero, demand or drain); judged by the clipped form */
  readonly clipped: number;
  readonly assumptionBroken: number;
  /** slots that held, and in which the bound on the delay was larger than the promise: true and useless */
  readonly vacuous: number;
  /** slots that held, with a bound below the promise, as a share of all; 0 before the first */
  readonly provedShare: number;
  /** this slot's bound was vacuous */
  readonly isVacuous: boolean;
  readonly isClipped: boolean;
  /** L = e^2/2 at the end of the slot, bytes^2 */
  readonly lyapunov: number;
  /** what L was held against, bytes^2 */
  readonly lyapunovBound: number;
  /** L(end) - L(start), bytes^2 */
  readonly drift: number;
  /** R = eps_W + eps_m + eps_delay */
  readonly radiusBytes: Bytes;
  /** eps_W, frozen: what inequality 1 is held against */
  readonly disturbanceBytes: Bytes;
  /** eps_x */
  readonly forecastErrorBytesPerSecond: BytesPerSecond;
  /** eps_m of the virtual queue */
  readonly measurementErrorBytes: Bytes;
  /** eps_delay */
  readonly delayErrorBytes: Bytes;
  /** eps_c */
  readonly capacityErrorBytesPerSecond: BytesPerSecond;
  /** theorem 2 for the real queue */
  readonly queueBoundBytes: Bytes;
  readonly delayBoundSeconds: Seconds;
  /** Z at the end of the slot */
  readonly virtualBacklogBytes: Bytes;
  /** (1 - rho) c T >= 2R + eps_c T: no standing queue can form at all */
  readonly headRoomSuffices: boolean;
  /** slots outside the ball in a row without falling L; above 3 is an alarm */
  readonly risingOutsideBall: number;
}

export interface CertificateConfig {
  readonly gain: number;
  readonly slotSeconds: number;
  readonly targetBytes: number;
  readonly delayPromiseSeconds: number;
}

/** What is known of the real path while a slot is judged. */
export interface PathKnowledge {
  /** c as believed, bytes/s */
  readonly capacity: number;
  /** eps_c: by how much c may be lower, bytes/s */
  readonly capacityError: number;
  /** the real queue is at most Z plus this, bytes (see `RealQueueWitness`) */
  readonly aboveVirtual: number;
}

/** The time in which one command was in force, as far as it was measured. */
interface OpenSlot {
  readonly command: Command;
  readonly zBefore: number;
  /** H and F at its start */
  readonly highBefore: number;
  readonly lowBefore: number;
  zAfter: number;
  length: number;
  /** integral of A - U - xhat, bytes */
  volumeError: number;
  /** both since Z was last 0 inside the slot; NaN: it was not */
  lengthSinceFloor: number;
  errorSinceFloor: number;
  /** the most that the real queue was above Z */
  aboveVirtual: number;
  /** the sender used what it was granted, and the slot was no longer than T/g */
  usable: boolean;
  high: number;
  low: number;
  added: SlotDisturbance;
  /** largest W of the slot so far: at the end of every stretch, not only of the slot */
  reached: number;
  /** largest of e - H and -e - F of the slot so far, bytes: theorem 1 says that it is no larger than `reached` */
  excess: number;
}

/** e^2/2 in doubles: what rounding may add to numbers of this size */
const rounding = (of: number): number => 1e-6 * (1 + Math.abs(of));

/**
 * Judges each command when its slot is over. The errors were frozen in the command, before the slot began. With W of
 * `DiscountedDisturbance` and g' = g length / T, theorem 1 says that Z, floor at 0 and all, obeys
 *
 *   e <= H + W  and  -e <= F + W,   H <- (1-g') min(H, max(0, e)) + clipped volume upward,  F likewise downward,
 *
 * whatever the traffic did. The assumption is W <= eps_W; x is whatever arrived beyond the command, so an actuator
 * that does not deliver breaks the assumption and violates nothing, while a law that computes something else
 * than it should violates the inequality.
 */
export class CertificateLedger {
  private readonly config: CertificateConfig;
  private readonly disturbance = new DiscountedDisturbance();
  private open: OpenSlot | undefined;
  /** H and F: what is left of the way to the ball from where the law took over */
  private high = Number.POSITIVE_INFINITY;
  private low = Number.POSITIVE_INFINITY;
  private slots = 0;
  private violations = 0;
  private clipped = 0;
  private assumptionBroken = 0;
  private vacuous = 0;
  private rising = 0;

  constructor(config: CertificateConfig) {
    this.config = config;
  }

  /** eps_W to be frozen into the next command, bytes */
  get largestDisturbance(): number {
    return this.disturbance.largest;
  }
  /** slots that it was learnt from, a window at most */
  get learntSlots(): number {
    return this.disturbance.count;
  }

  /** Adds a measured stretch; returns the certificate of the slot that it finished, if it did. */
  add(step: QueueStep, filled: boolean, path: PathKnowledge): SlotCertificate | undefined {
    let certificate: SlotCertificate | undefined;
    if (this.open !== undefined && this.open.command !== step.command) {
      certificate = this.finish(this.open, path);
      this.open = undefined;
    }
    if (step.command !== undefined) this.extend(step.command, step, filled, path.aboveVirtual);
    return certificate;
  }

  private extend(command: Command, step: QueueStep, filled: boolean, aboveVirtual: number): void {
    this.open ??= this.begin(command, step.before);
    const open = this.open;
    const length = step.to - step.from;
    const error = (step.arrivalRate - command.rate - command.forecast) * length;
    const onFloor = step.after === 0;
    open.zAfter = step.after;
    open.length += length;
    open.volumeError += error;
    open.lengthSinceFloor = onFloor ? 0 : open.lengthSinceFloor + length;
    open.errorSinceFloor = onFloor ? 0 : open.errorSinceFloor + error;
    open.aboveVirtual = Math.max(open.aboveVirtual, aboveVirtual);
    open.usable &&= filled && this.shareOf(open.length) <= 1;
    if (open.usable) this.examine(open);
  }

  private begin(command: Command, zBefore: number): OpenSlot {
    const before = zBefore - this.config.targetBytes;
    return {
      command,
      zBefore,
      highBefore: Math.min(this.high, Math.max(0, before)),
      lowBefore: Math.min(this.low, Math.max(0, -before)),
      zAfter: zBefore,
      length: 0,
      volumeError: 0,
      lengthSinceFloor: Number.NaN,
      errorSinceFloor: Number.NaN,
      aboveVirtual: Number.NEGATIVE_INFINITY,
      usable: true,
      high: 0,
      low: 0,
      added: { upward: 0, whole: 0 },
      reached: 0,
      excess: 0,
    };
  }

  /** g' of a part of a slot */
  private shareOf(length: number): number {
    return (this.config.gain * length) / this.config.slotSeconds;
  }

  /** Both sides of theorem 1 for the slot as far as it was measured. */
  private examine(open: OpenSlot): void {
    const { command } = open;
    const share = this.shareOf(open.length);
    const predictionError = command.predicted - open.zBefore;
    const whole = open.volumeError - share * predictionError;
    const sinceFloor = open.errorSinceFloor - this.shareOf(open.lengthSinceFloor) * predictionError;
    // a slot that ends at 0 has nothing left to push up from there
    open.added = { whole, upward: open.lengthSinceFloor > 0 ? Math.max(whole, sinceFloor) : whole };
    const clippedVolume = (command.rate - command.wanted) * open.length;
    open.high = (1 - share) * open.highBefore + Math.max(0, clippedVolume);
    open.low = (1 - share) * open.lowBefore + Math.max(0, -clippedVolume);
    const after = open.zAfter - this.config.targetBytes;
    open.excess = Math.max(open.excess, after - open.high, -after - open.low);
    open.reached = Math.max(open.reached, this.disturbance.after(open.added, 1 - share));
  }

  /** After a gap in the measurements: the slot that was open cannot be judged, and what follows begins anew. */
  abandon(): void {
    this.open = undefined;
    this.restart();
  }

  private restart(): void {
    this.high = Number.POSITIVE_INFINITY;
    this.low = Number.POSITIVE_INFINITY;
    this.disturbance.restart();
  }

  private finish(slot: OpenSlot, path: PathKnowledge): SlotCertificate | undefined {
    const { command } = slot;
    if (!(slot.length > 0)) return undefined;
    if (command.lawful && slot.usable) {
      this.high = slot.high;
      this.low = slot.low;
      this.disturbance.finish(slot.added, 1 - this.shareOf(slot.length), slot.reached);
    } else this.restart();
    return command.judged ? this.judge(slot, path) : undefined;
  }

  private judge(slot: OpenSlot, path: PathKnowledge): SlotCertificate {
    const { slotSeconds, targetBytes, delayPromiseSeconds } = this.config;
    const { command } = slot;
    const radius = command.disturbance + command.measurementError + command.delayError;
    const held =
      slot.usable &&
      command.certifiedDelay &&
      slot.reached <= command.disturbance + rounding(command.disturbance);
    const before = slot.zBefore - targetBytes;
    const after = slot.zAfter - targetBytes;
    const limit = (after >= 0 ? slot.high : Math.min(slot.low, targetBytes)) + command.disturbance;
    const failed = held && slot.excess > command.disturbance + rounding(command.disturbance);
    const way = Math.max(slot.highBefore, slot.high);
    const bound = Math.max(0, targetBytes + way + radius + slot.aboveVirtual);
    const served = Math.max(1, path.capacity - path.capacityError);
    const isVacuous = bound / served > delayPromiseSeconds;
    const isClipped = Math.abs(command.rate - command.wanted) > 1;
    const drift = (after * after - before * before) / 2;
    this.count(held, failed, isVacuous, isClipped, Math.abs(after) > radius && drift >= 0);
    return {
      verdict: failed ? 'violated' : held ? 'held' : 'assumption-broken',
      slots: this.slots,
      violations: this.violations,
      clipped: this.clipped,
      assumptionBroken: this.assumptionBroken,
      vacuous: this.vacuous,
      provedShare: (this.slots - this.assumptionBroken - this.violations - this.vacuous) / this.slots,
      isVacuous,
      isClipped,
      lyapunov: (after * after) / 2,
      lyapunovBound: (limit * limit) / 2,
      drift,
      radiusBytes: bytes(radius),
      disturbanceBytes: bytes(command.disturbance),
      forecastErrorBytesPerSecond: bytesPerSecond(command.forecastError),
      measurementErrorBytes: bytes(command.measurementError),
      delayErrorBytes: bytes(command.delayError),
      capacityErrorBytesPerSecond: bytesPerSecond(path.capacityError),
      queueBoundBytes: bytes(bound),
      delayBoundSeconds: seconds(bound / served),
      virtualBacklogBytes: bytes(slot.zAfter),
      headRoomSuffices:
        ((1 - command.utilisation) * path.capacity - path.capacityError) * slotSeconds >= 2 * radius,
      risingOutsideBall: this.rising,
    };
  }

  private count(held: boolean, failed: boolean, vacuous: boolean, clipped: boolean, rising: boolean): void {
    this.slots += 1;
    if (!held) this.assumptionBroken += 1;
    if (failed) this.violations += 1;
    else if (held && vacuous) this.vacuous += 1;
    if (clipped) this.clipped += 1;
    this.rising = held && !clipped && rising ? this.rising + 1 : 0;
  }
}
