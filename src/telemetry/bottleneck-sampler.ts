import { type Bytes, bytes, type Instant, instant, type Seconds, seconds } from '../../controller/index.js';
import { type CounterColumn, PortStatsColumns, readPortStats } from '../openflow/index.js';
import { Counter } from './counter.js';
import type { Observation } from './observation.js';
import { RoundTripFloor } from './round-trip-floor.js';

/** Which counters of a switch belong to a bottleneck: numbers of ports. */
export interface BottleneckPorts {
  /** what these receive goes into the queue */
  readonly arrivalPorts: readonly number[];
  /** those of them that face hypervisor switches */
  readonly ownPorts: readonly number[];
  /** ports into circuits, of the other ports: what these send is ours, and did not come for the queue */
  readonly circuitPorts?: readonly number[];
  /** what this sends has left the queue */
  readonly egressPort: number;
  /**
   * Every port of the switch but the egress port. If given, arrivals are what came in anywhere less what went out
   * by one of these: traffic that stays in the site or takes a circuit is then not mistaken for a queue.
   */
  readonly otherPorts?: readonly number[];
  /** ports on which frames have a tunnel's headers: none of these packets has brought them, and all that leave get them */
  readonly tunnels?: readonly { readonly port: number; readonly headerBytes: number }[];
}
export interface SamplerOptions {
  /** no line of this switch carries more: a larger difference is a reset of the counter */
  readonly mostBytesPerSecond?: number;
  /** a reading whose time is known to no better than this is late */
  readonly lateSeconds?: number;
  /** after a longer silence the amounts are a gap */
  readonly gapSeconds?: number;
}
/** One port_stats reply as the session hands it on. */
export interface PortStatsReply {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
  /** another fragment of the same reply follows */
  readonly more: boolean;
}

interface PortCounter {
  readonly port: number;
  readonly counter: Counter;
  readonly packets: Counter;
}
interface Tally {
  arrived: number;
  own: number;
  circuit: number;
  departed: number;
  /** NaN: a port of them does not count packets */
  arrivedPackets: number;
  droppedPackets: number;
  departedPackets: number;
  gap: boolean;
}

/** bytes of one packet on the wire at most, for drops before a mean size is known */
const fullPacket = 1514;

/**
 * Counters of one switch to observations of one bottleneck: the only place where a counter becomes a quantity.
 * All counters of an observation come from one reply, so they are of one time up to its round trip. That time
 * is taken as the middle of the round trip; half of what the round trip exceeds its floor by is how wrong it
 * may be.
 */
export class BottleneckSampler {
  /** counted as arrivals, and taken off them */
  private readonly received: readonly PortCounter[];
  private readonly sentElsewhere: readonly PortCounter[];
  private readonly ownPorts: ReadonlySet<number>;
  private readonly circuitPorts: ReadonlySet<number>;
  /** without these there is no observation; another port may be absent, like a circuit that is not lit */
  private readonly needed: ReadonlySet<number>;
  private readonly egressPort: number;
  /** bytes by port */
  private readonly headers: ReadonlyMap<number, number>;
  private readonly egress = {
    txBytes: new Counter(),
    txPackets: new Counter(),
    txDropped: new Counter(),
  };
  private readonly options: Required<SamplerOptions>;
  private readonly columns = new PortStatsColumns();
  private readonly floor = new RoundTripFloor();
  private readingSince = Number.NaN;
  private lastAt = Number.NaN;
  private queueDrops = 0;
  private meanPacket = fullPacket;
  private trouble: string | null = null;
  private least = 0;

