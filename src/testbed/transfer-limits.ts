/** Every wait of a migration has an end; these are the defaults. Milliseconds. */
export interface TransferLimits {
  /** source: to open the connection to the target */
  readonly connectMs: number;
  /** either end: without a byte from the peer, or with bytes under way and none acknowledged */
  readonly silenceMs: number;
  /** target: from `prepare-incoming` to the source's connection */
  readonly openMs: number;
  /** source: asking a target that went silent after the last round whether it resumed */
  readonly outcomeMs: number;
  /** target: how long it remembers the answer to that question at its port */
  readonly answerMs: number;
}

export const defaultTransferLimits: TransferLimits = {
  connectMs: 10_000,
  silenceMs: 30_000,
  openMs: 120_000,
  outcomeMs: 10_000,
  answerMs: 60_000,
};

/** The look at pacer, rounds and watchdogs. */
export const tickMs = 10;
/** A connection with nothing to send says so this often. */
export const aliveMs = 1000;

/** Seconds of the machine's monotonic clock. */
export const monotonicSeconds = (): number => performance.now() / 1000;

/** A command that cannot be obeyed: `code` and `detail` are the agent's error reply. */
export class TransferRefusal extends Error {
  readonly code: string;
  constructor(code: string, detail: string) {
    super(detail);
    this.name = 'TransferRefusal';
    this.code = code;
  }
}
