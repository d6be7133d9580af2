const arrivedSeconds = 0.1;
const grantedSeconds = 0.3;

/**
 * What arrived of our own traffic against what it was granted. Senders that are held below the rate of their queue empty it; while it
 * has a backlog, what comes out of it is its rate, and when it has none, what they send.
 */
export class ThroughputWindow {
  #arrivals: { readonly bytes: number; readonly seconds: number }[] = [];
  #grants: { readonly at: number; readonly bytesPerSecond: number }[] = [];

  arrived(bytes: number, seconds: number): void {
    this.#arrivals.push({ bytes, seconds });
    let span = 0;
    let keep = this.#arrivals.length;
    while (keep > 0 && span < arrivedSeconds) {
      keep -= 1;
      span += this.#arrivals[keep]!.seconds;
    }
    this.#arrivals.splice(0, keep);
  }

  granted(at: number, bytesPerSecond: number): void {
    this.#grants.push({ at, bytesPerSecond });
    const first = this.#grants.findIndex((g) => g.at > at - grantedSeconds);
    this.#grants.splice(0, first);
  }

  /** Arrivals of the last tenth of a second over the least that was granted of late; 1 while nothing is known. */
  get share(): number {
    const seconds = this.#arrivals.reduce((sum, a) => sum + a.seconds, 0);
    const granted = Math.min(...this.#grants.map((g) => g.bytesPerSecond));
    if (!(seconds > 0) || !(granted > 0) || !Number.isFinite(granted)) return 1;
    return this.#arrivals.reduce((sum, a) => sum + a.bytes, 0) / seconds / granted;
  }
}
