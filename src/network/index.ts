export * from './bottlenecks.js';
export * from './carrier.js';
export * from './cookie.js';
export type { GoalHops } from './detours.js';
export * from './diff.js';
export { flipLevels, type Way, waysTo } from './flip-order.js';
export * from './flow-entry.js';
export * from './group-table.js';
export * from './groups.js';
export * from './intents.js';
export {
  type BeaconClaim,
  beaconFrame,
  beaconNonceOf,
  hexText,
  nonceBytes,
  type SignedBeacon,
  sealBytes,
  sealedBytes,
} from './link-beacon.js';
export { matchText, type PacketFields, type Scalar } from './match.js';
export { type MtuShortage, mtuShortages, streamShortageOn } from './mtu.js';
export * from './network-map.js';
export * from './network-state.js';
export {
  livenessFrame,
  livenessNumberOf,
  livenessNumbers,
  probeFrame,
  probeNumberOf,
  probeNumbers,
} from './path-probe.js';
export { pathOf } from './path-rules.js';
export * from './paths.js';
export type { Forwarding, PacketOutput } from './pipeline.js';
export {
  ipv4Of,
  ipv6Of,
  leaseSeconds,
  macOf,
  migrationDscp,
  migrationQueue,
  priorities,
  tables,
} from './pipeline-layout.js';
export { contains, type Prefix, parsePrefix } from './prefix.js';
export * from './problems.js';
export * from './rule-index.js';
export * from './rules.js';
export { statefulFeatures } from './stateful-features.js';
export * from './table-model.js';
export { TableRoom } from './table-room.js';
export * from './topology.js';
