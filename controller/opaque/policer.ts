/** One far reading with what had been sent into the path for it. */
export interface PolicedSlot {
  readonly at: number;
  readonly intervalSeconds: number;
  readonly arrivedBytes: number;
  readonly servedBytes: number;
  /** how long the quickest and the slowest probe of late waited in the path, s */
  readonly leastWaitSeconds: number;
  readonly mostWaitSeconds: number;
}

/** what was sent and what came out are compared at the emptiest moment of each stretch of so many slots */
const stretchSlots = 10;
const packetBytes = 1514;
/** lost in a stretch, at least: missing in it and in all after it, above whatever was missing before, since packets under way come and go */
const lostPackets = 8;
const stretchesBefore = 5;
const stretchesAfter = 2;
/** while a probe passes within this the path is empty at times; while none waits longer than that no queue hides what is missing */
const emptySeconds = 0.003;
const shortQueueSeconds = 0.03;
/** so many of the newest stretches with loss are a policer; two of them so far apart tell its rate */
const lossyStretches = 3;
const rememberedStretches = 20;
const spanStretches = 4;
/** they lost what comes out in this time, at least: that much may be under way in addition when more is sent */
const lostSeconds = 0.01;
/** kept of the committed rate, less by the second figure while it still loses; what loses all the same is no policer */
const keptShare = 0.97;
const shrunk = 0.95;
const mostShrinks = 3;
const distrustSeconds = 60;
const settleSeconds = 1;
/** from recognising it to looking whether it has gone, doubled up to the second figure while it has not */
const firstHoldSeconds = 10;
const longestHoldSeconds = 60;
/** a policer that is met again within this was there all the time */
const againSeconds = 8;

interface Stretch {
  readonly seconds: number;
  readonly servedBytes: number;
  /** least that was missing in it, bytes */
  readonly floor: number;
  lossy: boolean;
}
const noStretch = () => ({ slots: 0, seconds: 0, servedBytes: 0, least: Number.POSITIVE_INFINITY });

/**
 * A policer drops what is above a committed rate and delays nothing. Its sign is bytes that never arrive while probes pass an
 * empty path; between two losses, at which its bucket is empty, what comes out is its rate. From time to time it is let go,
 * since who stays below the committed rate cannot tell whether it is still there.
 */
export class Policer {
  private missing = 0;
  private stretch = noStretch();
  /** least that was `missing` in each of the newest stretches; Infinity: a queue may have hidden it */
  private floors: number[] = [];
  private newest: Stretch[] = [];
  private committed = Number.NaN;
  /** the rate that was kept last, after it had been proven by a time without loss */
  private provenRate = 0;
  private since = Number.NaN;
  private judgedFrom = Number.NaN;
  private shrinks = 0;
  private hold = firstHoldSeconds;
  private releasedAt = Number.NEGATIVE_INFINITY;
  private trustedFrom = Number.NEGATIVE_INFINITY;

  /** what may be sent without loss, bytes/s; Infinity: no policer is known */
  get limitBytesPerSecond(): number {
    if (Number.isNaN(this.committed)) return Number.POSITIVE_INFINITY;
    return keptShare * shrunk ** this.shrinks * this.committed;
  }

  /** The path, or how it is read, has changed: what was sent and what came out are compared anew. */
  interrupt(): void {
    this.missing = 0;
    this.floors = [];
    this.stretch = noStretch();
  }

  observe(slot: PolicedSlot): void {
    this.missing += slot.arrivedBytes - slot.servedBytes;
    const { stretch } = this;
    stretch.slots += 1;
    stretch.seconds += slot.intervalSeconds;
    stretch.servedBytes += slot.servedBytes;
    stretch.least = Math.min(stretch.least, this.missing);
    if (stretch.slots === stretchSlots) this.endStretch(slot);
    if (!Number.isNaN(this.committed) && slot.at - this.since > this.hold) this.release(slot.at);
  }

  private endStretch(slot: PolicedSlot): void {
    const { least, seconds, servedBytes } = this.stretch;
    const empty = slot.leastWaitSeconds < emptySeconds && slot.mostWaitSeconds < shortQueueSeconds;
    this.floors.push(empty ? least : Number.POSITIVE_INFINITY);
    if (this.floors.length > stretchesBefore + 1 + stretchesAfter) this.floors.shift();
    this.stretch = noStretch();
    this.newest.push({ seconds, servedBytes, floor: least, lossy: false });
    if (this.newest.length > rememberedStretches) this.newest.shift();
    const judged = this.newest.at(-1 - stretchesAfter);
    if (judged !== undefined) judged.lossy = this.hasLost();
    if (Number.isNaN(this.committed)) this.recognise(slot.at);
    else this.judge(slot.at);
  }

  /** A queue goes again, what was lost is missing for ever. */
  private hasLost(): boolean {
    if (this.floors.length <= stretchesBefore + stretchesAfter) return false;
    const before = Math.max(...this.floors.slice(0, stretchesBefore));
    const since = this.floors.slice(stretchesBefore);
    return since.every(Number.isFinite) && Math.min(...since) - before > lostPackets * packetBytes;
  }

  private get isLossy(): boolean {
    const { newest } = this;
    if (newest.filter((s) => s.lossy).length < lossyStretches) return false;
    const first = newest.findIndex((s) => s.lossy);
    const last = newest.findLast((s) => s.lossy)!;
    const missing = last.floor - newest[Math.max(0, first - 1)]!.floor;
    return missing > lostSeconds * (last.servedBytes / last.seconds);
  }

  private recognise(at: number): void {
    if (!this.isLossy || at < this.trustedFrom) return;
    const rate = committedRate(this.newest);
    if (Number.isNaN(rate)) return;
    const again = at - this.releasedAt < againSeconds;
    // A sender that backs off between two losses makes the rate look too low.
    this.committed = again ? Math.max(rate, this.provenRate) : rate;
    this.hold = again ? Math.min(longestHoldSeconds, 2 * this.hold) : firstHoldSeconds;
    this.since = at;
    this.shrinks = 0;
    this.startJudging(at);
  }

  /** Below the rate of a policer nothing is lost; what is lost at any rate is no policer's. */
  private judge(at: number): void {
    if (at < this.judgedFrom) this.newest = [];
    else if (this.isLossy) {
      this.shrinks += 1;
      this.startJudging(at);
      if (this.shrinks <= mostShrinks) return;
      this.trustedFrom = at + distrustSeconds;
      this.release(at);
    }
  }

  private startJudging(at: number): void {
    this.judgedFrom = at + settleSeconds;
    this.newest = [];
  }

  private release(at: number): void {
    this.provenRate = this.shrinks > mostShrinks ? 0 : this.committed * shrunk ** this.shrinks;
    this.committed = Number.NaN;
    this.releasedAt = at;
    this.newest = [];
  }
}

/** What came out from an earlier loss up to the newest one. NaN: they are too near each other to tell a rate. */
function committedRate(newest: readonly Stretch[]): number {
  const to = newest.findLastIndex((s) => s.lossy);
  const from = newest.findLastIndex((s, k) => s.lossy && k <= to - spanStretches);
  if (from < 0) return Number.NaN;
  const between = newest.slice(from + 1, to + 1);
  const served = between.reduce((sum, s) => sum + s.servedBytes, 0);
  return served / between.reduce((sum, s) => sum + s.seconds, 0);
}