  constructor(ports: BottleneckPorts, options: SamplerOptions = {}) {
    const others = ports.otherPorts ?? [];
    const receiving = others.length > 0 ? [...others, ports.egressPort] : [];
    this.received = countersOf([...ports.arrivalPorts, ...receiving]);
    this.sentElsewhere = countersOf(others);
    this.needed = new Set([...ports.arrivalPorts, ports.egressPort]);
    this.ownPorts = new Set(ports.ownPorts);
    this.circuitPorts = new Set(ports.circuitPorts);
    this.egressPort = ports.egressPort;
    this.headers = new Map(ports.tunnels?.map(({ port, headerBytes }) => [port, headerBytes]));
    this.options = {
      mostBytesPerSecond: options.mostBytesPerSecond ?? 1.25e9,
      lateSeconds: options.lateSeconds ?? 0.005,
      gapSeconds: options.gapSeconds ?? 2,
    };
  }

  /** smallest round trip of the last seconds: what the channel costs */
  get roundTripSeconds(): number {
    return this.least;
  }

  /** Why the newest reply gave no observation: a port that is missing, a counter that the switch does not keep. */
  get problem(): string | null {
    return this.trouble;
  }

  /** One (fragment of a) reply. Undefined: not complete, not readable (see `problem`), or the first of all. */
  onPortStats(reply: PortStatsReply, requestedAt: number, receivedAt: number): Observation | undefined {
    if (requestedAt !== this.readingSince) this.columns.clear();
    this.readingSince = requestedAt;
    const error = readPortStats(reply.bytes, reply.offset, reply.length, this.columns);
    if (error !== undefined) {
      this.trouble = `port statistics cannot be read: ${error.detail} (offset ${error.offset})`;
      this.columns.clear();
      return undefined;
    }
    if (reply.more) return undefined;
    const observation = this.onColumns(this.columns, requestedAt, receivedAt);
    this.columns.clear();
    return observation;
  }

  /** A whole reply, already in columns. */
  onColumns(columns: PortStatsColumns, requestedAt: number, receivedAt: number): Observation | undefined {
    const roundTrip = Math.max(0, receivedAt - requestedAt);
    this.least = this.floor.update(receivedAt, roundTrip);
    const uncertainty = (roundTrip - this.least) / 2;
    const at = requestedAt + roundTrip / 2;
    const interval = at - this.lastAt;
    if (interval <= 0) return undefined;
    const first = Number.isNaN(this.lastAt);
    const tally = this.tally(columns, first ? Number.POSITIVE_INFINITY : interval + roundTrip + 0.1);
    if (tally === undefined) return undefined;
    this.lastAt = at;
    if (first) return undefined;
    return this.observation(instant(at), seconds(interval), seconds(roundTrip), uncertainty, tally);
  }

  /** Packets that the egress queue dropped since the last call (queue statistics, tx_errors); counted with the next reply. */
  addQueueDrops(packets: number): void {
    if (packets > 0 && Number.isFinite(packets)) this.queueDrops += packets;
  }

  private observation(
    at: Instant,
    interval: Seconds,
    roundTrip: Seconds,
    uncertainty: number,
    tally: Tally,
  ): Observation {
    if (tally.departedPackets > 0) this.meanPacket = tally.departed / tally.departedPackets;
    // a switch reports the same loss as a port's and as a queue's drop, or as one of them
    const lost = Math.max(tally.droppedPackets, this.queueDrops);
    this.queueDrops = 0;
    const gap = tally.gap || interval > this.options.gapSeconds;
    const amount = (n: number): Bytes => bytes(gap ? 0 : n);
    return {
      at,
      intervalSeconds: interval,
      arrivedBytes: amount(tally.arrived),
      // What waited in front of a circuit, and its probes, can make it less than nothing; what stays in the site was
      // not for the queue.
      ownBytes: amount(Math.min(Math.max(0, tally.own - tally.circuit), Math.max(0, tally.arrived))),
      circuitBytes: amount(tally.circuit),
      departedBytes: amount(tally.departed),
      arrivedPackets: counted(gap ? 0 : tally.arrivedPackets),
      departedPackets: counted(gap ? 0 : tally.departedPackets),
      droppedBytes: amount(Math.round(lost * this.meanPacket)),
      timeUncertaintySeconds: seconds(uncertainty),
      roundTripSeconds: roundTrip,
      late: uncertainty > this.options.lateSeconds,
      gap,
    };
  }

