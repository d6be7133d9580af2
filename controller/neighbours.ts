/** What is known of those whose traffic meets ours in the queue. */
export type NeighbourPhase = 'alone' | 'pulse' | 'shared' | 'check';

export interface NeighbourConfig {
  /** share of the capacity that the migrations take while elasticity is tested: the pulse; 0: it is never tested */
  readonly fairShare: number;
}

/** One good sample, rates in bytes/s. */
export interface NeighbourSample {
  readonly at: number;
  readonly intervalSeconds: number;
  readonly capacity: number;
  /** arrivals of the migrations and of all others, and what left of both, dropped packets not among it */
  readonly own: number;
  readonly cross: number;
  readonly departed: number;
  /** bytes in the queue as estimated, bytes that were lost unseen included */
  readonly backlogBytes: number;
  /** command to effect to sample, s */
  readonly loopSeconds: number;
  /** capacity and base delay are learnt */
  readonly learnt: boolean;
  /** the law in force leaves the migrations next to nothing */
  readonly yielding: boolean;
}

/** What to declare where elastic flows share the queue; nothing is tested unless it is declared. */
export const usualFairShare = 0.25;

/** below this share of the capacity our rate is next to nothing */
export const yieldingShare = 0.08;
/** a queue that stands above this while we send next to nothing is not ours */
const strangersQueueSeconds = 0.008;
/** a queue below this has gone */
const emptySeconds = 0.005;
const meanSeconds = 0.7;
/** the same for our yielding where the capacity is learnt: a reroute looks like a queue until the base delay is found anew */
const learntMeanSeconds = 2;
/** a capacity that moved by more than this of late is being learnt anew: what seems to stand may be no queue */
const settledShare = 0.05;
const settledSeconds = 1;
/** of a pulse, at least; longer while the migrations' own TCP is still too slow to fill it */
const pulseSeconds = 1.5;
const longestPulseSeconds = 4;
/** an elastic neighbour gives up at least this share of what the pulse takes */
const elasticShare = 0.5;
/** a path that carries less than this while the pulse lasts had room: nobody gave way, and what seemed to stand is no queue */
const fullShare = 0.9;
/** what a pulse must carry, as a share of what it was granted, to tell anything */
const carriedShare = 0.3;
/** pause after a pulse that met no elastic neighbour, doubled up to the second figure */
const firstPauseSeconds = 1;
const longestPauseSeconds = 16;
/** from one check to the next while the queue is shared, doubled up to the second figure */
const firstCheckSeconds = 5;
const longestCheckSeconds = 10;
/** of our throughput, while it is checked whether the neighbour has gone */
export const checkShare = 0.5;
const checkSeconds = 0.6;
const longestCheckingSeconds = 2;
const emptySamples = 3;

/**
 * Is the queue filled by somebody who would give way? A law that follows the queue leaves an elastic flow (CUBIC, BBR) all of it:
 * drain probes fail, and the migrations starve. Elasticity is tested actively, as Nimbus does by pulses (Goyal et al., "Elasticity
 * Detection: A Building Block for Internet Congestion Control", SIGCOMM 2022): what is clocked by acknowledgements yields
 * to a pulse within a round trip, what is not lets the queue grow by it. Nimbus pulses at 5 Hz and looks for that frequency in the
 * cross traffic; here it is one pulse of a fair share, and the books of the queue: gave way = 1 - growth of the queue, drops
 * included, over the bytes of the pulse. At least half: elastic.
 *
 * While the queue is shared with such a flow the migrations compete by their own TCP. From time to time they halve their throughput: a queue
 * that then drains has lost its neighbour.
 */
export class Neighbours {
  private readonly config: NeighbourConfig;
  private state: NeighbourPhase = 'alone';
  /** means over `meanSeconds`: 1 while the law yields, and the queue in seconds */
  private yielded = 0;
  private queued = 0;
  private ownMean = 0;
  private capacityMean = 0;
  private phaseFrom = Number.NaN;
  private notBefore = Number.NEGATIVE_INFINITY;
  private pause = firstPauseSeconds;
  private checkPause = firstCheckSeconds;
  private pulse = { own: 0, all: 0, grown: 0, seconds: 0, backlogBefore: 0 };
  private emptyInARow = 0;
  private checkLimit = 0;
  private checkRate = 0;
  private pulseCount = 0;

  constructor(config: NeighbourConfig) {
    this.config = config;
  }

  get phase(): NeighbourPhase {
    return this.state;
  }
  /** elasticity tests so far */
  get pulses(): number {
    return this.pulseCount;
  }
  /** what the migrations get beside the neighbour, mean of the last second or so, bytes/s */
  get ownBytesPerSecond(): number {
    return this.ownMean;
  }
  get competes(): boolean {
    return this.state === 'shared' || this.state === 'check';
  }

