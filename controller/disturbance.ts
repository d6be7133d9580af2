import { ErrorWindow } from './error-window.js';

/** What one finished slot added to e beyond (1-g')e, bytes. Two figures because a floor at 0 hides some of it from above. */
export interface SlotDisturbance {
  /** the most that it can have pushed Z up, counted from the last time in the slot at which Z was 0, or from its start */
  readonly upward: number;
  /** over the whole slot, floor or no floor */
  readonly whole: number;
}

/**
 * eps_W: what the errors of forecast, prediction and actuator have done to e, discounted by the loop's own memory.
 * With w(k) = (volume that arrived beyond the command and the forecast) - g' (y - Z) of slot k,
 *
 *   W(k) = max over every beginning a <= k of | sum_{j=a..k} (1-g')^(k-j) w(j) |,
 *
 * computed by the two recursions W+ <- (1-g') max(0, W+) + w and W- <- (1-g') min(0, W-) + w. Errors of opposite
 * sign cancel in it, as they do in the queue: a video that sends a frame every second slot makes |w| large
 * in every slot, and W no larger than one of them.
 */
export class DiscountedDisturbance {
  private high = 0;
  private low = 0;
  private readonly window: ErrorWindow;

  constructor(windowSlots = 300) {
    this.window = new ErrorWindow(windowSlots);
  }

  /** finished slots that the window remembers */
  get count(): number {
    return this.window.count;
  }
  /** the largest of the window: frozen into a command, it is the assumption that its slot is judged under */
  get largest(): number {
    return this.window.max();
  }

  /** What W is `part` of a slot after the last finished one, bytes; 1-g' = `kept` of that part. */
  after(part: SlotDisturbance, kept: number): number {
    const high = kept * Math.max(0, this.high) + part.upward;
    const low = kept * Math.min(0, this.low) + part.whole;
    return Math.max(0, high, -low);
  }

  /** Ends a slot in which W was at most `largest`, at its end or before. */
  finish(slot: SlotDisturbance, kept: number, largest: number): void {
    this.high = kept * Math.max(0, this.high) + slot.upward;
    this.low = kept * Math.min(0, this.low) + slot.whole;
    this.window.push(largest);
  }

  /** The next slot does not follow the last one: sums begin anew, the window stays. */
  restart(): void {
    this.high = 0;
    this.low = 0;
  }
}
