import type { EventHandler, EventQueue } from './event-queue.js';
import type { Flow, Packet, PacketPool, PacketSink } from './packet.js';
import { tcpFrameBytes } from './packet.js';

/** Segments that a window may span; a power of two above 6 MB / 1448 bytes. */
export const segmentRingSize = 8192;
const delayedAckSeconds = 0.04;

/** The application behind the receiver. */
export interface TcpListener {
  /** a connection request came; false refuses it */
  accept(nowSeconds: number): boolean;
  /** `totalBytes` have arrived in order since the connection was opened */
  received(totalBytes: number, nowSeconds: number): void;
  aborted(nowSeconds: number): void;
}

/**
 * The receiving half: acknowledges every second segment in order, everything out of order at once with one
 * SACK block around the segment that came last (RFC 2018 section 4: the first block).
 */
export class TcpReceiver implements PacketSink, EventHandler {
  /** next segment expected */
  next = 0;
  receivedBytes = 0;
  private readonly held = new Uint16Array(segmentRingSize);
  private readonly present = new Uint8Array(segmentRingSize);
  private heldCount = 0;
  private sackFrom = 0;
  private sackTo = 0;
  private unacknowledged = 0;
  private echoSeconds = 0;
  private ackGeneration = 0;
  private readonly events: EventQueue;
  private readonly pool: PacketPool;
  private readonly transmit: (packet: Packet, nowSeconds: number) => void;
  private readonly application: TcpListener;
  /** the flow of the acknowledgements; set when both ends exist */
  ackFlow!: Flow;
  private accepted = false;

  constructor(
    events: EventQueue,
    pool: PacketPool,
    transmit: (packet: Packet, nowSeconds: number) => void,
    application: TcpListener,
  ) {
    this.events = events;
    this.pool = pool;
    this.transmit = transmit;
    this.application = application;
  }

  arrive(packet: Packet, nowSeconds: number): void {
    if (packet.kind === 'syn') {
      this.accepted ||= this.application.accept(nowSeconds);
      this.echoSeconds = packet.sentAtSeconds;
      this.answer(this.accepted ? 'syn-ack' : 'reset', nowSeconds);
    } else if (packet.kind === 'reset') {
      const wasOpen = this.accepted;
      this.accepted = false;
      if (wasOpen) this.application.aborted(nowSeconds);
    } else if (packet.kind === 'data') {
      if (this.accepted) this.takeSegment(packet, nowSeconds);
      else this.answer('reset', nowSeconds);
    }
    this.pool.release(packet);
  }

  /** The application wants no more: whatever still comes is answered by a reset. */
  close(): void {
    this.accepted = false;
  }

  fire(nowSeconds: number, generation: number): void {
    if (generation === this.ackGeneration && this.unacknowledged > 0) this.acknowledge(nowSeconds);
  }

  private takeSegment(packet: Packet, nowSeconds: number): void {
    const segment = packet.sequence;
    if (segment === this.next && this.heldCount === 0) {
      if (this.unacknowledged === 0) this.echoSeconds = packet.sentAtSeconds;
      this.next++;
      this.receivedBytes += packet.payloadBytes;
      if (++this.unacknowledged >= 2) this.acknowledge(nowSeconds);
      else this.events.schedule(nowSeconds + delayedAckSeconds, this, ++this.ackGeneration);
      this.application.received(this.receivedBytes, nowSeconds);
      return;
    }
    this.echoSeconds = packet.sentAtSeconds;
    if (segment >= this.next) this.holdSegment(segment, packet.payloadBytes);
    const before = this.receivedBytes;
    this.advance();
    this.acknowledge(nowSeconds);
    if (this.receivedBytes > before) this.application.received(this.receivedBytes, nowSeconds);
  }

  private holdSegment(segment: number, payloadBytes: number): void {
    const slot = segment & (segmentRingSize - 1);
    if (this.present[slot] === 0) {
      this.present[slot] = 1;
      this.held[slot] = payloadBytes;
      this.heldCount++;
    }
    if (segment === this.sackTo && this.sackFrom < this.sackTo) this.sackTo++;
    else {
      this.sackFrom = segment;
      this.sackTo = segment + 1;
    }
  }

  private advance(): void {
    for (;;) {
      const slot = this.next & (segmentRingSize - 1);
      if (this.present[slot] === 0) break;
      this.present[slot] = 0;
      this.heldCount--;
      this.receivedBytes += this.held[slot]!;
      this.next++;
    }
    if (this.sackTo <= this.next) this.sackFrom = this.sackTo = this.next;
    else if (this.sackFrom < this.next) this.sackFrom = this.next;
  }

  private acknowledge(nowSeconds: number): void {
    this.unacknowledged = 0;
    this.ackGeneration++;
    this.answer('ack', nowSeconds);
  }

  private answer(kind: 'ack' | 'syn-ack' | 'reset', nowSeconds: number): void {
    const packet = this.pool.take(this.ackFlow, tcpFrameBytes(0));
    packet.kind = kind;
    packet.ackNext = this.next;
    packet.sackFrom = this.sackFrom;
    packet.sackTo = this.sackTo;
    packet.echoSeconds = this.echoSeconds;
    packet.sentAtSeconds = nowSeconds;
    this.transmit(packet, nowSeconds);
  }
}
