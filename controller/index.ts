export * from './admission.js';
export { BacklogEstimator, type BacklogEstimatorConfig } from './backlog-estimator.js';
export { NoControlPolicy, StaticCapPolicy, uncontrolledRate } from './baseline-policies.js';
export {
  CertificateLedger,
  type RealQueueLight,
  type SlotCertificate,
  type SlotVerdict,
} from './certificate.js';
export { createPolicy, policyNames } from './create-policy.js';
export { ErrorWindow } from './error-window.js';
export { CrossTrafficForecast } from './forecast.js';
export * from './loop-delay.js';
export { defaultPolicyConfig, LyapunovPolicy } from './lyapunov-controller.js';
export * from './policy.js';
export { PolicyConfigError } from './policy-config-error.js';
export * from './precopy.js';
export * from './rate-law.js';
export { rivalDefaults, rivalGrids, rivalNames } from './rivals/create-rival.js';
export type { FutureCross } from './rivals/oracle.js';
export type { RivalName, RivalSettings, RivalTuning } from './rivals/rival-settings.js';
export * from './sample.js';
export * from './units.js';