  /** What may be sent while somebody else's queue is tested or shared, bytes/s. `most`: the capacity, or more where that is only learnt. */
  rate(capacity: number, most: number): number {
    if (this.state === 'shared') return most;
    return this.state === 'check' ? this.checkRate : this.config.fairShare * capacity;
  }

  /** No migration uses the path: what is known of the others is forgotten. */
  reset(): void {
    this.state = 'alone';
    this.yielded = 0;
    this.queued = 0;
    this.ownMean = 0;
    this.pause = firstPauseSeconds;
    this.checkPause = firstCheckSeconds;
  }

  /** Samples are missing: a test in progress is void. */
  interrupt(now: number): void {
    if (this.state === 'pulse') this.enter('alone', now);
    if (this.state === 'check') this.enter('shared', now);
    this.yielded = 0;
  }

  observe(sample: NeighbourSample): void {
    const { at, capacity, intervalSeconds } = sample;
    if (!(this.config.fairShare > 0) || !(capacity > 0) || !(intervalSeconds > 0)) return;
    const queue = sample.backlogBytes / capacity;
    const weight = Math.min(1, intervalSeconds / meanSeconds);
    const memory = sample.learnt ? learntMeanSeconds : meanSeconds;
    this.yielded += Math.min(1, intervalSeconds / memory) * ((sample.yielding ? 1 : 0) - this.yielded);
    this.queued += weight * (queue - this.queued);
    if (this.capacityMean === 0) this.capacityMean = capacity;
    this.capacityMean += Math.min(1, intervalSeconds / settledSeconds) * (capacity - this.capacityMean);
    this.ownMean += weight * (sample.own - this.ownMean);
    if (this.state === 'alone') this.whileAlone(at, sample);
    else if (this.state === 'pulse') this.whilePulsing(at, sample);
    else if (this.state === 'shared') this.whileShared(at, sample, queue);
    else this.whileChecking(at, queue);
  }

  private whileAlone(at: number, sample: NeighbourSample): void {
    if (this.yielded < 0.8 || this.queued < strangersQueueSeconds || at < this.notBefore) return;
    if (!this.settled(sample.capacity)) return;
    this.pulseCount += 1;
    this.pulse = { own: 0, all: 0, grown: 0, seconds: 0, backlogBefore: this.queued * sample.capacity };
    this.enter('pulse', at);
  }

  private whilePulsing(at: number, sample: NeighbourSample): void {
    const { own, cross, departed, intervalSeconds, capacity } = sample;
    this.pulse.own += own * intervalSeconds;
    this.pulse.all += (own + cross) * intervalSeconds;
    this.pulse.seconds += intervalSeconds;
    this.pulse.grown += (own + cross - departed) * intervalSeconds;
    const elapsed = at - this.phaseFrom - sample.loopSeconds;
    if (elapsed < pulseSeconds) return;
    const granted = this.config.fairShare * capacity * pulseSeconds;
    const growth = Math.max(this.pulse.grown, sample.backlogBytes - this.pulse.backlogBefore);
    const carried = this.pulse.own > carriedShare * granted;
    if (!carried && elapsed < longestPulseSeconds) return;
    const full = this.pulse.all > fullShare * capacity * this.pulse.seconds;
    const stands = full && this.settled(capacity) && this.queued > emptySeconds;
    if (carried && stands && growth < (1 - elasticShare) * this.pulse.own) {
      this.pause = firstPauseSeconds;
      this.checkPause = firstCheckSeconds;
      this.enter('shared', at);
      return;
    }
    this.enter('alone', at);
    this.yielded = 0;
    this.notBefore = at + this.pause;
    this.pause = Math.min(longestPauseSeconds, 2 * this.pause);
  }

  private settled(capacity: number): boolean {
    return Math.abs(capacity - this.capacityMean) <= settledShare * capacity;
  }

  private whileShared(at: number, sample: NeighbourSample, queue: number): void {
    if (at - this.phaseFrom < this.checkPause) return;
    this.emptyInARow = 0;
    this.checkRate = checkShare * this.ownMean;
    this.checkLimit = Math.min(longestCheckingSeconds, checkSeconds + 2 * (sample.loopSeconds + queue));
    this.enter('check', at);
  }

  private whileChecking(at: number, queue: number): void {
    this.emptyInARow = queue < emptySeconds ? this.emptyInARow + 1 : 0;
    if (this.emptyInARow >= emptySamples) {
      this.enter('alone', at);
      this.yielded = 0;
      this.queued = queue;
    } else if (at - this.phaseFrom > this.checkLimit) {
      this.checkPause = Math.min(longestCheckSeconds, 2 * this.checkPause);
      this.enter('shared', at);
    }
  }

  private enter(phase: NeighbourPhase, at: number): void {
    this.state = phase;
    this.phaseFrom = at;
  }
}
