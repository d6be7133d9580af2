/** a value needs so many probes */
const fewestProbes = 5;
const mostProbes = 20;
/** of the newest probes of a path that is not full this quantile had no queue before it */
const emptyQuantile = 0.2;
/** a change by more than this is a reroute, not noise; to a longer path if so many probes in a row say so */
const rerouteSeconds = 0.004;
const rerouteProbes = 12;
/** shares of the way to a lower and to a higher value that one probe goes */
const paceDown = 0.3;
const paceUp = 0.05;

/**
 * B, the delay of an empty path from counter to counter, clock offset included: how long after leaving our gateway
 * does a byte show in the far gateway's counter when nothing queues in between?
 *
 * It is measured by probes in the data plane, a packet out here that comes in there, less half of the round trip of
 * each control channel. A reading of a counter is dated by the middle of its round trip, so whatever a channel is
 * slower by in one direction is in both, and B is right for the counters whatever the clocks do.
 *
 * A probe waits behind the queue. It counts only while the path carries clearly less than its capacity, and then a low
 * quantile of the newest ones is the empty path. No minimum over a window of time is taken, so a queue that stands for
 * long is never learnt as part of the path, and what was learnt is never forgotten by age.
 */
export class BaseDelay {
  private readonly newest: number[] = [];
  private value = Number.NaN;
  private rerouteCount = 0;

  /** NaN until it is known */
  get seconds(): number {
    return this.value;
  }
  get known(): boolean {
    return !Number.isNaN(this.value);
  }
  /** steps that were too large to be noise */
  get reroutes(): number {
    return this.rerouteCount;
  }

  /** A probe that passed while the path was not full took this long. */
  observe(delaySeconds: number): void {
    if (!Number.isFinite(delaySeconds)) return;
    this.newest.push(delaySeconds);
    if (this.newest.length > mostProbes) this.newest.shift();
    if (this.newest.length < fewestProbes) return;
    const sorted = [...this.newest].sort((a, b) => a - b);
    const empty = sorted[Math.floor(emptyQuantile * sorted.length)]!;
    if (!this.known) this.value = empty;
    else if (empty < this.value - rerouteSeconds) this.step(empty);
    else if (this.longer()) this.step(Math.min(...this.newest.slice(-rerouteProbes)));
    else this.value += (empty < this.value ? paceDown : paceUp) * (empty - this.value);
  }

  /** None of the newest probes came through as fast as an empty path of this length would let it. */
  private longer(): boolean {
    const newest = this.newest.slice(-rerouteProbes);
    return newest.length === rerouteProbes && Math.min(...newest) > this.value + rerouteSeconds;
  }

  private step(empty: number): void {
    this.value = empty;
    this.rerouteCount += 1;
    this.newest.length = 0;
  }
}
