import type { AckSample, CongestionControl } from './congestion-control.js';
import { WindowedExtremum } from './windowed-extremum.js';

const highGain = 2 / Math.LN2;
const windowGain = 2;
const cycle = [1.25, 0.75, 1, 1, 1, 1, 1, 1] as const;
const bandwidthRounds = 10;
const rttWindowSeconds = 10;
const probeRttSeconds = 0.2;
const minimumWindow = 4;
/** the pipe is full when the bandwidth has not grown by a quarter in three rounds */
const fullGrowth = 1.25;
const fullRounds = 3;
/** what may be held back or acknowledged together on the way: three segments */
const quantaInFlight = 3;

/**
 * BBR version 1 (N. Cardwell et al., draft-cardwell-iccrg-bbr-congestion-control-00): the bottleneck's bandwidth is
 * the largest delivery rate of ten rounds, the propagation delay the smallest round trip of ten seconds; it paces at
 * the first and holds at most twice their product in flight. Names of states and gains are the draft's. The phase at
 * which its cycle begins is `firstPhase` and not random.
 */
export class Bbr implements CongestionControl {
  windowSegments: number;
  readonly slowStartThreshold = Infinity;
  readonly inSlowStart = false;
  readonly ownsRecovery = true;
  readonly needsDeliveryRate = true;
  pacingRate = Infinity;
  state: 'startup' | 'drain' | 'probe-bw' | 'probe-rtt' = 'startup';
  private readonly initialWindow: number;
  private readonly bandwidth = new WindowedExtremum('largest');
  private round = 0;
  private leastRttSeconds = Infinity;
  private leastRttAtSeconds = 0;
  private fullBandwidth = 0;
  private roundsWithoutGrowth = 0;
  private pipeFilled = false;
  private phase: number;
  private phaseSinceSeconds = 0;
  private lostInPhase = false;
  private probeRttUntilSeconds: number | undefined;
  private windowBefore = 0;
  /** for one round after a loss only what has left the network is replaced */
  private conserving = false;

  constructor(initialWindow: number, firstPhase = 0) {
    this.initialWindow = initialWindow;
    this.windowSegments = initialWindow;
    // any phase but the one that drains what the one before it has built
    this.phase = [0, 2, 3, 4, 5, 6, 7][firstPhase % 7]!;
  }

  onAck(ack: AckSample): void {
    if (ack.newRound) {
      this.round++;
      this.conserving = false;
    }
    const { deliveryRate } = ack;
    if (deliveryRate > 0 && (!ack.applicationLimited || deliveryRate >= this.rate))
      this.bandwidth.push(this.round, deliveryRate, bandwidthRounds);
    if (this.state === 'probe-bw') this.checkPhase(ack);
    if (ack.newRound && !ack.applicationLimited) this.checkFullPipe();
    this.checkDrain(ack);
    this.checkProbeRtt(ack);
    this.setPacing(ack);
    this.setWindow(ack);
  }

  /** The acknowledgement that follows opens the window to what is still in flight. */
  onLoss(): void {
    this.lostInPhase = true;
    this.saveWindow();
    this.windowSegments = minimumWindow;
    this.conserving = true;
  }

  onRecovered(): void {
    this.conserving = false;
    this.windowSegments = Math.max(this.windowSegments, this.windowBefore);
  }

  onTimeout(first: boolean): void {
    if (first) this.saveWindow();
    this.windowSegments = 1;
    this.conserving = false;
  }

  onIdle(): void {}

  /** segments/s */
  private get rate(): number {
    return this.bandwidth.value ?? 0;
  }

  /** `gain` times the product of bandwidth and delay, in segments */
  private inFlightAt(gain: number): number {
    if (!Number.isFinite(this.leastRttSeconds) || this.rate === 0) return this.initialWindow;
    return Math.ceil(gain * this.rate * this.leastRttSeconds) + quantaInFlight;
  }

  private get pacingGain(): number {
    if (this.state === 'startup') return highGain;
    if (this.state === 'drain') return 1 / highGain;
    return this.state === 'probe-bw' ? cycle[this.phase]! : 1;
  }

