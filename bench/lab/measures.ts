/** What one run gives. Plain data: a line of the raw file. Null: not measured here. */
export interface VideoFigures {
  /** in the window; the same with and without a migration, or the windows are not the same */
  readonly sentPackets: number | null;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number | null;
  readonly lossPercent: number;
  /** time without a picture behind a play-out buffer of 2 s; null on networks that keep no record of each packet */
  readonly stallSeconds: number | null;
}
export interface CertificateFigures {
  readonly slots: number;
  readonly violations: number;
  readonly vacuous: number;
  readonly clipped: number;
  readonly assumptionBroken: number;
}
export interface StepFigures {
  /** highest backlog in the two seconds before the step */
  readonly beforeMs: number;
  /** how much more it was in the two seconds after it */
  readonly peakMs: number;
  /**
   * (dx - (1 - rho) c) tau / c with tau = half a slot, the reply, the command: no controller that keeps the path at
   * rho can be below; null for a row without a controller
   */
  readonly boundMs: number | null;
  /** until the queue is back to what it was before the step for half a second; null: not within ten seconds */
  readonly settlingSeconds: number | null;
}
/** `lp-oracle.ts`: a fluid controller that knows the whole load and keeps to the same rho. */
export interface OracleFigures {
  /** null: not within the time limit of the run */
  readonly seconds: number | null;
  /** of the admitted: can all deadlines be kept with 10 % less capacity? null: nobody asked for one */
  readonly deadlinesFeasible: boolean | null;
  /** requests with a deadline that it would have admitted, with 10 % less capacity, and that were refused */
  readonly wronglyRefused: number | null;
}
/** Jain's index of what several controllers got in the last third of the run. */
export interface FairnessFigures {
  readonly overall: number;
  /** mean over seconds: low beside a high `overall`, they take turns */
  readonly inEachSecond: number;
}
export interface Measures {
  readonly completed: boolean;
  /** requests that were not admitted */
  readonly refused: number;
  /** admitted migrations that ended after their deadline; null: nobody had one */
  readonly deadlineMisses: number | null;
  readonly seconds: number;
  /** memory of the admitted / (capacity - mean cross traffic of the window) */
  readonly boundSeconds: number;
  readonly downtimeMs: number | null;
  readonly memoryBytes: number;
  readonly movedBytes: number;
  readonly crossBitsPerSecond: number;
  /** of the capacity, what was sent into the link in the window */
  readonly utilisation: number;
  /** mean |change| from one tenth of a second to the next over the mean of the migration's rate */
  readonly oscillation: number | null;
  readonly video: VideoFigures;
  /** the same load without a migration, over the same window */
  readonly alone: VideoFigures;
  readonly queue: { readonly meanMs: number; readonly p99Ms: number; readonly maxMs: number } | null;
  readonly step: StepFigures | null;
  readonly oracle: OracleFigures | null;
  readonly fairness: FairnessFigures | null;
  readonly certificate: CertificateFigures | null;
  readonly host: { readonly stealPercent: number | null; readonly senderLatenessMs: number } | null;
}

/** Course of one run, for drawing: one value for each tenth of a second of the load. */
export interface Series {
  readonly fromSeconds: number;
  readonly stepSeconds: number;
  /** highest backlog of the bottleneck in each step, ms at the told capacity */
  readonly queueMs: readonly number[];
  /** Mbit/s into the bottleneck */
  readonly ownMbps: readonly number[];
  readonly crossMbps: readonly number[];
}
