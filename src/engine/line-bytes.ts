import { bytes, PacketOverhead } from '../../controller/index.js';
import type { Observation } from '../telemetry/index.js';

/** By how many bytes a packet is longer behind a queue than before it, and how wrong that may be. */
export interface PacketOverheadView {
  readonly bytes: number;
  readonly uncertaintyBytes: number;
}

/** null while nothing is known */
export const overheadView = (overheadBytes: number, uncertaintyBytes: number): PacketOverheadView | null =>
  Number.isFinite(uncertaintyBytes) ? { bytes: overheadBytes, uncertaintyBytes } : null;

/** Arrivals of a port of ours as long as they are on its line: with the headers that they get or lose inside the switch. */
export class LineBytes {
  readonly #overhead = new PacketOverhead();

  get view(): PacketOverheadView | null {
    return overheadView(this.#overhead.bytesPerPacket, this.#overhead.uncertaintyBytesPerPacket);
  }

  of(observation: Observation): Observation {
    const { arrivedBytes, arrivedPackets, departedBytes, departedPackets } = observation;
    if (observation.gap) this.#overhead.restart();
    if (observation.gap || arrivedPackets === undefined || departedPackets === undefined) return observation;
    this.#overhead.observe(observation.at, { arrivedBytes, arrivedPackets, departedBytes, departedPackets });
    return {
      ...observation,
      arrivedBytes: bytes(arrivedBytes + this.#overhead.bytesPerPacket * arrivedPackets),
    };
  }

  restart(): void {
    this.#overhead.restart();
  }
}
