import { defaultCodel } from './codel.js';
import { FqCodel } from './fq-codel.js';
import type { Packet } from './packet.js';
import { PacketRing } from './packet-ring.js';

/**
 * `fifo`: one queue, the last packet is dropped when it is full. `fq-codel`: a queue for each flow under CoDel.
 * `cake-like`: fq-codel behind a shaper of its own (`link-queues.ts` sets its rate). Of CAKE (T. Høiland-Jørgensen,
 * D. Täht, J. Morton, "Piece of CAKE", LANMAN 2018) that leaves out: fairness between hosts (triple isolation), the
 * BLUE half of its AQM, priority tins, set-associative hashing, ACK filtering, and compensation of framing overhead.
 */
export type DisciplineName = 'fifo' | 'fq-codel' | 'cake-like';

export type DropPacket = (packet: Packet) => void;

/** What waits in one class of a port, and in which order it leaves. */
export interface QueueDiscipline {
  /** packets that wait */
  readonly length: number;
  /** Takes the packet; when there is no room, this one or another is dropped. */
  push(packet: Packet, nowSeconds: number): void;
  /** The packet to send next; undefined only when nothing was waiting: a discipline never drops its last packet. */
  shift(nowSeconds: number): Packet | undefined;
}

export class Fifo implements QueueDiscipline {
  private readonly ring = new PacketRing();
  private readonly limitPackets: number;
  private readonly drop: DropPacket;

  constructor(limitPackets: number, drop: DropPacket) {
    this.limitPackets = limitPackets;
    this.drop = drop;
  }

  get length(): number {
    return this.ring.length;
  }

  push(packet: Packet, nowSeconds: number): void {
    if (this.ring.length >= this.limitPackets) this.drop(packet);
    else this.ring.push(packet, nowSeconds);
  }

  shift(): Packet | undefined {
    return this.ring.length === 0 ? undefined : this.ring.shift();
  }
}

export function createDiscipline(
  name: DisciplineName,
  limitPackets: number,
  drop: DropPacket,
): QueueDiscipline {
  return name === 'fifo' ? new Fifo(limitPackets, drop) : new FqCodel(limitPackets, defaultCodel, drop);
}
