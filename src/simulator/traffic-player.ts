import { type TraceInterval, TraceSource, type TrafficSpec } from '../traffic/index.js';
import type { EventHandler, EventQueue } from './event-queue.js';
import type { Flow, Packet, PacketPool, PacketSink } from './packet.js';
import { StreamRecord } from './stream-record.js';

/** Plays one stream of a seeded load into the network and records what arrives. */
export class TrafficPlayer implements EventHandler, PacketSink {
  readonly record: StreamRecord;
  /** set when the host that sends is known */
  flow!: Flow;
  private readonly source: TraceSource;
  private interval: TraceInterval | undefined;
  private index = 0;
  private startedAtSeconds = 0;
  private playing = false;
  private readonly events: EventQueue;
  private readonly pool: PacketPool;
  private readonly transmit: (packet: Packet, nowSeconds: number) => void;

  constructor(
    spec: TrafficSpec,
    seed: number,
    events: EventQueue,
    pool: PacketPool,
    transmit: (packet: Packet, nowSeconds: number) => void,
  ) {
    this.record = new StreamRecord(spec.name);
    this.source = new TraceSource(spec, seed);
    this.events = events;
    this.pool = pool;
    this.transmit = transmit;
  }

  /** The load's instant 0 is `nowSeconds`. A second start does nothing. */
  start(nowSeconds: number): void {
    if (this.playing) return;
    this.playing = true;
    this.startedAtSeconds = nowSeconds;
    this.interval = this.source.next();
    this.index = 0;
    this.scheduleNext();
  }

  /** Sends every packet of this instant, then waits for the next. */
  fire(nowSeconds: number): void {
    for (;;) {
      const interval = this.interval!;
      if (this.index < interval.atSeconds.length) {
        if (this.startedAtSeconds + interval.atSeconds[this.index]! > nowSeconds) break;
        this.sendOne(interval.bytes[this.index++]!, nowSeconds);
      } else {
        // An interval is fetched only when its time has come: an endless load must not be computed ahead.
        if (this.startedAtSeconds + interval.endSeconds > nowSeconds) break;
        this.interval = this.source.next();
        this.index = 0;
      }
    }
    this.scheduleNext();
  }

  arrive(packet: Packet, nowSeconds: number): void {
    this.record.onReceived(packet.sequence, nowSeconds);
    this.pool.release(packet);
  }

  private sendOne(frameBytes: number, nowSeconds: number): void {
    const packet = this.pool.take(this.flow, frameBytes);
    packet.sequence = this.record.onSent(nowSeconds, frameBytes);
    packet.sentAtSeconds = nowSeconds;
    this.transmit(packet, nowSeconds);
  }

  private scheduleNext(): void {
    const interval = this.interval!;
    const due =
      this.index < interval.atSeconds.length ? interval.atSeconds[this.index]! : interval.endSeconds;
    this.events.schedule(Math.max(this.events.now, this.startedAtSeconds + due), this);
  }
}
