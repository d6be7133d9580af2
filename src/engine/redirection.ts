/** How long a switch keeps a redirection that nobody refreshes, seconds: the one that is taken back last. */
const leaseSeconds = 10;
/** Farther out a redirection lives shorter, by more than refreshes can lie apart: it ends in the order in which it is taken back. */
const leaseStepSeconds = 2;
/** What a switch and its ports need for a packet beside links and queues, seconds ... */
const passSeconds = 0.002;
/** ... and what the machine's host needs to bring it into the machine. */
const arrivalSeconds = 0.005;
/** Old ways are not waited for longer than this; what is later still comes after the machine, but not in order. */
const longestDrainSeconds = 0.5;

/** Switches that may turn together, in the order of turning. */
export type FlipLevels = readonly (readonly string[])[];

/** How long what one switch has sent may be under way to another on its old way; undefined: that way does not lead there. */
export type DrainSeconds = (from: string, to: string) => number | undefined;

/**
 * The way of a machine's packets to where it will run, turned before the machine is stopped. Switches turn level by level
 * (`flipLevels`), each after what the others sent on the old way has passed it. From then on packets wait in the queue in front of
 * the machine that is not there yet, and what is still under way to the old place finds the machine running. When that has
 * arrived the machine is stopped, and nothing is lost, doubled or overtaken.
 *
 * While they turn switches hold the redirection as a lease: without their controller they fall back to the old place, where the
 * machine still runs. It is taken back in the opposite order. When all have turned it is durable that the machine may be stopped, and
 * then they are told to keep it; only when that has been read back the machine is stopped.
 */
export class Redirection {
  #levels: FlipLevels;
  /** levels that hold the redirection, in the order of turning */
  #turned = 0;
  /** when a switch had acknowledged it */
  readonly #turnedAt = new Map<string, number>();
  /** the newest level is in `turnedAt` */
  #acknowledged = false;
  /** when the next level may turn; when all have, when the old place hears no more */
  #drainedAt = Number.NEGATIVE_INFINITY;
  /** it is no lease any more: the machine was told to stop */
  #kept = false;

  /** @param levels as they were when the migration was admitted */
  constructor(levels: FlipLevels) {
    this.#levels = levels;
  }

  /** No switch holds it. */
  get isGone(): boolean {
    return this.#turned === 0;
  }
  /** Every switch has acknowledged it. */
  get isComplete(): boolean {
    return this.#acknowledged && this.#turned >= this.#levels.length;
  }
  /** When there is something to do, or to be certain of, though nothing was heard. */
  get drainedAt(): number {
    return this.#drainedAt;
  }

  /** @param levels as links are now */
  begin(levels: FlipLevels): void {
    this.#levels = levels;
    this.#turned = 1;
  }

  /** After a restart: any switch may hold it. */
  assumeAll(): void {
    this.#turned = this.#levels.length;
  }
  /** After a restart: every switch holds it, and has since before the process died; nothing stays on a line for as long as one takes to start. */
  assumeComplete(): void {
    this.assumeAll();
    this.#acknowledged = true;
    this.keep();
  }

  /** The machine may be told to stop: from now on it holds without its controller. */
  keep(): void {
    this.#kept = true;
  }

  /** For how many seconds a switch shall hold it; 0: until it is told otherwise; undefined: it shall not. */
  secondsAt(switchName: string): number | undefined {
    const level = this.#levels.findIndex((names) => names.includes(switchName));
    if (level < 0 || level >= this.#turned) return undefined;
    return this.#kept ? 0 : leaseSeconds + leaseStepSeconds * (this.#levels.length - 1 - level);
  }

  /**
   * True: what switches should hold, or that it must be proved, has changed.
   * @param acknowledged by all switches that hold it
   */
  advance(now: number, acknowledged: boolean, drainSeconds: DrainSeconds): boolean {
    if (!this.#acknowledged) {
      if (!acknowledged) return false;
      this.#noteTurned(now, drainSeconds);
      if (this.isComplete) return true;
    }
    if (now < this.#drainedAt || this.isComplete) return false;
    this.#turned += 1;
    this.#acknowledged = false;
    return true;
  }

  #noteTurned(now: number, drainSeconds: DrainSeconds): void {
    this.#acknowledged = true;
    const unknown = this.#levels.slice(0, this.#turned).flat();
    for (const name of unknown) if (!this.#turnedAt.has(name)) this.#turnedAt.set(name, now);
    const last = this.#turned === this.#levels.length;
    const next = last ? (this.#levels.at(-1) ?? []) : this.#levels[this.#turned]!;
    this.#drainedAt = last ? now + arrivalSeconds : now;
    for (const to of next)
      for (const [from, at] of this.#turnedAt) {
        const drain = drainSeconds(from, to);
        if (drain === undefined) continue;
        const passed = at + Math.min(drain, longestDrainSeconds) + passSeconds;
        this.#drainedAt = Math.max(this.#drainedAt, passed);
      }
  }

  /** One level fewer, or at once none. True: what switches should hold has changed. */
  retreat(atOnce: boolean): boolean {
    if (this.#turned === 0) return false;
    this.#turned = atOnce ? 0 : this.#turned - 1;
    return true;
  }
}
