import type { EventHandler, EventQueue } from './event-queue.js';
import type { Packet } from './packet.js';
import { createDiscipline, type DisciplineName, type QueueDiscipline } from './queue-discipline.js';
import type { Wire } from './wire.js';

/** One class of a port's queueing discipline, as linux-htb has it under Open vSwitch. */
export interface QueueSpec {
  readonly queueId: number;
  /** undefined: only the port's own rate limits it */
  readonly maxBitsPerSecond: number | undefined;
  readonly limitPackets: number;
  /** lower is served first; equal ones take turns */
  readonly priority: number;
  /** default `fifo` */
  readonly discipline?: DisciplineName;
}

/**
 * A class with its own rate. While it has a backlog its packets start at least `frame bits / rate` apart, so
 * its long-run rate is exact whatever the other classes do. A class that was idle starts at once.
 */
export class EgressQueue {
  readonly queueId: number;
  readonly limitPackets: number;
  readonly priority: number;
  maxBitsPerSecond: number;
  txPackets = 0;
  txBytes = 0;
  /** packets refused because the queue was full, or dropped by its discipline: what Open vSwitch calls tx_errors */
  droppedPackets = 0;
  droppedBytes = 0;
  arrivedPackets = 0;
  arrivedBytes = 0;
  /** waiting or in service */
  backlogBytes = 0;
  backlogPackets = 0;
  eligibleAtSeconds = 0;
  readonly waiting: QueueDiscipline;

  constructor(spec: QueueSpec, lose: (packet: Packet) => void) {
    this.queueId = spec.queueId;
    this.limitPackets = spec.limitPackets;
    this.priority = spec.priority;
    this.maxBitsPerSecond = spec.maxBitsPerSecond ?? Infinity;
    this.waiting = createDiscipline(spec.discipline ?? 'fifo', spec.limitPackets, (packet) => {
      this.backlogPackets--;
      this.backlogBytes -= packet.frameBytes;
      this.droppedPackets++;
      this.droppedBytes += packet.frameBytes;
      lose(packet);
    });
  }
}

const departure = -1;
/** A class that was kept waiting by the others may catch up this much, like the burst of a token bucket. */
const maximumCreditSeconds = 0.002;

/**
 * The sending side of a port: classes in front of one serialiser. A packet of n bytes occupies the serialiser
 * for exactly 8 n / rate seconds and is counted as sent when its last bit has left. A port without rate and
 * without classes passes packets on at once.
 */
export class EgressPort implements EventHandler {
  readonly queues: EgressQueue[] = [];
  private readonly byDscp = new Int16Array(64).fill(-1);
  private readonly events: EventQueue;
  private readonly wire: Wire;
  private inService: Packet | undefined;
  private serving: EgressQueue | undefined;
  private nextTurn = 0;
  private wakeAtSeconds = Infinity;
  private wakeGeneration = 0;
  rateBitsPerSecond: number | undefined;
  txPackets = 0;
  txBytes = 0;

  constructor(
    events: EventQueue,
    wire: Wire,
    rateBitsPerSecond: number | undefined,
    queues: readonly QueueSpec[],
    lose: (packet: Packet) => void,
  ) {
    if (rateBitsPerSecond !== undefined && !(rateBitsPerSecond > 0))
      throw new RangeError(`a port cannot have the rate ${rateBitsPerSecond} bit/s: give more than 0`);
    if (rateBitsPerSecond === undefined && queues.length > 0)
      throw new RangeError('queues need a port rate: give the port a capacity');
    this.events = events;
    this.wire = wire;
    this.rateBitsPerSecond = rateBitsPerSecond;
    if (rateBitsPerSecond !== undefined)
      for (const spec of queues.length > 0
        ? queues
        : [{ queueId: 0, maxBitsPerSecond: undefined, limitPackets: 1000, priority: 0 }])
        this.queues.push(new EgressQueue(spec, lose));
  }

  /** Packets with this code point go to this queue whatever set_queue said (a u32 filter on the HTB root). */
  classify(dscp: number, queueId: number): void {
    const index = this.queues.findIndex((q) => q.queueId === queueId);
    if (index < 0) throw new RangeError(`there is no queue ${queueId} on this port to classify into`);
    this.byDscp[dscp] = index;
  }

  queue(queueId: number): EgressQueue | undefined {
    return this.queues.find((q) => q.queueId === queueId);
  }

  backlogBytes(): number {
    let sum = 0;
    for (const queue of this.queues) sum += queue.backlogBytes;
    return sum;
  }

