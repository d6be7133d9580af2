import type { PolicyConfig, RatePolicy } from '../policy.js';
import { PolicyConfigError } from '../policy-config-error.js';
import * as aimd from './aimd.js';
import * as bundler from './bundler-like.js';
import * as autorate from './cake-autorate-like.js';
import * as clark from './clark-ramp.js';
import * as throttle from './delay-throttle.js';
import * as dpp from './drift-plus-penalty.js';
import * as ledbat from './ledbat-like.js';
import * as maxMin from './max-min.js';
import * as mpc from './mpc.js';
import * as oracle from './oracle.js';
import * as pi from './pi.js';
import type { Grid } from './rival-policy.js';
import type { RivalName, RivalTuning } from './rival-settings.js';

/** what each rival runs with unless `PolicyConfig.rivals` says otherwise */
export const rivalDefaults: RivalTuning = {
  'clark-ramp': clark.defaultClarkRamp,
  aimd: aimd.defaultAimd,
  pi: pi.defaultPi,
  'max-min': maxMin.defaultMaxMin,
  dpp: dpp.defaultDriftPlusPenalty,
  mpc: mpc.defaultMpc,
  'ledbat-like': ledbat.defaultLedbat,
  'inner-throttle': throttle.defaultInnerThrottle,
  'cap-and-throttle': throttle.defaultCapAndThrottle,
  'bundler-like': bundler.defaultBundler,
  'cake-autorate-like': autorate.defaultCakeAutorate,
  oracle: oracle.defaultOracle,
};

/** the values that each rival's parameters are tuned over */
export const rivalGrids: { readonly [Name in RivalName]: Grid<RivalTuning[Name]> } = {
  'clark-ramp': clark.grid,
  aimd: aimd.grid,
  pi: pi.grid,
  'max-min': maxMin.grid,
  dpp: dpp.grid,
  mpc: mpc.grid,
  'ledbat-like': ledbat.grid,
  'inner-throttle': throttle.innerThrottleGrid,
  'cap-and-throttle': throttle.capAndThrottleGrid,
  'bundler-like': bundler.grid,
  'cake-autorate-like': autorate.grid,
  oracle: oracle.grid,
};

type Making = {
  readonly [Name in RivalName]: (config: PolicyConfig, tuning: RivalTuning[Name]) => RatePolicy;
};
const making: Making = {
  'clark-ramp': (config, tuning) => new clark.ClarkRampPolicy(config, tuning),
  aimd: (config, tuning) => new aimd.AimdPolicy(config, tuning),
  pi: (config, tuning) => new pi.PiPolicy(config, tuning),
  'max-min': (config, tuning) => new maxMin.MaxMinPolicy(config, tuning),
  dpp: (config, tuning) => new dpp.DriftPlusPenaltyPolicy(config, tuning),
  mpc: (config, tuning) => new mpc.MpcPolicy(config, tuning),
  'ledbat-like': (config, tuning) => new ledbat.LedbatLikePolicy(config, tuning),
  'inner-throttle': (config, tuning) => new throttle.InnerThrottlePolicy(config, tuning),
  'cap-and-throttle': (config, tuning) => new throttle.CapAndThrottlePolicy(config, tuning),
  'bundler-like': (config, tuning) => new bundler.BundlerLikePolicy(config, tuning),
  'cake-autorate-like': (config, tuning) => new autorate.CakeAutorateLikePolicy(config, tuning),
  oracle: (config, tuning) => {
    const future = config.rivals?.futureCross;
    if (future === undefined)
      throw new PolicyConfigError('futureCross', 'must be given: the oracle knows it');
    return new oracle.OraclePolicy(config, tuning, future);
  },
};

/** the rivals that settings alone can make: all but the oracle */
export const rivalNames: readonly RivalName[] = (Object.keys(making) as RivalName[]).filter(
  (name) => name !== 'oracle',
);

/** A fresh rival. Throws PolicyConfigError for a name or a parameter that does not exist or makes no sense. */
export function createRival<Name extends RivalName>(name: Name, config: PolicyConfig): RatePolicy {
  const defaults: RivalTuning[Name] | undefined = rivalDefaults[name];
  if (defaults === undefined) throw new PolicyConfigError('policy', `there is no '${name as string}'`);
  const tuning = { ...defaults, ...config.rivals?.tuning?.[name] };
  for (const [setting, value] of Object.entries(tuning)) {
    if (!(setting in defaults)) throw new PolicyConfigError(setting, `is no parameter of ${name}`);
    if (!(Number.isFinite(value) && value > 0))
      throw new PolicyConfigError(setting, `must be positive and finite, not ${value}`);
  }
  return making[name](config, tuning);
}
