/** One conversation with one switch, sans-I/O: the caller owns the socket and the clock. */
export { type AsyncInterest, portStatusOnly } from './async-interest.js';
export * from './event.js';
export { type Reaction, reactionTo, type SessionState } from './handshake.js';
export { defaultLimits, type InstantSeconds, type SessionLimits } from './limits.js';
export type { Outgoing } from './outbox.js';
export type { PacketInAnswerer } from './packet-in-answerer.js';
export { isStale, type Role, RoleClaim, type RoleNews } from './role-claim.js';
export { Session, type SessionCounters, type SessionOptions } from './session.js';
