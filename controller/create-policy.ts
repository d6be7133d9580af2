import { NoControlPolicy, StaticCapPolicy } from './baseline-policies.js';
import { LyapunovPolicy } from './lyapunov-controller.js';
import type { PolicyConfig, PolicyName, RatePolicy } from './policy.js';

/** A setting that no policy can work with. `setting` names it in the words of `PolicyConfig`. */
export class PolicyConfigError extends Error {
  readonly setting: string;

  constructor(setting: string, detail: string) {
    super(`${setting}: ${detail}`);
    this.name = 'PolicyConfigError';
    this.setting = setting;
  }
}

export const policyNames: readonly PolicyName[] = ['steady', 'static-cap', 'none'];

/** A fresh policy for one bottleneck. Throws PolicyConfigError before it would misbehave. */
export function createPolicy(name: PolicyName, config: PolicyConfig): RatePolicy {
  check(config);
  switch (name) {
    case 'steady':
      return new LyapunovPolicy(config);
    case 'static-cap':
      return new StaticCapPolicy(config);
    case 'none':
      return new NoControlPolicy();
    default:
      throw new PolicyConfigError('policy', `'${name as string}' is none of ${policyNames.join(', ')}`);
  }
}

function check(config: PolicyConfig): void {
  demand('slotSeconds', config.slotSeconds, (v) => v > 0, 'must be positive');
  demand('targetUtilisation', config.targetUtilisation, (v) => v > 0 && v <= 1, 'must be in (0, 1]');
  demand('gain', config.gain, (v) => v > 0 && v <= 1, 'must be in (0, 1]');
  demand('virtualTargetBytes', config.virtualTargetBytes, (v) => v >= 0, 'must not be negative');
  demand('forecastSlots', config.forecastSlots, (v) => v >= 1 && v <= 1000, 'must be 1 to 1000');
  demand('safeBytesPerSecond', config.safeBytesPerSecond, (v) => v >= 0, 'must not be negative');
  demand('staticShare', config.staticShare, (v) => v >= 0 && v <= 1, 'must be in [0, 1]');
  demand('delayPromiseSeconds', config.delayPromiseSeconds, (v) => v > 0, 'must be positive');
}

function demand(setting: string, value: number, holds: (v: number) => boolean, detail: string): void {
  if (!Number.isFinite(value) || !holds(value))
    throw new PolicyConfigError(setting, `${detail}, not ${value}`);
}
