/** OpenFlow: bytes to typed messages and back. No sockets, no timers, no state of a switch. */
export * from './codec.js';
export * from './constants.js';
export type { DecodeError, DecodeErrorCode } from './decode-error.js';
export { EncodeError } from './encode-error.js';
export { Framer, type OnMessage } from './framer.js';
export type * from './generated/types.js';
export * from './header.js';
export { SlabWriter } from './slab-writer.js';
