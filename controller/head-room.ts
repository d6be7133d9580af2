/** how long a trouble is remembered: stalls of a shared host come in groups */
const memorySeconds = 4;

/**
 * rho before any standing queue is looked at. While every reading comes in time a high one is enough for
 * the queue to empty between bursts. When they fail to come for some slots, traffic piles up where no counter shows it, and what
 * follows needs more room.
 */
export class HeadRoom {
  private readonly calm: number;
  private readonly cautious: number;
  private troubledAt = Number.NEGATIVE_INFINITY;

  constructor(calmUtilisation: number, cautiousUtilisation: number) {
    this.calm = calmUtilisation;
    this.cautious = Math.min(calmUtilisation, cautiousUtilisation);
  }

  /** No credible reading had come for some slots. */
  trouble(at: number): void {
    this.troubledAt = Math.max(this.troubledAt, at);
  }

  utilisation(now: number): number {
    const remembered = Math.exp(-Math.max(0, now - this.troubledAt) / memorySeconds);
    return this.calm - (this.calm - this.cautious) * remembered;
  }
}
