/** What two counters around a queue have counted since the reading before. */
export interface CountedPassage {
  readonly arrivedBytes: number;
  readonly arrivedPackets: number;
  readonly departedBytes: number;
  readonly departedPackets: number;
}

/** a stretch between two comparisons has at least so many packets and seconds */
const fewestPackets = 3000;
const shortestSeconds = 1;
/** a comparison is over so many of them as soon as there are so many */
const stretchesCompared = 4;
/** comparisons: so many are remembered, fewer say nothing */
const remembered = 12;
const fewestComparisons = 3;
/** a comparison that may be wrong by more than this, bytes a packet, is none: the counters do not count the same packets */
const worstUncertainty = 4;
/** two counters of a busy line that are read together differ by so many full packets */
const packetsApart = 1514;
/** the least that is corrected: no header is shorter than 4 bytes, and below a quarter of the packets the base keeps up */
const leastOverhead = 1;
/** a tunnel of IPv6 with every option is shorter: more is a counter that does not count what it says */
const mostOverhead = 160;

interface Totals extends CountedPassage {
  readonly at: number;
}
interface Comparison {
  readonly overhead: number;
  readonly uncertainty: number;
}
const nothing = { arrivedBytes: 0, arrivedPackets: 0, departedBytes: 0, departedPackets: 0 };
const waiting = (t: CountedPassage): number => t.arrivedPackets - t.departedPackets;

/**
 * By how many bytes a packet is longer at the second of two counters than at the first: a tag that is added or stripped, a
 * tunnel's header, a check sum that only one of them counts. Times the packets a second this is a drift of the
 * difference of the two byte counters, a queue that is not there (or a queue that is hidden): 4 bytes of 4000 packets/s are 128 kbit/s.
 *
 * Packets have no such error. Of each stretch of a second or more the reading with the fewest packets between the counters
 * is kept; from one of these to a later one the same packets passed both, up to a few, and those count with their mean
 * length. What the bytes still differ by, over the packets, is one comparison. The value is the median of the newest
 * ones: a loss, or a burst that was cut by a reading, spoils some of them.
 */
export class PacketOverhead {
  private totals: Totals = { at: Number.NaN, ...nothing };
  private from = Number.NaN;
  private packetsBefore = 0;
  private leastOfStretch: Totals | undefined;
  private leasts: Totals[] = [];
  private comparisons: Comparison[] = [];
  private value = 0;
  private doubt = Number.POSITIVE_INFINITY;

  /** departed less arrived, bytes a packet; 0 while it is not known and where it is not clearly above its uncertainty */
  get bytesPerPacket(): number {
    return Math.abs(this.value) > Math.max(leastOverhead, 2 * this.doubt) ? this.value : 0;
  }
  /** Infinity while nothing is known */
  get uncertaintyBytesPerPacket(): number {
    return this.doubt;
  }

  observe(at: number, passage: CountedPassage): void {
    const t = this.totals;
    this.totals = {
      at,
      arrivedBytes: t.arrivedBytes + passage.arrivedBytes,
      arrivedPackets: t.arrivedPackets + passage.arrivedPackets,
      departedBytes: t.departedBytes + passage.departedBytes,
      departedPackets: t.departedPackets + passage.departedPackets,
    };
    if (Number.isNaN(this.from)) this.from = at;
    if (this.leastOfStretch === undefined || waiting(this.totals) <= waiting(this.leastOfStretch))
      this.leastOfStretch = this.totals;
    const long = at - this.from >= shortestSeconds;
    if (long && this.totals.departedPackets - this.packetsBefore >= fewestPackets) this.close();
  }

  /** The counters may have started anew; what is known of the headers stays. */
  restart(): void {
    this.totals = { at: Number.NaN, ...nothing };
    this.from = Number.NaN;
    this.packetsBefore = 0;
    this.leastOfStretch = undefined;
    this.leasts = [];
  }

  private close(): void {
    const least = this.leastOfStretch!;
    if (this.leasts.length > 0) this.compare(this.leasts[0]!, least);
    this.leasts.push(least);
    if (this.leasts.length > stretchesCompared) this.leasts.shift();
    this.leastOfStretch = undefined;
    this.from = this.totals.at;
    this.packetsBefore = this.totals.departedPackets;
  }

  private compare(a: Totals, b: Totals): void {
    const packets = b.departedPackets - a.departedPackets;
    const arrived = b.arrivedPackets - a.arrivedPackets;
    if (packets <= 0 || arrived <= 0) return;
    const bytesIn = b.arrivedBytes - a.arrivedBytes;
    const meanLength = bytesIn / arrived;
    const between = packets - arrived;
    const overhead = (b.departedBytes - a.departedBytes - bytesIn - meanLength * between) / packets;
    const uncertainty = (2 * packetsApart + Math.abs(between) * meanLength) / packets;
    if (uncertainty > worstUncertainty || Math.abs(overhead) > mostOverhead) return;
    this.comparisons.push({ overhead, uncertainty });
    if (this.comparisons.length > remembered) this.comparisons.shift();
    if (this.comparisons.length >= fewestComparisons) this.conclude();
  }

  /** Median, and twice the standard error that the spread around it and the comparisons' own doubt give it. */
  private conclude(): void {
    this.value = median(this.comparisons.map((c) => c.overhead));
    const spread = 1.4826 * median(this.comparisons.map((c) => Math.abs(c.overhead - this.value)));
    const own = median(this.comparisons.map((c) => c.uncertainty));
    this.doubt = (2 * Math.max(spread, own / 2)) / Math.sqrt(this.comparisons.length);
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
