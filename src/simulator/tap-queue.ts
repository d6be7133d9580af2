import type { Packet } from './packet.js';

/** What Linux keeps for a TAP device whose reader does not read, packets (the default `txqueuelen` of tun.c). */
export const tapQueuePackets = 1000;

/**
 * The queue between a switch and a machine that stands still: packets wait in it, oldest first, until the machine goes on.
 * What does not fit is refused and counted.
 */
export class TapQueue {
  /** packets that had to wait since it was made, and those that found no room */
  waited = 0;
  refused = 0;
  #packets: Packet[] = [];

  /** False: it is full, and the packet is still the caller's. */
  hold(packet: Packet): boolean {
    if (this.#packets.length >= tapQueuePackets) {
      this.refused++;
      return false;
    }
    this.waited++;
    this.#packets.push(packet);
    return true;
  }

  /** Everything that waits, oldest first; the queue is empty afterwards. */
  empty(): Packet[] {
    const packets = this.#packets;
    this.#packets = [];
    return packets;
  }
}
