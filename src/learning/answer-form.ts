import {
  type AnyMessage,
  applyActions,
  encodeMessage,
  type FlowMod10,
  flowMod,
  type Match10,
  match,
  OFP_NO_BUFFER,
  OFPFC_ADD,
  OFPFC_DELETE,
  output,
  type PacketOut10,
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

const encoded = (message: AnyMessage, version: number): Uint8Array => {
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

const wildcards10 = { inPort: 1 << 0, dlSrc: 1 << 2, dlDst: 1 << 3, all: 0x003f_ffff } as const;
const noPort10 = 0xffff;

/** OpenFlow 1.0.0: the match has a fixed form, and there is neither a cookie to delete by nor an instruction. */
export function answerForm10(idleSeconds: number): AnswerForm {
  const address = new Uint8Array(6);
  const wildcard = (but: number): Match10 => ({
    wildcards: wildcards10.all & ~but,
    in_port: 0,
    dl_src: address,
    dl_dst: address,
    dl_vlan: 0,
    dl_vlan_pcp: 0,
    dl_type: 0,
    nw_tos: 0,
    nw_proto: 0,
    nw_src: 0,
    nw_dst: 0,
    tp_src: 0,
    tp_dst: 0,
  });
  const flow: FlowMod10 = {
    type: 'flow_mod',
    xid: 0,
    match: wildcard(wildcards10.inPort | wildcards10.dlSrc | wildcards10.dlDst),
    cookie: learningCookie,
    command: OFPFC_ADD,
    idle_timeout: idleSeconds,
    hard_timeout: 0,
    priority: learningPriority,
    buffer_id: OFP_NO_BUFFER,
    out_port: noPort10,
    flags: 0,
    actions: [],
  };
  const packet: PacketOut10 = {
    type: 'packet_out',
    xid: 0,
    buffer_id: OFP_NO_BUFFER,
    in_port: 0,
    actions: [],
    data: new Uint8Array(0),
  };
  const actions = [output(0)];
  return {
    forward: encoded({ ...flow, actions }, 1),
    drop: encoded(flow, 1),
    forget: encoded({ ...flow, command: OFPFC_DELETE, match: wildcard(wildcards10.dlDst) }, 1),
    packetOut: encoded({ ...packet, actions }, 1),
    release: encoded(packet, 1),
    portBytes: 2,
    floodPort: 0xfffb,
    flow: { buffer: 64, inPort: 12, destination: 20, source: 14, outPort: 76 },
    forgetDestination: 20,
    packet: { buffer: 8, inPort: 12, outPort: 20 },
  };
}
