import {
  type BottleneckSample,
  type Bytes,
  bytes,
  instant,
  type Seconds,
  seconds,
} from '../../controller/index.js';
import type { CounterColumn, PortStatsColumns, QueueStatsColumns } from '../openflow/index.js';

/** Which counters of one switch describe one queue. */
export interface BottleneckPorts {
  readonly egressPort: number;
  /** ports where migration traffic comes in */
  readonly ownPorts: readonly number[];
}
/** A sample with what telemetry knows besides. */
export interface Observation extends BottleneckSample {
  /** of `arrivedBytes`, what came in by the ports of hypervisors */
  readonly ownBytes: Bytes;
  readonly roundTripSeconds: Seconds;
}

/** Longer ago than this, and the last reading says nothing about now. */
const longestIntervalSeconds = 5;
/** A reply this much later than the quickest (in slots) was read at no time that is known well enough. */
const lateSlots = 0.5;
/** The quickest round trip is forgotten slowly, so that a path that became longer is believed in the end. */
const forgetting = 1.001;
/** Drops are counted in packets; the queue's mean packet is not known, a full frame errs on the safe side. */
const droppedPacketBytes = 1514;

interface Reading {
  readonly at: number;
  readonly uncertainty: number;
  /** sums over ports; differences of them stay exact below 2^53 */
  readonly arrived: number;
  readonly own: number;
  readonly departed: number;
  readonly droppedPackets: number | undefined;
  readonly ports: number;
  /** every counter that went into the sums, to see a reset that the sums would hide */
  readonly counters: Float64Array;
}

/**
 * Counters of a switch to what passed one of its queues. Arrivals are what came in anywhere and went out
 * nowhere else: conservation over the whole switch, so local and transit traffic need no special case.
 * One statistics reply is one reading: its counters belong together.
 */
export class BottleneckSampler {
  readonly #spec: BottleneckPorts;
  readonly #slotSeconds: number;
  #last: Reading | undefined;
  #quickest = Number.POSITIVE_INFINITY;
  /** readings that could not be used, by reason */
  readonly counters = { first: 0, reset: 0, missing: 0, late: 0, used: 0 };

  constructor(spec: BottleneckPorts, slotSeconds: Seconds) {
    this.#spec = spec;
    this.#slotSeconds = slotSeconds;
  }

  /**
   * One complete reply. `queues`: the egress port's queues as of the same turn, undefined if the switch has none.
   * @returns undefined when there is nothing to compare with yet
   */
  onCounters(
    ports: PortStatsColumns,
    queues: QueueStatsColumns | undefined,
    sentAt: number,
    receivedAt: number,
  ): Observation | undefined {
    const roundTrip = Math.max(0, receivedAt - sentAt);
    this.#quickest = Math.min(this.#quickest * forgetting, roundTrip);
    const unexplained = roundTrip - this.#quickest;
    const reading = this.#read(ports, queues, (sentAt + receivedAt) / 2, unexplained / 2);
    if (reading === undefined) {
      this.counters.missing += 1;
      this.#last = undefined;
      return undefined;
    }
    const last = this.#last;
    this.#last = reading;
    if (last === undefined) {
      this.counters.first += 1;
      return undefined;
    }
    const interval = reading.at - last.at;
    const late = unexplained > lateSlots * this.#slotSeconds;
    if (interval <= 0 || interval > longestIntervalSeconds || isReset(last, reading)) {
      this.counters.reset += 1;
      return observation(
        reading,
        Math.max(interval, this.#slotSeconds),
        roundTrip,
        { late, gap: true },
        nothing,
      );
    }
    if (late) this.counters.late += 1;
    else this.counters.used += 1;
    const dropped =
      reading.droppedPackets === undefined || last.droppedPackets === undefined
        ? 0
        : reading.droppedPackets - last.droppedPackets;
    return observation(
      reading,
      interval,
      roundTrip,
      { late, gap: false },
      {
        arrived: reading.arrived - last.arrived,
        own: reading.own - last.own,
        departed: reading.departed - last.departed,
        dropped: dropped * droppedPacketBytes,
      },
    );
  }

  #read(
    ports: PortStatsColumns,
    queues: QueueStatsColumns | undefined,
    at: number,
    uncertainty: number,
  ): Reading | undefined {
    const egress = ports.rowOf(this.#spec.egressPort);
    if (egress < 0 || !ports.txBytes.supported(egress)) return undefined;
    const counters = new Float64Array(2 * ports.count);
    let arrived = 0;
    let own = 0;
    for (let row = 0; row < ports.count; row += 1) {
      const received = countOf(ports.rxBytes, row);
      const sent = countOf(ports.txBytes, row);
      counters[2 * row] = received;
      counters[2 * row + 1] = sent;
      arrived += received;
      if (row !== egress) arrived -= sent;
      if (this.#spec.ownPorts.includes(ports.portNo[row]!)) own += received;
    }
    return {
      at,
      uncertainty,
      arrived,
      own,
      departed: ports.txBytes.number(egress),
      droppedPackets: queues === undefined ? undefined : this.#dropped(queues),
      ports: ports.count,
      counters,
    };
  }

  #dropped(queues: QueueStatsColumns): number {
    let dropped = 0;
    for (let row = 0; row < queues.count; row += 1)
      if (queues.portNo[row] === this.#spec.egressPort) dropped += countOf(queues.txErrors, row);
    return dropped;
  }
}

const nothing = { arrived: 0, own: 0, departed: 0, dropped: 0 };

/** All bits set: the switch does not count this. It then adds nothing. */
const countOf = (column: CounterColumn, row: number): number =>
  column.supported(row) ? column.number(row) : 0;

/** A port that came or went, or a counter that fell: it was cleared, or wrapped, which at 2^64 bytes is the same to us. */
function isReset(last: Reading, reading: Reading): boolean {
  if (last.ports !== reading.ports) return true;
  for (let i = 0; i < reading.counters.length; i += 1)
    if (reading.counters[i]! < last.counters[i]!) return true;
  return (reading.droppedPackets ?? 0) < (last.droppedPackets ?? 0);
}

function observation(
  reading: Reading,
  interval: number,
  roundTrip: number,
  flags: { readonly late: boolean; readonly gap: boolean },
  amounts: typeof nothing,
): Observation {
  return {
    at: instant(reading.at),
    intervalSeconds: seconds(interval),
    arrivedBytes: bytes(amounts.arrived),
    ownBytes: bytes(amounts.own),
    departedBytes: bytes(amounts.departed),
    droppedBytes: bytes(amounts.dropped),
    timeUncertaintySeconds: seconds(reading.uncertainty),
    roundTripSeconds: seconds(roundTrip),
    ...flags,
  };
}
