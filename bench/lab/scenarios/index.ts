import type { Scenario } from '../scenario.js';
import { s1 } from './s1-step.js';
import { s2, s8 } from './s2-video.js';
import { s3 } from './s3-mixed-deadlines.js';
import { s4 } from './s4-dirty-rate.js';
import { s6 } from './s6-slot-and-distance.js';
import { s7 } from './s7-statistics.js';
import { s9 } from './s9-capacity-drop.js';
import { s10 } from './s10-two-controllers.js';
import { sweeps } from './sweeps.js';

export const scenarios: readonly Scenario[] = [s1, s2, s3, s4, s6, s7, s8, s9, s10, ...sweeps];

/** Scenarios that cannot be run, and why. */
export const absent: Readonly<Record<string, string>> = {
  s5: 'S5 (set-up, refusal and failure of a circuit) is no scenario of the lab yet: its rows order no circuits. test/engine/circuits.test.ts and test/system/circuits.test.ts hold them.',
};

/** @throws RangeError for a name that no scenario has */
export function scenarioNamed(name: string): Scenario {
  const wanted = name.toLowerCase();
  const scenario = scenarios.find((s) => s.name === wanted);
  if (scenario !== undefined) return scenario;
  const known = scenarios.map((s) => s.name).join(', ');
  throw new RangeError(absent[wanted] ?? `there is no scenario "${name}"; there are ${known}`);
}