  send(packet: Packet, nowSeconds: number): void {
    if (this.rateBitsPerSecond === undefined) {
      this.txPackets++;
      this.txBytes += packet.frameBytes;
      this.wire.send(packet, nowSeconds);
      return;
    }
    const queue = this.queueOf(packet);
    queue.arrivedPackets++;
    queue.arrivedBytes += packet.frameBytes;
    if (queue.waiting.length === 0 && queue.eligibleAtSeconds < nowSeconds)
      queue.eligibleAtSeconds = nowSeconds;
    queue.backlogPackets++;
    queue.backlogBytes += packet.frameBytes;
    queue.waiting.push(packet, nowSeconds);
    if (this.inService === undefined) this.serveNext(nowSeconds);
  }

  /**
   * Changes a class's rate. Credit already earned towards the next packet is kept: what was left to wait
   * shrinks or grows with the ratio of the rates.
   * @throws RangeError for an unknown queue or a rate that is not positive
   */
  setMaxRate(queueId: number, maxBitsPerSecond: number, nowSeconds: number): void {
    const queue = this.queue(queueId);
    if (queue === undefined) throw new RangeError(`there is no queue ${queueId} on this port`);
    if (!(maxBitsPerSecond > 0)) throw new RangeError(`max-rate must be positive, not ${maxBitsPerSecond}`);
    const left = queue.eligibleAtSeconds - nowSeconds;
    if (left > 0 && Number.isFinite(queue.maxBitsPerSecond))
      queue.eligibleAtSeconds = nowSeconds + (left * queue.maxBitsPerSecond) / maxBitsPerSecond;
    queue.maxBitsPerSecond = maxBitsPerSecond;
    if (this.inService === undefined) this.serveNext(nowSeconds);
  }

  /**
   * The serialiser itself becomes faster or slower, unannounced; the packet in service leaves as it began.
   * @throws RangeError for a rate that is not positive, or a port that has none
   */
  setRate(bitsPerSecond: number): void {
    if (this.rateBitsPerSecond === undefined) throw new RangeError('this port has no rate to change');
    if (!(bitsPerSecond > 0)) throw new RangeError(`a rate must be positive, not ${bitsPerSecond}`);
    this.rateBitsPerSecond = bitsPerSecond;
  }

  fire(nowSeconds: number, argument: number): void {
    if (argument !== departure) {
      if (argument !== this.wakeGeneration) return;
      this.wakeAtSeconds = Infinity;
      if (this.inService === undefined) this.serveNext(nowSeconds);
      return;
    }
    const packet = this.inService!;
    const queue = this.serving!;
    this.inService = undefined;
    this.serving = undefined;
    queue.backlogPackets--;
    queue.backlogBytes -= packet.frameBytes;
    queue.txPackets++;
    queue.txBytes += packet.frameBytes;
    this.txPackets++;
    this.txBytes += packet.frameBytes;
    this.serveNext(nowSeconds);
    this.wire.send(packet, nowSeconds);
  }

  private queueOf(packet: Packet): EgressQueue {
    const queues = this.queues;
    if (queues.length === 1) return queues[0]!;
    const byDscp = this.byDscp[packet.dscp]!;
    if (byDscp >= 0) return queues[byDscp]!;
    for (const queue of queues) if (queue.queueId === packet.queueId) return queue;
    return queues[0]!;
  }

  private serveNext(nowSeconds: number): void {
    const { queues } = this;
    const chosen = this.nextQueue(nowSeconds);
    const packet = chosen?.waiting.shift(nowSeconds);
    if (chosen === undefined || packet === undefined) return;
    this.nextTurn = (queues.indexOf(chosen) + 1) % queues.length;
    const frameBits = packet.frameBytes * 8;
    if (chosen.eligibleAtSeconds < nowSeconds - maximumCreditSeconds)
      chosen.eligibleAtSeconds = nowSeconds - maximumCreditSeconds;
    chosen.eligibleAtSeconds += frameBits / chosen.maxBitsPerSecond;
    this.inService = packet;
    this.serving = chosen;
    this.events.schedule(nowSeconds + frameBits / this.rateBitsPerSecond!, this, departure);
  }

  /** The class whose turn it is; when all that have packets must wait, the port wakes for the first of them. */
  private nextQueue(nowSeconds: number): EgressQueue | undefined {
    const { queues } = this;
    let chosen: EgressQueue | undefined;
    let earliest = Infinity;
    for (let i = 0; i < queues.length; i++) {
      const queue = queues[(this.nextTurn + i) % queues.length]!;
      if (queue.waiting.length === 0) continue;
      if (queue.eligibleAtSeconds > nowSeconds) {
        if (queue.eligibleAtSeconds < earliest) earliest = queue.eligibleAtSeconds;
      } else if (chosen === undefined || queue.priority < chosen.priority) chosen = queue;
    }
    if (chosen === undefined && earliest < Infinity) this.wake(earliest);
    return chosen;
  }

  private wake(atSeconds: number): void {
    if (this.wakeAtSeconds === atSeconds) return;
    this.wakeAtSeconds = atSeconds;
    this.wakeGeneration++;
    this.events.schedule(atSeconds, this, this.wakeGeneration);
  }
}
