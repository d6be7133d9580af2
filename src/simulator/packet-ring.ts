import type { Packet } from './packet.js';

/** A first-in first-out queue of packets, each with one number beside it, that grows but never shrinks. */
export class PacketRing {
  length = 0;
  private head = 0;
  private mask = 63;
  private packets: (Packet | undefined)[] = new Array(64);
  private stamps = new Float64Array(64);

  push(packet: Packet, stamp: number): void {
    if (this.length > this.mask) this.grow();
    const tail = (this.head + this.length) & this.mask;
    this.packets[tail] = packet;
    this.stamps[tail] = stamp;
    this.length++;
  }

  /** Stamp of the packet that `shift` would give; only when length > 0. */
  headStamp(): number {
    return this.stamps[this.head]!;
  }

  /** @throws RangeError on an empty ring */
  shift(): Packet {
    const packet = this.packets[this.head];
    if (this.length === 0 || packet === undefined) throw new RangeError('the ring is empty');
    this.packets[this.head] = undefined;
    this.head = (this.head + 1) & this.mask;
    this.length--;
    return packet;
  }

  private grow(): void {
    const packets: (Packet | undefined)[] = new Array((this.mask + 1) * 2);
    const stamps = new Float64Array((this.mask + 1) * 2);
    for (let i = 0; i < this.length; i++) {
      packets[i] = this.packets[(this.head + i) & this.mask];
      stamps[i] = this.stamps[(this.head + i) & this.mask]!;
    }
    this.packets = packets;
    this.stamps = stamps;
    this.head = 0;
    this.mask = this.mask * 2 + 1;
  }
}
