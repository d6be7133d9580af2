import type { EventHandler, EventQueue } from './event-queue.js';
import type { Packet } from './packet.js';
import { PacketRing } from './packet-ring.js';

export interface PacketReceiver {
  receive(packet: Packet, nowSeconds: number): void;
}

/**
 * One direction of a link: a propagation delay. Packets leave in the order in which they came, also when the delay
 * has become shorter meanwhile, so only the first of them has an event in the heap.
 */
export class Wire implements EventHandler {
  up = true;
  /** packets handed to a wire that was down */
  lostPackets = 0;
  private readonly ring = new PacketRing();
  private readonly events: EventQueue;
  private delaySeconds: number;
  private lastArrivesAt = 0;
  private readonly receiver: PacketReceiver;
  private readonly lose: (packet: Packet) => void;

  constructor(
    events: EventQueue,
    delaySeconds: number,
    receiver: PacketReceiver,
    lose: (packet: Packet) => void,
  ) {
    this.events = events;
    this.delaySeconds = delaySeconds;
    this.receiver = receiver;
    this.lose = lose;
  }

  get inFlight(): number {
    return this.ring.length;
  }

  /** For packets that are sent from now on. */
  setDelay(delaySeconds: number): void {
    if (!(delaySeconds >= 0)) throw new RangeError(`a delay must be 0 s or more, not ${delaySeconds}`);
    this.delaySeconds = delaySeconds;
  }

  send(packet: Packet, nowSeconds: number): void {
    if (!this.up) {
      this.lostPackets++;
      this.lose(packet);
      return;
    }
    if (this.delaySeconds === 0 && this.ring.length === 0) {
      this.receiver.receive(packet, nowSeconds);
      return;
    }
    const arrivesAt = Math.max(nowSeconds + this.delaySeconds, this.lastArrivesAt);
    this.lastArrivesAt = arrivesAt;
    this.ring.push(packet, arrivesAt);
    if (this.ring.length === 1) this.events.schedule(arrivesAt, this);
  }

  fire(nowSeconds: number): void {
    const packet = this.ring.shift();
    if (this.ring.length > 0) this.events.schedule(this.ring.headStamp(), this);
    this.receiver.receive(packet, nowSeconds);
  }
}
