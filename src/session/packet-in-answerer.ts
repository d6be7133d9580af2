import type { SlabWriter } from '../openflow/index.js';
import type { InstantSeconds } from './limits.js';

/** How many transaction ids one packet-in may use. */
export const answerXids = 3;

/** Answers packet-ins at the place where they lie in the chunk that came: nothing is decoded on this path. */
export interface PacketInAnswerer {
  /**
   * Appends the answer to `out`: at most `answerXids` whole messages, with transaction ids from `xid` on. The version
   * stands in the message's header.
   * @returns false if these bytes are no packet-in that can be understood: then they are decoded, and judged, as usual
   */
  packetIn(
    bytes: Uint8Array,
    offset: number,
    length: number,
    xid: number,
    out: SlabWriter,
    now: InstantSeconds,
  ): boolean;
}
