import { OFP_NO_BUFFER, OFPP_CONTROLLER } from '../openflow/constants.js';
import type { Message } from '../openflow/index.js';

/** A packet that a rule of ours handed to the controller. */
export type PacketIn = Extract<Message, { type: 'packet_in' }>;

/** The port that the packet came in by; undefined: the switch does not say. */
export function inPortOf(message: PacketIn): number | undefined {
  const inPort = message.match.find((f) => f.field === 'in_port');
  return inPort !== undefined && 'value' in inPort ? Number(inPort.value) : undefined;
}

/** Sends a frame of ours out of one port, past the tables; the session numbers it. */
export const packetOut = (port: number, data: Uint8Array) =>
  ({
    type: 'packet_out',
    buffer_id: OFP_NO_BUFFER,
    in_port: OFPP_CONTROLLER,
    actions: [{ type: 'output', port, max_len: 0 }],
    data,
  }) as const;
