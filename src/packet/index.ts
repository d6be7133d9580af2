/** Headers of packets: parsed from bytes with bounds and typed errors, and built. No state, nothing of OpenFlow. */
export * from './arp.js';
export { type Addresses, internetChecksum, transportChecksum } from './checksum.js';
export * from './ethernet.js';
export * from './frame.js';
export * from './ipv4.js';
export * from './ipv6.js';
export * from './lldp.js';
export * from './neighbour.js';
export type { PacketError, Parsed } from './parsed.js';
export * from './transport.js';
