import {
  applyActions,
  encodeMessage,
  flowMod,
  type Message,
  match,
  OFP_NO_BUFFER,
  OFPFC_DELETE,
  output,
  packetOut,
  SlabWriter,
  toController,
} from '../openflow/index.js';

/**
 * The messages of a learning switch in one version's bytes, each encoded once by the codec. An answer is a copy of one
 * with a few fields overwritten, at the places named here; the tests decode the result and so hold the places.
 */
export interface AnswerForm {
  /** frames of one source, destination and port leave by a port */
  readonly forward: Uint8Array;
  /** the same, dropped: the destination is where the frame came from */
  readonly drop: Uint8Array;
  /** forgets the flows towards an address that has moved */
  readonly forget: Uint8Array;
  /** sends one frame; its data follow */
  readonly packetOut: Uint8Array;
  /** the same without an action: a switch that holds the frame lets go of it */
  readonly release: Uint8Array;
  /** ports are 2 bytes in 1.0, 4 bytes later; only the low bytes are written, so a place is where they start */
  readonly portBytes: 2 | 4;
  readonly floodPort: number;
  readonly flow: {
    readonly buffer: number;
    readonly inPort: number;
    readonly destination: number;
    readonly source: number;
    readonly outPort: number;
  };
  readonly forgetDestination: number;
  readonly packet: { readonly buffer: number; readonly inPort: number; readonly outPort: number };
}

/** Marks the flows as ours: the owner of all rules of this controller, and nothing of a migration. */
export const learningCookie = 0x5354_0000_0000_00ffn;
const cookieMask = 0xffff_ffff_ffff_ffffn;
export const learningPriority = 1;

/**
 * What a switch of 1.3 and later needs first: it drops what no flow matches, unless told to send it here. 128 bytes of
 * a frame do where the switch keeps it; one that does not sends all of it.
 */
export const tableMissFlow = {
  ...flowMod({ cookie: learningCookie, priority: 0, instructions: [applyActions(toController(128))] }),
} as const;

const encoded = (message: Message, version: number): Uint8Array => {
  const writer = new SlabWriter(128);
  encodeMessage(message, writer, version);
  return writer.finish();
};

/** OpenFlow 1.3.5: `in_port` (8 bytes), `eth_dst` and `eth_src` (10 each) behind the four bytes of the match. */
export function answerForm13(idleSeconds: number): AnswerForm {
  const frame = match({ in_port: 0, eth_dst: '00:00:00:00:00:00', eth_src: '00:00:00:00:00:00' });
  const flow = {
    cookie: learningCookie,
    priority: learningPriority,
    idle_timeout: idleSeconds,
    match: frame,
    buffer_id: OFP_NO_BUFFER,
  };
  const nothing = new Uint8Array(0);
  return {
    forward: encoded(flowMod({ ...flow, instructions: [applyActions(output(0))] }), 4),
    drop: encoded(flowMod(flow), 4),
    forget: encoded(
      flowMod({
        command: OFPFC_DELETE,
        cookie: learningCookie,
        cookie_mask: cookieMask,
        match: match({ eth_dst: '00:00:00:00:00:00' }),
      }),
      4,
    ),
    packetOut: encoded(packetOut(nothing, [output(0)]), 4),
    release: encoded(packetOut(nothing, []), 4),
    portBytes: 4,
    floodPort: 0xffff_fffb,
    flow: { buffer: 32, inPort: 56, destination: 64, source: 74, outPort: 92 },
    forgetDestination: 56,
    packet: { buffer: 8, inPort: 12, outPort: 28 },
  };
}
