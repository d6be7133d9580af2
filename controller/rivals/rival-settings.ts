import type { AimdConfig } from './aimd.js';
import type { BundlerConfig } from './bundler-like.js';
import type { CakeAutorateConfig } from './cake-autorate-like.js';
import type { ClarkRampConfig } from './clark-ramp.js';
import type { DelayThrottleConfig } from './delay-throttle.js';
import type { DriftPlusPenaltyConfig } from './drift-plus-penalty.js';
import type { LedbatConfig } from './ledbat-like.js';
import type { MaxMinConfig } from './max-min.js';
import type { MpcConfig } from './mpc.js';
import type { FutureCross, OracleConfig } from './oracle.js';
import type { PiConfig } from './pi.js';

/** The tunable parameters of each rival. */
export interface RivalTuning {
  readonly 'clark-ramp': ClarkRampConfig;
  readonly aimd: AimdConfig;
  readonly pi: PiConfig;
  readonly 'max-min': MaxMinConfig;
  readonly dpp: DriftPlusPenaltyConfig;
  readonly mpc: MpcConfig;
  readonly 'ledbat-like': LedbatConfig;
  readonly 'inner-throttle': DelayThrottleConfig;
  readonly 'cap-and-throttle': DelayThrottleConfig;
  readonly 'bundler-like': BundlerConfig;
  readonly 'cake-autorate-like': CakeAutorateConfig;
  readonly oracle: OracleConfig;
}
export type RivalName = keyof RivalTuning;

export interface RivalSettings {
  readonly tuning?: { readonly [Name in RivalName]?: Partial<RivalTuning[Name]> };
  /** the oracle's knowledge; without it there is no oracle */
  readonly futureCross?: FutureCross;
}
