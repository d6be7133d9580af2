import {
  nullPid,
  ptsHz,
  ptsModulus,
  readTsPacket,
  type TsPacket,
  tsPacketBytes,
} from './transport-stream.js';

/** What somebody who watches a clip sees of the network. */
export interface ClipReport {
  readonly packets: number;
  /** places at which a continuity counter is not the next one */
  readonly continuityErrors: number;
  /** packets that are missing at those places, at least: a counter tells no more than the rest modulo 16 */
  readonly missingPackets: number;
  readonly frames: number;
  /** frames of which some packet is missing, and frames that did not come at all */
  readonly damagedFrames: number;
  readonly stalls: number;
  readonly stallSeconds: number;
  /** longest time without any packet */
  readonly longestSilenceSeconds: number;
  /** what was in the play-out buffer when it was emptiest, seconds of clip; 0: the picture stood still */
  readonly leastBufferSeconds: number;
}

/**
 * Plays a clip without showing it. The player begins `bufferSeconds` after the first frame is complete and shows each frame
 * at its time. When the next one is not complete the picture stands still until it is, and then for `bufferSeconds`
 * more, as at the beginning: a player fills its buffer again. A frame that is damaged is shown all the same, with what there
 * is of it. Frames are expected in the order in which they are shown (no B-frames).
 */
export class ClipJudge {
  readonly #bufferSeconds: number;
  readonly #counters = new Map<number, number>();
  #packets = 0;
  #continuityErrors = 0;
  #missingPackets = 0;
  #frames = 0;
  #damagedFrames = 0;
  #stalls = 0;
  #stallSeconds = 0;
  #longestSilence = 0;
  #leastBuffer: number;
  #lastAt: number | undefined;
  /** the frame that is coming in */
  #frame: { readonly pid: number; readonly pts: number; damaged: boolean; lastAt: number } | undefined;
  /** time at which the frame with `pts` is shown */
  #shown: { readonly pts: number; readonly atSeconds: number } | undefined;
  /** the least distance of two frames is one frame's time */
  #frameTicks = Number.POSITIVE_INFINITY;

  constructor(bufferSeconds = 2) {
    this.#bufferSeconds = bufferSeconds;
    this.#leastBuffer = bufferSeconds;
  }

  /** @param atSeconds when the datagram came in; one clock for all */
  push(datagram: Uint8Array, atSeconds: number): void {
    if (this.#lastAt !== undefined)
      this.#longestSilence = Math.max(this.#longestSilence, atSeconds - this.#lastAt);
    this.#lastAt = atSeconds;
    for (let at = 0; at < datagram.length; at += tsPacketBytes) {
      const packet = readTsPacket(datagram, at);
      if (packet === undefined) return;
      this.#packets++;
      if (packet.pid !== nullPid) this.#take(packet, atSeconds);
    }
  }

  /** As far as it has come: the frame that is still coming in is not judged yet. */
  report(): ClipReport {
    return {
      packets: this.#packets,
      continuityErrors: this.#continuityErrors,
      missingPackets: this.#missingPackets,
      frames: this.#frames,
      damagedFrames: this.#damagedFrames,
      stalls: this.#stalls,
      stallSeconds: this.#stallSeconds,
      longestSilenceSeconds: this.#longestSilence,
      leastBufferSeconds: this.#leastBuffer,
    };
  }

  #take(packet: TsPacket, atSeconds: number): void {
    const missing = this.#missingBefore(packet);
    if (missing > 0) {
      this.#continuityErrors++;
      this.#missingPackets += missing;
      // What is missing may belong to the frame before, to this one, or be a frame of its own.
      if (this.#frame?.pid === packet.pid) this.#frame.damaged = true;
    }
    if (packet.framePts !== undefined) {
      this.#complete();
      this.#frame = { pid: packet.pid, pts: packet.framePts, damaged: false, lastAt: atSeconds };
    } else if (packet.pid === this.#frame?.pid && packet.hasPayload) this.#frame.lastAt = atSeconds;
  }

  /** A packet may come twice (2.4.3.3); without payload it repeats the counter. */
  #missingBefore({ pid, continuityCounter, hasPayload }: TsPacket): number {
    const before = this.#counters.get(pid);
    this.#counters.set(pid, continuityCounter);
    if (before === undefined || before === continuityCounter) return 0;
    return (continuityCounter - before - (hasPayload ? 1 : 0)) & 15;
  }

  /** A frame is known to be complete when the next one begins; it was with its last packet. */
  #complete(): void {
    const frame = this.#frame;
    if (frame === undefined) return;
    this.#frames++;
    if (frame.damaged) this.#damagedFrames++;
    const before = this.#shown;
    if (before === undefined) {
      this.#shown = { pts: frame.pts, atSeconds: frame.lastAt + this.#bufferSeconds };
      return;
    }
    const ticks = (frame.pts - before.pts + ptsModulus) % ptsModulus;
    this.#frameTicks = Math.min(this.#frameTicks, ticks);
    this.#damagedFrames += Math.round(ticks / this.#frameTicks) - 1;
    const due = before.atSeconds + ticks / ptsHz;
    let atSeconds = due;
    if (frame.lastAt > due) {
      this.#stalls++;
      atSeconds = frame.lastAt + this.#bufferSeconds;
      this.#stallSeconds += atSeconds - due;
    }
    this.#leastBuffer = Math.min(this.#leastBuffer, Math.max(0, due - frame.lastAt));
    this.#shown = { pts: frame.pts, atSeconds };
  }
}
