import type { AckSample, CongestionControl } from './congestion-control.js';
import { WindowedExtremum } from './windowed-extremum.js';

/** packets of queue that a sender is content with: 1/delta */
const delta = 0.5;
const baseWindowSeconds = 10;
const minimumWindow = 2;
/** round trips in one direction before the velocity doubles */
const roundsBeforeDoubling = 3;

/**
 * Copa in its default mode (V. Arun, H. Balakrishnan, "Copa: Practical Delay-Based Congestion Control for the
 * Internet", NSDI 2018): the window moves towards the rate 1/(delta d_q), d_q being the standing queueing delay, by
 * v/(delta w) a segment; v doubles while the direction stays. Default mode does not react to loss but by
 * time-out; its mode for competing with buffer-filling flows (section 2.2) is not modelled.
 */
export class Copa implements CongestionControl {
  windowSegments: number;
  readonly slowStartThreshold = Infinity;
  readonly ownsRecovery = true;
  /** for its rounds, which must go on while a loss is repaired */
  readonly needsDeliveryRate = true;
  pacingRate = Infinity;
  inSlowStart = true;
  private velocity = 1;
  private direction: 'up' | 'down' = 'up';
  private sameDirectionRounds = 0;
  private roundWindow: number;
  private readonly base = new WindowedExtremum('smallest');
  private readonly standing = new WindowedExtremum('smallest');

  constructor(initialWindow: number) {
    this.windowSegments = initialWindow;
    this.roundWindow = initialWindow;
  }

  onAck(ack: AckSample): void {
    this.base.push(ack.nowSeconds, ack.rttSeconds, baseWindowSeconds);
    this.standing.push(ack.nowSeconds, ack.rttSeconds, ack.smoothedRttSeconds / 2);
    const standingSeconds = this.standing.value!;
    const queueingSeconds = standingSeconds - this.base.value!;
    const belowTarget =
      queueingSeconds <= 0 || this.windowSegments / standingSeconds <= 1 / (delta * queueingSeconds);
    if (!belowTarget) this.inSlowStart = false;
    if (ack.newRound) this.turn();
    if (this.inSlowStart) {
      if (ack.windowLimited) this.windowSegments += ack.delivered;
    } else {
      const step = (this.velocity * ack.delivered) / (delta * this.windowSegments);
      if (!belowTarget) this.windowSegments = Math.max(minimumWindow, this.windowSegments - step);
      else if (ack.windowLimited) this.windowSegments += step;
    }
    this.pacingRate = (2 * this.windowSegments) / standingSeconds;
  }

  onLoss(): void {}
  onRecovered(): void {}
  onTimeout(): void {
    this.windowSegments = minimumWindow;
    this.velocity = 1;
    this.sameDirectionRounds = 0;
  }
  onIdle(): void {}

  /** Once a round trip: has the window gone the same way as in the one before? */
  private turn(): void {
    const direction = this.windowSegments > this.roundWindow ? 'up' : 'down';
    this.roundWindow = this.windowSegments;
    if (this.inSlowStart || direction !== this.direction) {
      this.direction = direction;
      this.velocity = 1;
      this.sameDirectionRounds = 0;
    } else if (++this.sameDirectionRounds >= roundsBeforeDoubling) {
      // never so fast that the window would more than double in a round trip
      this.velocity = Math.min(2 * this.velocity, Math.max(1, this.windowSegments * delta));
    }
  }
}
