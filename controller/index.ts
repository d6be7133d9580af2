export * from './admission.js';
export { BacklogEstimator, type BacklogEstimatorConfig } from './backlog-estimator.js';
export { NoControlPolicy, StaticCapPolicy, uncontrolledRate } from './baseline-policies.js';
export { CapacityEstimator } from './capacity-estimator.js';
export {
  CertificateLedger,
  type PathKnowledge,
  type SlotCertificate,
  type SlotVerdict,
} from './certificate.js';
export * from './circuit-policy.js';
export * from './class-shares.js';
export { ConvergenceRemedy, type Remedy, type RemedyInput } from './convergence-remedy.js';
export { createPolicy, policyNames } from './create-policy.js';
export { CrossTrafficQuantile } from './cross-quantile.js';
export * from './cut-over-gate.js';
export * from './deadline-debt.js';
export { DirtyRate } from './dirty-rate.js';
export { DiscountedDisturbance } from './disturbance.js';
export { ErrorWindow } from './error-window.js';
export { CrossTrafficForecast } from './forecast.js';
export { HeadRoom } from './head-room.js';
export * from './loop-delay.js';
export * from './loop-stability.js';
export { defaultPolicyConfig, LyapunovPolicy } from './lyapunov-controller.js';
export * from './neighbours.js';
export { BaseDelay } from './opaque/base-delay.js';
export { ByteCurve } from './opaque/byte-curve.js';
export {
  type EndReading,
  OpaquePathEstimator,
  type PathEstimate,
  type PathEstimatorConfig,
} from './opaque/path-estimator.js';
export { type CountedPassage, PacketOverhead } from './packet-overhead.js';
export { PercentileBill } from './percentile-bill.js';
export * from './policy.js';
export { PolicyConfigError } from './policy-config-error.js';
export * from './precopy.js';
export * from './rate-law.js';
export * from './rate-split.js';
export { type RealQueueLight, RealQueueWitness } from './real-queue.js';
export { rivalDefaults, rivalGrids, rivalNames } from './rivals/create-rival.js';
export type { FutureCross } from './rivals/oracle.js';
export type { RivalName, RivalSettings, RivalTuning } from './rivals/rival-settings.js';
export { SafeMode, type SafeReason } from './safe-mode.js';
export * from './sample.js';
export * from './units.js';
export * from './vm-phase.js';
