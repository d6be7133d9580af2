import type { Bytes, Instant, Seconds } from './units.js';

/**
 * What passed one bottleneck between two readings of its counters. Amounts are differences since the
 * previous sample, never rates: they are exact however late the reading was, and only what is divided by time
 * suffers from a bad time stamp.
 */
export interface BottleneckSample {
  /** when the counters were read: best guess, true to within `timeUncertaintySeconds` */
  readonly at: Instant;
  /** since the previous sample; the true interval, not the nominal slot */
  readonly intervalSeconds: Seconds;
  /** into the queue, everybody's traffic */
  readonly arrivedBytes: Bytes;
  /** out of the queue */
  readonly departedBytes: Bytes;
  /** counted as dropped at the queue */
  readonly droppedBytes: Bytes;
  /**
   * Half of the unexplained part of the round trip: the counters were read at some time in
   * [at - this, at + this]. It also limits how far apart the counters of one reply can have been read.
   */
  readonly timeUncertaintySeconds: Seconds;
  /** this reading took so long that its amounts must not be compared with its time */
  readonly late: boolean;
  /** a counter was reset, or too long a time passed: the amounts are zero and mean nothing */
  readonly gap: boolean;
  /** packets were seen to wait about then: however little passed (others may take the line), the queue was not empty */
  readonly packetsWait?: boolean;
}

/** The estimator's word about a queue that nobody can read. */
export interface BacklogEstimate {
  /** never negative */
  readonly backlogBytes: Bytes;
  /** eps_m: the true backlog lies within this of `backlogBytes`, as far as the two estimators and the clock can tell */
  readonly uncertaintyBytes: Bytes;
  /** what the newest reading alone may be wrong by: packets between two counters, counters read apart */
  readonly readingErrorBytes: Bytes;
  /** time of the newest sample */
  readonly at: Instant;
  /** the time of which the queue was measured: `at`, or earlier where the far end of a path tells */
  readonly backlogAt: Instant;
  /** that sample was late or impossible: the backlog is the one before, and its amounts wait for the next good sample */
  readonly held: boolean;
  /** the sample was a gap: nothing is known of the time that it covers, and the estimate starts anew */
  readonly restarted: boolean;
  /** the second estimator: arrivals against capacity, which needs no base */
  readonly lindleyBytes: Bytes;
  /** smallest backlog of the last few samples: what no burst explains */
  readonly standingBytes: Bytes;
  /** false: the queue has never been proven empty since the start or the last gap */
  readonly anchored: boolean;
  /** since the queue was last proven empty; Infinity before the first time */
  readonly anchorAgeSeconds: Seconds;
  /** drops were counted since the last anchor: the difference of counters is not to be trusted */
  readonly saturated: boolean;
  /** bytes vanished that no counter reports: an idle queue was found with the difference above its base */
  readonly unaccountedLoss: boolean;
  /** the port runs at capacity while the estimate says that the queue is empty */
  readonly contradiction: boolean;
  /** please lower the rate for a moment, so that the queue can be proven empty */
  readonly wantsDrain: boolean;
}