  private checkPhase(ack: AckSample): void {
    const gain = cycle[this.phase]!;
    const whole = ack.nowSeconds - this.phaseSinceSeconds > this.leastRttSeconds;
    const before = ack.inFlight + ack.delivered;
    const over =
      gain > 1
        ? whole && (this.lostInPhase || before >= this.inFlightAt(gain))
        : gain < 1
          ? whole || before <= this.inFlightAt(1)
          : whole;
    if (!over) return;
    this.phase = (this.phase + 1) % cycle.length;
    this.phaseSinceSeconds = ack.nowSeconds;
    this.lostInPhase = false;
  }

  private checkFullPipe(): void {
    if (this.pipeFilled) return;
    if (this.rate >= this.fullBandwidth * fullGrowth) {
      this.fullBandwidth = this.rate;
      this.roundsWithoutGrowth = 0;
    } else if (++this.roundsWithoutGrowth >= fullRounds) this.pipeFilled = true;
  }

  private checkDrain(ack: AckSample): void {
    if (this.state === 'startup' && this.pipeFilled) this.state = 'drain';
    if (this.state === 'drain' && ack.inFlight <= this.inFlightAt(1)) this.probeBandwidth(ack.nowSeconds);
  }

  private probeBandwidth(nowSeconds: number): void {
    this.state = 'probe-bw';
    this.phaseSinceSeconds = nowSeconds;
    this.lostInPhase = false;
  }

  private checkProbeRtt(ack: AckSample): void {
    const expired = ack.nowSeconds > this.leastRttAtSeconds + rttWindowSeconds;
    if (ack.rttSeconds <= this.leastRttSeconds || expired) {
      this.leastRttSeconds = ack.rttSeconds;
      this.leastRttAtSeconds = ack.nowSeconds;
    }
    if (expired && this.state !== 'probe-rtt') {
      this.state = 'probe-rtt';
      this.saveWindow();
      this.probeRttUntilSeconds = undefined;
    }
    if (this.state !== 'probe-rtt') return;
    if (this.probeRttUntilSeconds === undefined) {
      if (ack.inFlight <= minimumWindow) this.probeRttUntilSeconds = ack.nowSeconds + probeRttSeconds;
    } else if (ack.nowSeconds > this.probeRttUntilSeconds && ack.newRound) {
      this.leastRttAtSeconds = ack.nowSeconds;
      this.windowSegments = Math.max(this.windowSegments, this.windowBefore);
      if (this.pipeFilled) this.probeBandwidth(ack.nowSeconds);
      else this.state = 'startup';
    }
  }

  private setPacing(ack: AckSample): void {
    if (this.rate === 0) this.pacingRate = (highGain * this.initialWindow) / ack.smoothedRttSeconds;
    else {
      const rate = this.pacingGain * this.rate;
      if (this.pipeFilled || rate > this.pacingRate || this.pacingRate === Infinity) this.pacingRate = rate;
    }
  }

  private setWindow(ack: AckSample): void {
    if (this.conserving) this.windowSegments = Math.max(this.windowSegments, ack.inFlight + ack.delivered);
    else {
      const gain = this.state === 'startup' || this.state === 'drain' ? highGain : windowGain;
      const target = this.inFlightAt(gain);
      const grown = this.windowSegments + ack.delivered;
      if (this.pipeFilled) this.windowSegments = Math.min(grown, target);
      else if (this.windowSegments < target) this.windowSegments = grown;
      this.windowSegments = Math.max(minimumWindow, this.windowSegments);
    }
    if (this.state === 'probe-rtt') this.windowSegments = Math.min(this.windowSegments, minimumWindow);
  }

  /** What to go back to after a recovery or a probe of the round trip; one inside the other keeps the larger. */
  private saveWindow(): void {
    const nested = this.conserving || this.state === 'probe-rtt';
    this.windowBefore = nested ? Math.max(this.windowBefore, this.windowSegments) : this.windowSegments;
  }
}
