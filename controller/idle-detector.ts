/** One reading as the idle detector sees it. */
export interface IdleReading {
  readonly at: number;
  readonly interval: number;
  /** bytes that passed: out of the queue, or into it if that is more */
  readonly departed: number;
  /** running difference D = arrivals - departures - drops, bytes */
  readonly difference: number;
  /** by how much the interval's length may be wrong, seconds */
  readonly slack: number;
  /** late, implausible or after a gap */
  readonly bad: boolean;
}

export interface IdleConfig {
  /** below this share of capacity a work-conserving queue was empty at some time in the interval */
  readonly idleFraction: number;
  /** how many quiet slots make a verdict */
  readonly votes: number;
  /** among how many good readings */
  readonly span: number;
}

/**
 * When was the queue certainly empty? A queue that serves clearly less than its capacity over an interval was
 * empty in it. One such interval proves nothing: a reading that came late makes an interval look long. So each
 * slot must be quiet even if its interval was shorter by the whole slack of its two time stamps, a verdict
 * needs several of them close together, and it takes the second smallest difference from the first of them to
 * the last, busy ones included (a frame may stand on the queue whenever a quiet slot ends): one reading whose
 * counters were read apart, in either direction, moves nothing. The quiet slots need not be neighbours: video
 * of 25 frames a second makes every second slot of 20 ms a busy one on a queue that empties after each frame.
 */
export class IdleDetector {
  private readonly config: IdleConfig;
  private readonly recent: { readonly difference: number; readonly quiet: boolean }[] = [];

  constructor(config: IdleConfig) {
    this.config = config;
  }

  /** The difference at which the queue is empty if this reading completes a verdict. */
  observe(reading: IdleReading, capacity: number): number | undefined {
    const surely = reading.interval - reading.slack;
    const quiet = surely > 0 && reading.departed < this.config.idleFraction * capacity * surely;
    if (reading.bad) return undefined;
    this.recent.push({ difference: reading.difference, quiet });
    if (this.recent.length > this.config.span) this.recent.shift();
    const first = this.firstVote();
    if (!quiet || first === undefined) return undefined;
    return secondSmallest(this.recent.slice(first).map((r) => r.difference));
  }

  reset(): void {
    this.recent.length = 0;
  }

  /** index of the oldest of the newest `votes` quiet readings */
  private firstVote(): number | undefined {
    let votes = 0;
    for (let i = this.recent.length - 1; i >= 0; i--) {
      if (this.recent[i]!.quiet) votes += 1;
      if (votes === this.config.votes) return i;
    }
    return undefined;
  }
}

function secondSmallest(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.min(1, values.length - 1)]!;
}
