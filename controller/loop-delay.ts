import { type Bytes, type BytesPerSecond, type Instant, type Seconds, seconds } from './units.js';

const stepSlots = 0.25;
const forgetting = 0.99;
const minimumSamples = 50;
const packetBytes = 1514;
/** as far as the gain is certified for, and as far as the delay is looked for while the traffic says nothing */
const longestUncertaintySlots = 2;

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

  /**
   * How far from `slots` the true delay may be, in nominal slots: the farthest candidate that the traffic does not
   * exclude (its error is not clearly larger than the best one's, by the measure that `slots` moves by). Two slots
   * while the traffic says nothing; more than that only if it says that `slots` is wrong.
   */
  get uncertaintySlots(): number {
    return this.uncertaintyAround(this.slots);
  }

  /** The same for a delay that somebody else believes in. */
  uncertaintyAround(believedSlots: number): number {
    if (this.samples < minimumSamples) return longestUncertaintySlots;
    const excluded = 1.1 * Math.min(...this.errors) + this.weight * packetBytes ** 2;
    let farthest = 0;
    let nearest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.errors.length; i++) {
      if (this.errors[i]! > excluded) continue;
      const distance = Math.abs(i * stepSlots - believedSlots);
      farthest = Math.max(farthest, distance);
      nearest = Math.min(nearest, distance);
    }
    // candidates far away that the traffic merely does not tell apart are no evidence
    const half = stepSlots / 2;
    return Math.max(nearest + half, Math.min(longestUncertaintySlots, farthest + half));
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
