/** One slot of the far counter, with what the path held at both ends of it. */
export interface ServedSlot {
  readonly intervalSeconds: number;
  readonly servedBytes: number;
  /** our bytes in the path's queue when the slot began and when it ended; NaN: not known */
  readonly backlogBefore: number;
  readonly backlogAfter: number;
  /** how wrong the length of the interval may be */
  readonly slackSeconds: number;
  /** bytes that entered the path in this slot */
  readonly arrivedBytes: number;
  /** every probe of late had to wait in the path */
  readonly probesWait: boolean;
}

export interface CapacityConfig {
  /** never estimated above this; Infinity: not known */
  readonly limitBytesPerSecond: number;
  /** believed at first; 0 unless given */
  readonly initialBytesPerSecond?: number;
}

/** below this a backlog is packets between two counters */
const noiseBytes = 4 * 1514;
/** with less than this at both ends a slot may have idled in between */
const fullBytes = 10 * 1514;
/** in a longer slot a queue may have emptied and filled again (frames of a video are 20 to 40 ms apart), unless it was too long to empty */
const longestFullSeconds = 0.05;
/** what went in and what came out of a slot must differ by this share to tell a queue from an error of its base */
const unbalancedShare = 0.05;
/** measurements of full slots: the newest so many, and which of them counts (a slot that idled for a moment shows too little) */
const window = 24;
const rank = 0.7;
/** a full slot this much below the estimate, twice running, is a drop of the capacity */
const dropShare = 0.94;
/** without a full slot for this long the estimate grows: slowly first, then faster and faster up to its own size a second */
const patienceSeconds = 0.4;
const growthPerSecondSquared = 0.75;
const fastestGrowthPerSecond = 1;
const limitShare = 0.96;
/** growth needs a path that is used this much: one that carries little teaches nothing */
const usedShare = 0.8;
/** Through so many slots every probe waited: the path never idled, and what came out in each is within this share of their mean but for so many. */
const busySlots = 25;
const busySpread = 0.1;
const busyOutliers = 3;
/** In this share of them something else went in: a smooth stream on another route would look the same. */
const busySmoothedShare = 0.4;

/**
 * c of a bottleneck that nobody can see, from what comes out of it. Three kinds of evidence:
 *
 * - *Full slots.* While bytes wait at both ends of a short slot (of a long one: more than it could serve), and more or less came out than went in, the path serves at its capacity: what came out, divided by
 *   time, is c (less what hidden traffic of others takes, which is what we can have of it). Video frames make
 *   such slots many times a second on a path that is well used; no traffic has to be made for it.
 * - *Full by the probes.* Where a neighbour never lets the queue empty, the bytes that wait are not known. Then it is the probes that say that
 *   the path does not idle, and what comes out must be even while what goes in is not: after a reroute probes take longer, too, but bursts come out as they went in.
 * - *More came out.* Whatever came out of the path in a slot, c is at least that.
 * - *Nothing waits.* A path used nearly to the estimate in which neither bytes nor probes have to wait has more to
 *   give: the estimate grows until a queue shows or the limit is reached. Overshoot is growth x observation delay.
 *
 * A drop is believed after two full slots in a row, an increase as soon as it was seen.
 */
export class CapacityEstimator {
  private readonly config: CapacityConfig;
  private readonly measured: number[] = [];
  private value = 0;
  private sinceFull = 0;
  private lowInARow: number[] = [];
  /** slots in a row that were full by the probes */
  private busy: ServedSlot[] = [];

  constructor(config: CapacityConfig) {
    this.config = config;
    this.value = config.initialBytesPerSecond ?? 0;
  }

  /** 0 until something came out */
  get bytesPerSecond(): number {
    return this.value;
  }
  /** half of what the newest measurements differ by, bytes/s */
  get uncertaintyBytesPerSecond(): number {
    if (this.measured.length < 3) return this.value / 2;
    const sorted = [...this.measured].sort((a, b) => a - b);
    return (quantile(sorted, 0.9) - quantile(sorted, 0.5)) / 2 + 0.005 * this.value;
  }

  observe(slot: ServedSlot): void {
    const { intervalSeconds, servedBytes, slackSeconds } = slot;
    if (!(intervalSeconds > 0)) return;
    const rate = servedBytes / intervalSeconds;
    const surely = Math.max(0, servedBytes - noiseBytes / 4) / (intervalSeconds + slackSeconds);
    const lasted = intervalSeconds <= longestFullSeconds || slot.backlogBefore > this.value * intervalSeconds;
    const full =
      lasted && slot.backlogBefore > fullBytes && slot.backlogAfter > fullBytes && isUnbalanced(slot);
    if (surely > this.value) this.set(surely);
    if (full) this.measure(rate);
    else this.wait(slot, rate);
    this.lookAtBusy(slot);
  }

  private lookAtBusy(slot: ServedSlot): void {
    if (!slot.probesWait || !Number.isNaN(slot.backlogBefore)) {
      if (this.busy.length > 0) this.busy = [];
      return;
    }
    this.busy.push(slot);
    if (this.busy.length < busySlots) return;
    const served = this.busy.reduce((sum, s) => sum + s.servedBytes, 0);
    const rate = served / this.busy.reduce((sum, s) => sum + s.intervalSeconds, 0);
    const uneven = this.busy.filter(
      (s) => Math.abs(s.servedBytes / s.intervalSeconds - rate) > busySpread * rate,
    );
    const smoothed = this.busy.filter(isUnbalanced);
    this.busy = [];
    if (uneven.length <= busyOutliers && smoothed.length >= busySmoothedShare * busySlots) this.measure(rate);
  }

  private measure(rate: number): void {
    this.sinceFull = 0;
    if (rate < dropShare * this.value) this.lowInARow.push(rate);
    else this.lowInARow.length = 0;
    if (this.lowInARow.length >= 2) {
      this.measured.length = 0;
      this.measured.push(...this.lowInARow);
      this.set(Math.max(...this.lowInARow));
      this.lowInARow.length = 0;
      return;
    }
    this.measured.push(rate);
    if (this.measured.length > window) this.measured.shift();
    if (this.measured.length < 5) return;
    const target = quantile(
      [...this.measured].sort((a, b) => a - b),
      rank,
    );
    this.set(this.value + 0.2 * (target - this.value));
  }

  private wait(slot: ServedSlot, rate: number): void {
    this.lowInARow.length = 0;
    this.sinceFull += slot.intervalSeconds;
    const waits = slot.probesWait || slot.backlogBefore > noiseBytes || slot.backlogAfter > noiseBytes;
    if (waits || this.sinceFull < patienceSeconds || rate < usedShare * this.value) return;
    const growth = growthPerSecondSquared * (this.sinceFull - patienceSeconds);
    this.set(this.value * (1 + Math.min(fastestGrowthPerSecond, growth) * slot.intervalSeconds));
  }

  private set(value: number): void {
    // What is measured this near to a limit that was configured is the limit.
    const { limitBytesPerSecond } = this.config;
    this.value = value > limitShare * limitBytesPerSecond ? limitBytesPerSecond : value;
  }
}

const isUnbalanced = ({ arrivedBytes, servedBytes }: ServedSlot): boolean =>
  Math.abs(arrivedBytes - servedBytes) > Math.max(noiseBytes, unbalancedShare * servedBytes);

/** nearest-rank quantile of ascending values */
const quantile = (ascending: readonly number[], q: number): number =>
  ascending[Math.min(ascending.length - 1, Math.max(0, Math.ceil(q * ascending.length) - 1))]!;
