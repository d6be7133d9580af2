/** Consecutive probes that must be missing, and then must have come. */
const missesToDie = 3;
const answersToLive = 5;
const pendingLimit = 64;

export type Sign = 'died' | 'revived';

/** What a counter of the far port said, and when. */
interface Reading {
  readonly at: number;
  readonly packets: bigint;
}

/**
 * Whether one direction of a link carries packets, from numbered probes. Three missing probes are a suspicion; it is a
 * verdict only when the far port has counted nothing since the first was missed, so that a full queue, which delays and drops
 * probes too, is not taken for a dead link. Back to life after five answers in a row.
 */
export class PathWatch {
  readonly #patienceSeconds: number;
  readonly #settleSeconds: number;
  #pending: { readonly number: number; readonly at: number }[] = [];
  #misses = 0;
  #answers = 0;
  #reading: Reading | undefined;
  dead = false;
  /** a probe has come through since it was last dead, or ever */
  heard = false;

  /**
   * @param patienceSeconds a probe that is not there by then is missing
   * @param settleSeconds so long at least between two readings of the counter
   */
  constructor(patienceSeconds: number, settleSeconds: number) {
    this.#patienceSeconds = patienceSeconds;
    this.#settleSeconds = settleSeconds;
  }

  sent(now: number, number: number): void {
    this.#pending.push({ number, at: now });
    if (this.#pending.length > pendingLimit) this.#pending.shift();
  }

  /** What is missing by now counts. True: the counter of the far port should be read. */
  check(now: number): boolean {
    while (this.#pending.length > 0 && this.#pending[0]!.at + this.#patienceSeconds <= now) {
      this.#pending.shift();
      this.#misses += 1;
      this.#answers = 0;
    }
    if (this.dead || this.#misses === 0) return false;
    if (this.#reading === undefined) return true;
    return this.#misses >= missesToDie && now >= this.#reading.at + this.#settleSeconds;
  }

  arrived(number: number): Sign | undefined {
    const found = this.#pending.findIndex((p) => p.number === number);
    if (found >= 0) this.#pending.splice(0, found + 1);
    this.#misses = 0;
    this.#reading = undefined;
    // What comes too late shows that something comes, but is no answer; what was overtaken is lost.
    if (found < 0) return undefined;
    this.#answers = found > 0 ? 1 : this.#answers + 1;
    this.heard = true;
    if (!this.dead || this.#answers < answersToLive) return undefined;
    this.dead = false;
    return 'revived';
  }

  counted(now: number, packets: bigint): Sign | undefined {
    const before = this.#reading;
    if (this.dead || this.#misses === 0) return undefined;
    if (before === undefined || packets !== before.packets) {
      // The first look, or something came in meanwhile: from here on it must be silent.
      if (before !== undefined) this.#misses = 0;
      this.#reading = before === undefined ? { at: now, packets } : undefined;
      return undefined;
    }
    if (this.#misses < missesToDie || now < before.at + this.#settleSeconds) return undefined;
    return this.lostSignal();
  }

  /** It is known without probes. */
  lostSignal(): Sign | undefined {
    this.#pending = [];
    this.#misses = 0;
    this.#answers = 0;
    this.#reading = undefined;
    this.heard = false;
    if (this.dead) return undefined;
    this.dead = true;
    return 'died';
  }

  /** Nobody can send or hear probes: what is known stays, what was under way counts for nothing. */
  pause(): void {
    this.#pending = [];
    this.#misses = 0;
    this.#answers = 0;
    this.#reading = undefined;
  }
}
