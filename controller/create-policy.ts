import { NoControlPolicy, StaticCapPolicy } from './baseline-policies.js';
import { LyapunovPolicy } from './lyapunov-controller.js';
import type { PolicyConfig, PolicyName, RatePolicy } from './policy.js';
import { PolicyConfigError } from './policy-config-error.js';
import { createRival, rivalNames } from './rivals/create-rival.js';

/** every policy that settings alone can make; `oracle` needs the future as well */
export const policyNames: readonly PolicyName[] = ['steady', 'static-cap', 'none', ...rivalNames];

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
      return createRival(name, config);
  }
}

function check(config: PolicyConfig): void {
  demand('slotSeconds', config.slotSeconds, (v) => v > 0, 'must be positive');
  demand('targetUtilisation', config.targetUtilisation, (v) => v > 0 && v <= 1, 'must be in (0, 1]');
  demand('cautiousUtilisation', config.cautiousUtilisation, (v) => v > 0 && v <= 1, 'must be in (0, 1]');
  demand('gain', config.gain, (v) => v > 0 && v <= 1, 'must be in (0, 1]');
  demand('virtualTargetBytes', config.virtualTargetBytes, (v) => v >= 0, 'must not be negative');
  demand('forecastSlots', config.forecastSlots, (v) => v >= 1 && v <= 1000, 'must be 1 to 1000');
  demand('safeBytesPerSecond', config.safeBytesPerSecond, (v) => v >= 0, 'must not be negative');
  demand('staticShare', config.staticShare, (v) => v >= 0 && v <= 1, 'must be in [0, 1]');
  demand('fairShare', config.fairShare ?? 0, (v) => v >= 0 && v < 1, 'must be in [0, 1)');
  demand('delayPromiseSeconds', config.delayPromiseSeconds, (v) => v > 0, 'must be positive');
}

function demand(setting: string, value: number, holds: (v: number) => boolean, detail: string): void {
  if (!Number.isFinite(value) || !holds(value))
    throw new PolicyConfigError(setting, `${detail}, not ${value}`);
}