  /** Every counter takes its step, also when another one fails: the next reply must find all of them at one time. */
  private tally(columns: PortStatsColumns, interval: number): Tally | undefined {
    this.trouble = null;
    const most = this.options.mostBytesPerSecond * interval;
    const tally: Tally = {
      arrived: 0,
      own: 0,
      circuit: 0,
      departed: 0,
      arrivedPackets: 0,
      droppedPackets: 0,
      departedPackets: 0,
      gap: false,
    };
    for (const { port, counter, packets } of this.received) {
      const amount = this.step(tally, counter, columns, port, columns.rxBytes, 'rx_bytes', most);
      const count = optional(packets, columns, port, columns.rxPackets, most);
      tally.arrived += amount - this.headersOf(port, count);
      if (this.ownPorts.has(port)) tally.own += amount;
      tally.arrivedPackets += count;
    }
    for (const { port, counter, packets } of this.sentElsewhere) {
      const amount = this.step(tally, counter, columns, port, columns.txBytes, 'tx_bytes', most);
      const count = optional(packets, columns, port, columns.txPackets, most);
      tally.arrived -= amount - this.headersOf(port, count);
      if (this.circuitPorts.has(port)) tally.circuit += amount;
      tally.arrivedPackets -= count;
    }
    const { egressPort, egress } = this;
    tally.arrived += this.headersOf(egressPort, tally.arrivedPackets);
    tally.departed = this.step(tally, egress.txBytes, columns, egressPort, columns.txBytes, 'tx_bytes', most);
    tally.departedPackets = optional(egress.txPackets, columns, egressPort, columns.txPackets, most);
    tally.droppedPackets = optional(egress.txDropped, columns, egressPort, columns.txDropped, most) || 0;
    if (this.trouble === null) return tally;
    // what was counted while a port was away is not known
    this.forget();
    return undefined;
  }

  private headersOf(port: number, packets: number): number {
    return Number.isNaN(packets) ? 0 : (this.headers.get(port) ?? 0) * packets;
  }

  private step(
    tally: Tally,
    counter: Counter,
    columns: PortStatsColumns,
    port: number,
    column: CounterColumn,
    name: string,
    most: number,
  ): number {
    const row = columns.rowOf(port);
    if (row < 0) {
      counter.forget();
      if (this.needed.has(port))
        this.trouble = `port ${port} is not among the switch's ports: check the topology against its port numbers`;
      return 0;
    }
    const step = counter.step(column, row, most);
    if (step.kind === 'counted') return step.amount;
    if (step.kind === 'unsupported')
      this.trouble = `port ${port} does not count ${name}: this switch cannot be measured`;
    else tally.gap = true;
    return 0;
  }

  private forget(): void {
    this.lastAt = Number.NaN;
    for (const { counter, packets } of [...this.received, ...this.sentElsewhere]) {
      counter.forget();
      packets.forget();
    }
    for (const counter of Object.values(this.egress)) counter.forget();
  }
}

const countersOf = (ports: readonly number[]): PortCounter[] =>
  [...new Set(ports)].map((port) => ({
    port,
    counter: new Counter(),
    packets: new Counter(),
  }));

const counted = (packets: number): number | undefined => (Number.isNaN(packets) ? undefined : packets);

/** Counters that help and are not needed: NaN where the switch does not keep them, or they started anew. */
function optional(
  counter: Counter,
  columns: PortStatsColumns,
  port: number,
  column: CounterColumn,
  most: number,
): number {
  const row = columns.rowOf(port);
  if (row < 0) return 0;
  const step = counter.step(column, row, most);
  return step.kind === 'counted' ? step.amount : step.kind === 'first' ? 0 : Number.NaN;
}
