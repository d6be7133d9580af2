import type { Command } from './command-timeline.js';
import { ballRadius, queueBound } from './rate-law.js';
import type { BacklogEstimate } from './sample.js';
import { type Bytes, type BytesPerSecond, bytes, bytesPerSecond, type Seconds, seconds } from './units.js';
import type { QueueStep } from './virtual-queue.js';

export type RealQueueLight = 'inside' | 'standing' | 'outside' | 'unknown';
/** How one slot was judged. */
export type SlotVerdict = 'held' | 'violated' | 'assumption-broken' | 'unjudged';

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
  /** slots in which the bound on the delay was larger than the promise: true and useless */
  readonly vacuous: number;
  /** this slot's bound was vacuous */
  readonly isVacuous: boolean;
  readonly isClipped: boolean;
  /** L = e^2/2 at the end of the slot, bytes^2 */
  readonly lyapunov: number;
  /** what L was held against, bytes^2 */
  readonly lyapunovBound: number;
  /** L(end) - L(start), bytes^2 */
  readonly drift: number;
  /** R */
  readonly radiusBytes: Bytes;
  /** R with the 99 % quantile of the forecast errors in place of their maximum */
  readonly radius99Bytes: Bytes;
  readonly forecastErrorBytesPerSecond: BytesPerSecond;
  /** eps_m of the virtual queue */
  readonly measurementErrorBytes: Bytes;
  /** theorem 2 for the real queue */
  readonly queueBoundBytes: Bytes;
  readonly delayBoundSeconds: Seconds;
  /** Z at the end of the slot */
  readonly virtualBacklogBytes: Bytes;
  /** 1 - rho >= 2R/(cT): no standing queue can form at all */
  readonly headRoomSuffices: boolean;
  /** the second light: the estimate of the real queue against the bound */
  readonly realQueue: RealQueueLight;
  /** slots outside the ball in a row without falling L; above 3 is an alarm */
  readonly risingOutsideBall: number;
}

export interface CertificateConfig {
  readonly gain: number;
  readonly slotSeconds: number;
  readonly targetBytes: number;
  readonly delayPromiseSeconds: number;
}

/** A slot that is over: the time in which one command was in force. */
interface FinishedSlot {
  readonly command: Command;
  readonly length: number;
  readonly zBefore: number;
  readonly zAfter: number;
  /** largest |A - U - xhat| of its stretches, bytes/s: what the theorem calls |x - xhat| */
  readonly largestError: number;
  readonly capacity: number;
}

/** e^2/2 in doubles: what rounding may add to numbers of this size */
const rounding = (of: number): number => 1e-6 * (1 + Math.abs(of));

/**
 * Judges each command when its slot is over. The errors were frozen in the command, before the slot began. The
 * assumptions are |x - xhat| <= eps_x in every stretch of the slot, and |y - Z| <= eps_m + eps_x h at its start
 * (h = horizon of the prediction); x is whatever arrived beyond the command, so an actuator that does not
 * deliver shows as an error of the forecast and not as a violation. Under them
 *
 *   |e+| <= (1-g')|e| + g' R + |clipped volume on the side to which clipping pushed|,   g' = g length / T,
 *
 * with L form (1-g')L + g' R^2/2 when nothing was clipped. A floor of Z at 0 only shortens e.
 */
export class CertificateLedger {
  private readonly config: CertificateConfig;
  private open:
    | { command: Command; zBefore: number; zAfter: number; length: number; error: number }
    | undefined;
  private slots = 0;
  private violations = 0;
  private clipped = 0;
  private assumptionBroken = 0;
  private vacuous = 0;
  private rising = 0;

  constructor(config: CertificateConfig) {
    this.config = config;
  }

  /** Adds a measured stretch; returns the certificate of the slot that it finished, if it did. */
  add(step: QueueStep, capacity: number, estimate: BacklogEstimate): SlotCertificate | undefined {
    let certificate: SlotCertificate | undefined;
    if (this.open !== undefined && this.open.command !== step.command) {
      certificate = this.finish(capacity, estimate);
      this.open = undefined;
    }
    if (step.command === undefined) return certificate;
    const error = Math.abs(step.arrivalRate - step.command.rate - step.command.forecast);
    if (this.open === undefined)
      this.open = { command: step.command, zBefore: step.before, zAfter: step.after, length: 0, error: 0 };
    this.open.zAfter = step.after;
    this.open.length += step.to - step.from;
    this.open.error = Math.max(this.open.error, error);
    return certificate;
  }

  /** After a gap in the measurements: the slot that was open cannot be judged. */
  abandon(): void {
    this.open = undefined;
  }

