/** how long a trouble is remembered: stalls of a shared host come in groups */
const memorySeconds = 4;
/** what is left free of the capacity grows by this share of our own rate, which makes controllers fair to each other */
const ownReserve = 0.04;
/** the share of the capacity at which the whole reserve is the configured one: what a migration beside busy traffic gets */
const usualOwnShare = 0.5;
/** own traffic is averaged over this, s: longer than the loop, shorter than a migration notices */
const ownMeanSeconds = 0.3;

/**
 * rho before any standing queue is looked at. While every reading comes in time a high one is enough for
 * the queue to empty between bursts. When they fail to come for some slots, traffic piles up where no counter shows it, and what
 * follows needs more room.
 *
 * A law that fills what others leave is content with any division between two that follow it. So part of the head-room is
 * in proportion to our own rate: U = rho0 c - x - r U - (others' U). For all who see the same queue r U is then the same,
 * and whoever has more gives way (the rule of Afek, Mansour and Ostfeld, "Phantom: A Simple and Effective Flow Control
 * Scheme", SIGCOMM 1996, in which each takes a multiple of what is left free).
 */
export class HeadRoom {
  private readonly calm: number;
  private readonly cautious: number;
  private troubledAt = Number.NEGATIVE_INFINITY;
  private own = 0;

  constructor(calmUtilisation: number, cautiousUtilisation: number) {
    this.calm = calmUtilisation;
    this.cautious = Math.min(calmUtilisation, cautiousUtilisation);
  }

  /** No credible reading had come for some slots. */
  trouble(at: number): void {
    this.troubledAt = Math.max(this.troubledAt, at);
  }

  /** Own traffic of a good sample, bytes/s. */
  sent(bytesPerSecond: number, intervalSeconds: number): void {
    this.own += Math.min(1, intervalSeconds / ownMeanSeconds) * (bytesPerSecond - this.own);
  }

  utilisation(now: number, capacity: number): number {
    const remembered = Math.exp(-Math.max(0, now - this.troubledAt) / memorySeconds);
    const base = this.calm - (this.calm - this.cautious) * remembered;
    if (!(capacity > 0)) return base;
    const ownShare = Math.min(1, this.own / capacity);
    return Math.min(1, base + ownReserve * (usualOwnShare - ownShare));
  }
}
