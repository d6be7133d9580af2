import type { EventHandler, EventQueue } from './event-queue.js';
import { type Flow, type Packet, type PacketPool, type PacketSink, udpFrameBytes } from './packet.js';
import { StreamRecord } from './stream-record.js';

const periodSeconds = 0.02;
const probePayloadBytes = 56;

/**
 * Asks a machine fifty times a second whether it is there, as ping does, and records the answers: the outage
 * that users see during a migration. The recorded delay is the round trip.
 */
export class VmProbe implements EventHandler {
  readonly record: StreamRecord;
  /** set when both flows exist */
  requestFlow!: Flow;
  replyFlow!: Flow;
  readonly atVm: PacketSink;
  readonly atUser: PacketSink;
  /** longest time without an answer, seconds, and when it began */
  longestGapSeconds = 0;
  longestGapAtSeconds = 0;
  private lastAnswerSeconds = Number.NaN;
  private running = false;
  private readonly events: EventQueue;
  private readonly pool: PacketPool;
  private readonly transmit: (packet: Packet, nowSeconds: number) => void;

  constructor(
    name: string,
    events: EventQueue,
    pool: PacketPool,
    transmit: (packet: Packet, nowSeconds: number) => void,
    transmitFromVm: (packet: Packet, nowSeconds: number) => void,
  ) {
    this.record = new StreamRecord(name);
    this.events = events;
    this.pool = pool;
    this.transmit = transmit;
    this.atVm = {
      arrive: (packet, now) => {
        const { sequence, frameBytes } = packet;
        pool.release(packet);
        const reply = pool.take(this.replyFlow, frameBytes);
        reply.sequence = sequence;
        transmitFromVm(reply, now);
      },
    };
    this.atUser = {
      arrive: (packet, now) => {
        this.record.onReceived(packet.sequence, now);
        pool.release(packet);
        const gap = now - this.lastAnswerSeconds;
        if (gap > this.longestGapSeconds) {
          this.longestGapSeconds = gap;
          this.longestGapAtSeconds = this.lastAnswerSeconds;
        }
        this.lastAnswerSeconds = now;
      },
    };
  }

  start(nowSeconds: number): void {
    if (this.running) return;
    this.running = true;
    this.events.schedule(nowSeconds, this);
  }

  fire(nowSeconds: number): void {
    const packet = this.pool.take(this.requestFlow, udpFrameBytes(probePayloadBytes));
    packet.sequence = this.record.onSent(nowSeconds, packet.frameBytes);
    this.transmit(packet, nowSeconds);
    this.events.schedule(nowSeconds + periodSeconds, this);
  }
}
