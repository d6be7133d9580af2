import type { Scenario } from '../scenario.js';
import { s1 } from './s1-step.js';
import { s2, s8 } from './s2-video.js';

export const scenarios: readonly Scenario[] = [s1, s2, s8];

/** @throws RangeError for a name that no scenario has */
export function scenarioNamed(name: string): Scenario {
  const scenario = scenarios.find((s) => s.name === name.toLowerCase());
  if (scenario === undefined)
    throw new RangeError(
      `there is no scenario "${name}"; there are ${scenarios.map((s) => s.name).join(', ')}`,
    );
  return scenario;
}
