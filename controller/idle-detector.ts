/** One reading as the idle detector sees it. */
export interface IdleReading {
  readonly at: number;
  readonly interval: number;
  readonly departed: number;
  /** running difference D = arrivals - departures - drops, bytes */
  readonly difference: number;
  /** by how much the interval's length may be wrong, seconds */
  readonly slack: number;
  /** late, implausible or after a gap */
  readonly bad: boolean;
}

export interface IdleConfig {
  readonly capacity: number;
  /** below this share of capacity a work-conserving queue was empty at some time in the interval */
  readonly idleFraction: number;
  /** so far below that no jitter explains it; such slots need not be neighbours */
  readonly deepFraction: number;
  /** how many quiet slots make a verdict */
  readonly run: number;
  /** in how many good samples the deep ones must lie */
  readonly span: number;
}

/**
 * When was the queue certainly empty? A queue that serves clearly less than its capacity over an interval was
 * empty in it. One such interval proves nothing: a reading that came late makes an interval look long. So a
 * verdict needs several quiet slots, each quiet even if its interval was shorter by the whole slack of its two
 * time stamps, and takes the median of their differences: one reading whose counters were read apart, in
 * either direction, moves nothing.
 */
export class IdleDetector {
  private readonly config: IdleConfig;
  private readonly recent: { difference: number; quiet: boolean; deep: boolean }[] = [];

  constructor(config: IdleConfig) {
    this.config = config;
  }

  /** The difference at which the queue is empty if this reading completes a verdict. */
  observe(reading: IdleReading): number | undefined {
    if (reading.bad) {
      // a bad reading breaks a run of neighbours but does not unprove the deep ones
      for (const kept of this.recent) kept.quiet = false;
      return undefined;
    }
    const surely = reading.interval - reading.slack;
    const quiet = surely > 0 && reading.departed < this.config.idleFraction * this.config.capacity * surely;
    const deep = surely > 0 && reading.departed < this.config.deepFraction * this.config.capacity * surely;
    this.recent.push({ difference: reading.difference, quiet, deep });
    if (this.recent.length > this.config.span) this.recent.shift();
    if (!quiet) return undefined;
    const run = this.recent.slice(-this.config.run);
    if (run.length === this.config.run && run.every((r) => r.quiet)) return median(run);
    const deepOnes = this.recent.filter((r) => r.deep);
    return deep && deepOnes.length >= this.config.run ? median(deepOnes.slice(-this.config.run)) : undefined;
  }

  reset(): void {
    this.recent.length = 0;
  }
}

/** lower median: with two of four frames on top of an empty queue the empty ones decide */
function median(run: readonly { difference: number }[]): number {
  const sorted = run.map((r) => r.difference).sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)]!;
}