  private finish(capacity: number, estimate: BacklogEstimate): SlotCertificate | undefined {
    const { command, zBefore, zAfter, length, error } = this.open!;
    if (!command.judged || !(length > 0)) return undefined;
    return this.judge({ command, zBefore, zAfter, length, largestError: error, capacity }, estimate);
  }

  private judge(slot: FinishedSlot, estimate: BacklogEstimate): SlotCertificate {
    const { gain, slotSeconds, targetBytes, delayPromiseSeconds } = this.config;
    const { command } = slot;
    const radius = ballRadius(
      command.measurementError,
      command.forecastError,
      command.horizon,
      slotSeconds,
      gain,
    );
    const radius99 = ballRadius(
      command.measurementError,
      command.forecastError99,
      command.horizon,
      slotSeconds,
      gain,
    );
    const bound = queueBound(radius, targetBytes, command.utilisation, slot.capacity, slotSeconds);
    const held = this.assumptionsHold(slot);
    const { lyapunov, lyapunovBound, drift } = this.inequality(slot, radius);
    const failed = held && lyapunov > lyapunovBound + rounding(lyapunovBound);
    const isVacuous = bound / slot.capacity > delayPromiseSeconds;
    const isClipped = Math.abs(command.rate - command.wanted) > 1;
    this.count(held, failed, isVacuous, isClipped, Math.sqrt(2 * lyapunov) > radius && drift >= 0);
    return {
      verdict: failed ? 'violated' : held ? 'held' : 'assumption-broken',
      slots: this.slots,
      violations: this.violations,
      clipped: this.clipped,
      assumptionBroken: this.assumptionBroken,
      vacuous: this.vacuous,
      isVacuous,
      isClipped,
      lyapunov,
      lyapunovBound,
      drift,
      radiusBytes: bytes(radius),
      radius99Bytes: bytes(radius99),
      forecastErrorBytesPerSecond: bytesPerSecond(command.forecastError),
      measurementErrorBytes: bytes(command.measurementError),
      queueBoundBytes: bytes(bound),
      delayBoundSeconds: seconds(bound / slot.capacity),
      virtualBacklogBytes: bytes(slot.zAfter),
      headRoomSuffices: (1 - command.utilisation) * slot.capacity * slotSeconds >= 2 * radius,
      realQueue: realQueueLight(estimate, bound),
      risingOutsideBall: this.rising,
    };
  }

  private assumptionsHold(slot: FinishedSlot): boolean {
    const { command } = slot;
    const predictorError = Math.abs(command.predicted - slot.zBefore);
    const allowed = command.measurementError + command.forecastError * command.horizon;
    return (
      slot.largestError <= command.forecastError + rounding(command.forecastError) &&
      predictorError <= allowed + rounding(allowed) &&
      (this.config.gain * slot.length) / this.config.slotSeconds <= 1
    );
  }

  private inequality(
    slot: FinishedSlot,
    radius: number,
  ): { lyapunov: number; lyapunovBound: number; drift: number } {
    const { gain, slotSeconds, targetBytes } = this.config;
    const g = Math.min(1, (gain * slot.length) / slotSeconds);
    const before = slot.zBefore - targetBytes;
    const after = slot.zAfter - targetBytes;
    // R of a slot of this length: the share of eps_x does not grow when g' does
    const ball = (1 - g) * Math.abs(before) + g * radius;
    const clippedVolume = (slot.command.rate - slot.command.wanted) * slot.length;
    const lyapunov = (after * after) / 2;
    const drift = lyapunov - (before * before) / 2;
    if (Math.abs(slot.command.rate - slot.command.wanted) <= 1)
      return { lyapunov, drift, lyapunovBound: ((1 - g) * before * before) / 2 + (g * radius * radius) / 2 };
    const side =
      after >= 0
        ? ball + Math.max(0, clippedVolume)
        : Math.min(targetBytes, ball + Math.max(0, -clippedVolume));
    return { lyapunov, drift, lyapunovBound: (side * side) / 2 };
  }

  private count(held: boolean, failed: boolean, vacuous: boolean, clipped: boolean, rising: boolean): void {
    this.slots += 1;
    if (!held) this.assumptionBroken += 1;
    if (failed) this.violations += 1;
    if (held && vacuous) this.vacuous += 1;
    if (clipped) this.clipped += 1;
    this.rising = held && !clipped && rising ? this.rising + 1 : 0;
  }
}

/** The theorems speak of Z; this speaks of the queue that packets wait in. */
function realQueueLight(estimate: BacklogEstimate, bound: number): RealQueueLight {
  if (!estimate.anchored || estimate.saturated || estimate.contradiction) return 'unknown';
  if (estimate.backlogBytes - estimate.uncertaintyBytes > bound) return 'outside';
  return estimate.standingBytes > estimate.uncertaintyBytes && estimate.standingBytes > bound / 4
    ? 'standing'
    : 'inside';
}
