/**
 * The smallest round trip of the last seconds: what the channel costs when nothing is in the way. The rest of a
 * round trip is time that somebody spent waiting, and the reading may have been taken anywhere in it.
 */
export class RoundTripFloor {
  private readonly bucketSeconds: number;
  private readonly buckets: { readonly from: number; least: number }[] = [];

  constructor(windowSeconds = 10) {
    this.bucketSeconds = windowSeconds / 2;
  }

  /** The floor with this measurement included. */
  update(at: number, roundTrip: number): number {
    const newest = this.buckets.at(-1);
    if (newest === undefined || at - newest.from > this.bucketSeconds) {
      this.buckets.push({ from: at, least: roundTrip });
      if (this.buckets.length > 2) this.buckets.shift();
    } else newest.least = Math.min(newest.least, roundTrip);
    return Math.min(...this.buckets.map((b) => b.least));
  }
}
