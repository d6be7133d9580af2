import { ErrorWindow } from './error-window.js';
import { type Bytes, type BytesPerSecond, bytesPerSecond, type Seconds } from './units.js';

/** rises of the newest sample above the mean before it: so many are remembered, fewer say nothing of what is usual */
const remembered = 400;
const fewest = 150;
/** the newest are no part of what is usual: a jump shows in two samples */
const ofTheJump = 2;
const unusual = 1.2;

/**
 * Forecast of the cross traffic x: the mean over the newest `slots` slots of time, weighted with true
 * intervals. A mean over several frames of a video is blind to the frame's phase, which a forecast from the
 * last sample alone is not (25 frames a second against 50 samples a second). A rise that is larger than any of late, frames
 * included, is no phase but a jump: what was before it is forgotten. It keeps its own errors: they are the eps_x of theorem 1.
 */
export class CrossTrafficForecast {
  readonly errors: ErrorWindow;
  private readonly spanSeconds: number;
  private readonly rises: number[] = [];
  private readonly samples: { bytes: number; seconds: number }[] = [];

  constructor(slots: number, slotSeconds: Seconds, errorWindow = 300) {
    this.spanSeconds = Math.max(1, slots) * slotSeconds;
    this.errors = new ErrorWindow(errorWindow);
  }

  push(arrived: Bytes, interval: Seconds): void {
    if (!(interval > 0) || !Number.isFinite(arrived)) return;
    const first = this.samples.length === 0;
    const rise = Math.max(0, arrived) / interval - this.meanOfSamples();
    this.samples.push({ bytes: Math.max(0, arrived), seconds: interval });
    if (!first && this.isUnusual(rise)) this.samples.splice(0, this.samples.length - 1);
    let span = 0;
    let keep = this.samples.length;
    // half a sample of tolerance, so that jittered intervals do not make the window flap by one
    while (keep > 0 && span < this.spanSeconds - this.samples[keep - 1]!.seconds / 2) {
      keep -= 1;
      span += this.samples[keep]!.seconds;
    }
    this.samples.splice(0, keep);
  }

  /** 0 before the first sample */
  mean(): BytesPerSecond {
    return bytesPerSecond(this.meanOfSamples());
  }

  private isUnusual(rise: number): boolean {
    const known = this.rises.length >= fewest;
    const usual = Math.max(0, ...this.rises.slice(0, -ofTheJump));
    this.rises.push(rise);
    if (this.rises.length > remembered) this.rises.shift();
    return known && rise > unusual * usual;
  }

  private meanOfSamples(): number {
    let sum = 0;
    let span = 0;
    for (const sample of this.samples) {
      sum += sample.bytes;
      span += sample.seconds;
    }
    return span > 0 ? sum / span : 0;
  }

  clear(): void {
    this.samples.length = 0;
    this.rises.length = 0;
  }
}
