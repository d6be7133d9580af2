export * from './admission.js';
export { BacklogEstimator, type BacklogEstimatorConfig } from './backlog-estimator.js';
export { NoControlPolicy, StaticCapPolicy, uncontrolledRate } from './baseline-policies.js';
export {
  CertificateLedger,
  type RealQueueLight,
  type SlotCertificate,
  type SlotVerdict,
} from './certificate.js';
export * from './circuit-policy.js';
export { createPolicy, PolicyConfigError, policyNames } from './create-policy.js';
export { CrossTrafficQuantile } from './cross-quantile.js';
export * from './cut-over-gate.js';
export * from './deadline-debt.js';
export { ErrorWindow } from './error-window.js';
export { CrossTrafficForecast } from './forecast.js';
export * from './loop-delay.js';
export { defaultPolicyConfig, LyapunovPolicy } from './lyapunov-controller.js';
export { PercentileBill } from './percentile-bill.js';
export * from './policy.js';
export * from './precopy.js';
export * from './rate-law.js';
export * from './rate-split.js';
export * from './sample.js';
export * from './units.js';
export * from './vm-phase.js';
