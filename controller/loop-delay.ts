import { type Bytes, type BytesPerSecond, type Instant, type Seconds, seconds } from './units.js';

const stepSlots = 0.25;
const forgetting = 0.99;
const minimumSamples = 50;
const packetBytes = 1514;

/**
 * Live estimate of the delay from a command to its effect. Every candidate delay predicts how many bytes of
 * migration traffic should have arrived in a sample; the candidate with the least squared error is the delay.
 * Nothing moves unless the commands moved enough to tell the candidates apart, and then by one step at a time.
 */
export class LoopDelay {
  private readonly slotSeconds: number;
  private readonly errors: Float64Array;
  private readonly commands: { at: number; rate: number }[] = [];
  private index: number;
  private samples = 0;
  /** of the samples in `errors`, after forgetting */
  private weight = 0;

  /** `initialSlots` is believed until the traffic itself says otherwise; no delay above `maximumSlots` is looked for. */
  constructor(slotSeconds: Seconds, initialSlots: number, maximumSlots = 8) {
    this.slotSeconds = slotSeconds;
    const count = Math.max(1, Math.round(maximumSlots / stepSlots)) + 1;
    this.errors = new Float64Array(count);
    this.index = Math.min(count - 1, Math.max(0, Math.round(initialSlots / stepSlots)));
  }

  /** in nominal slots */
  get slots(): number {
    return this.index * stepSlots;
  }
  get delaySeconds(): Seconds {
    return seconds(this.slots * this.slotSeconds);
  }

  commanded(at: Instant, rate: BytesPerSecond): void {
    this.commands.push({ at, rate });
    if (this.commands.length > 4 * this.errors.length) this.commands.shift();
  }

  /** Migration traffic that arrived in the interval that ended at `at`; leave out samples that are late or a gap. */
  observed(at: Instant, interval: Seconds, own: Bytes): void {
    const oldest = this.commands[0];
    const longest = (this.errors.length - 1) * stepSlots * this.slotSeconds;
    if (oldest === undefined || !(interval > 0) || at - interval - longest < oldest.at) return;
    const predicted = new Float64Array(this.errors.length);
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < predicted.length; i++) {
      const delay = i * stepSlots * this.slotSeconds;
      predicted[i] = this.volume(at - interval - delay, at - delay);
      least = Math.min(least, predicted[i]!);
    }
    // the sender had nothing to send: that says nothing about the delay
    if (own < least / 2) return;
    for (let i = 0; i < predicted.length; i++)
      this.errors[i] = forgetting * this.errors[i]! + (own - predicted[i]!) ** 2;
    this.samples += 1;
    this.weight = forgetting * this.weight + 1;
    if (this.samples >= minimumSamples) this.move();
  }

  private move(): void {
    let best = 0;
    for (let i = 1; i < this.errors.length; i++) if (this.errors[i]! < this.errors[best]!) best = i;
    // better by 10 % and by more than packets explain, or stay: without excitation all candidates are equally good
    const now = this.errors[this.index]!;
    const gained = now - this.errors[best]!;
    if (gained > 0.1 * now && gained > this.weight * packetBytes ** 2)
      this.index += Math.sign(best - this.index);
  }

  private volume(from: number, to: number): number {
    let sum = 0;
    for (let i = this.commands.length - 1; i >= 0; i--) {
      const begin = Math.max(from, this.commands[i]!.at);
      const end = Math.min(to, this.commands[i + 1]?.at ?? Number.POSITIVE_INFINITY);
      if (end > begin) sum += (end - begin) * this.commands[i]!.rate;
      if (this.commands[i]!.at <= from) break;
    }
    return sum;
  }
}

/** z(k+1) = z(k) - g z(k-d) is stable iff g is below this: the law without its predictor. */
export const stableGainLimit = (delaySlots: number): number =>
  2 * Math.cos((delaySlots * Math.PI) / (2 * delaySlots + 1));

/** ... and does not overshoot iff g is at most this. */
export const monotoneGainLimit = (delaySlots: number): number =>
  delaySlots === 0 ? 1 : delaySlots ** delaySlots / (delaySlots + 1) ** (delaySlots + 1);

/** With the predictor: a delay that is wrong by one slot is unstable from about this gain on (d 1-4). */
export const mistakenDelayGainLimit = 0.67;

/**
 * The gain that is certified for d whole slots of delay: the law must stay stable when its predictor is
 * worthless (table above), when it is off by one slot, and in continuous time (K tau = g d < 1, theorem by the
 * Lyapunov-Krasovskii functional of the model).
 */
export function certifiedGainLimit(delaySlots: number): number {
  const d = Math.max(0, Math.ceil(delaySlots));
  if (d === 0) return 1;
  return Math.min(stableGainLimit(d), mistakenDelayGainLimit, 1 / d);
}

export interface LoopCheck {
  readonly certified: boolean;
  /** no overshoot either, even without the predictor */
  readonly monotone: boolean;
  readonly gainLimit: number;
  /** empty when certified; otherwise says which gain at this T, or which T at this gain, would be */
  readonly message: string;
}

/** Start-up check. `loopDelaySeconds` is the whole loop: age of a sample plus command to effect. */
export function checkLoop(gain: number, slotSeconds: Seconds, loopDelaySeconds: Seconds): LoopCheck {
  if (!(gain > 0 && gain <= 1))
    return { certified: false, monotone: false, gainLimit: 1, message: `gain ${gain} is not in (0, 1]` };
  if (!(slotSeconds > 0) || !(loopDelaySeconds >= 0))
    return {
      certified: false,
      monotone: false,
      gainLimit: 0,
      message: `slot ${slotSeconds} s must be positive and the loop delay ${loopDelaySeconds} s not negative`,
    };
  // a nanosecond of rounding must not cost a slot
  const d = Math.max(0, Math.ceil(loopDelaySeconds / slotSeconds - 1e-9));
  const limit = certifiedGainLimit(d);
  const monotone = gain <= monotoneGainLimit(d);
  if (gain < limit || (d === 0 && gain <= 1))
    return { certified: true, monotone, gainLimit: limit, message: '' };
  return {
    certified: false,
    monotone,
    gainLimit: limit,
    message: `gain ${gain} cannot be certified for ${d} slots of delay (${ms(loopDelaySeconds)} ms at T = ${ms(slotSeconds)} ms): use a gain below ${limit.toFixed(3)}, ${slotAdvice(gain, loopDelaySeconds)}`,
  };
}

function slotAdvice(gain: number, loopDelaySeconds: number): string {
  for (let d = 16; d >= 1; d--)
    if (gain < certifiedGainLimit(d)) return `or T of at least ${ms(loopDelaySeconds / d)} ms with this gain`;
  return 'or a delay shorter than one slot boundary with a smaller gain';
}

const ms = (s: number): string => String(Math.ceil(s * 1000));
