/** OpenFlow: bytes to typed messages and back. No sockets, no timers, no state of a switch. */
export * from './address.js';
export * from './builders.js';
export * from './codec.js';
export * from './constants.js';
export type { DecodeError, DecodeErrorCode } from './decode-error.js';
export { decodeLine } from './decode-line.js';
export { EncodeError } from './encode-error.js';
export { type ErrorName, errorName } from './error-names.js';
export { Framer, type OnMessage } from './framer.js';
export type * from './generated/types.js';
export * from './header.js';
export { helloVersions } from './hello-versions.js';
export { fromHex, toHex } from './hex.js';
export { fromJson, type Json, toJson } from './json.js';
export { hasMore, joinMultipart } from './multipart.js';
export { matchProblems, oxmName } from './oxm-fields.js';
export { SlabWriter } from './slab-writer.js';
export * from './stats-columns.js';
