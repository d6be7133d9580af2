import { ErrorWindow } from './error-window.js';
import { type Bytes, type BytesPerSecond, bytesPerSecond, type Seconds } from './units.js';

/**
 * Forecast of the cross traffic x: the mean over the newest `slots` slots of time, weighted with true
 * intervals. A mean over several frames of a video is blind to the frame's phase, which a forecast from the
 * last sample alone is not (25 frames a second against 50 samples a second). It keeps its own errors: they
 * are the eps_x of theorem 1.
 */
export class CrossTrafficForecast {
  readonly errors: ErrorWindow;
  private readonly spanSeconds: number;
  private readonly samples: { bytes: number; seconds: number }[] = [];

  constructor(slots: number, slotSeconds: Seconds, errorWindow = 300) {
    this.spanSeconds = Math.max(1, slots) * slotSeconds;
    this.errors = new ErrorWindow(errorWindow);
  }

  push(arrived: Bytes, interval: Seconds): void {
    if (!(interval > 0) || !Number.isFinite(arrived)) return;
    this.samples.push({ bytes: Math.max(0, arrived), seconds: interval });
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
    let sum = 0;
    let span = 0;
    for (const sample of this.samples) {
      sum += sample.bytes;
      span += sample.seconds;
    }
    return bytesPerSecond(span > 0 ? sum / span : 0);
  }

  clear(): void {
    this.samples.length = 0;
  }
}
