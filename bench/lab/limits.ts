import type { Row } from './rows.js';
import type { NetworkName, Scenario, Setting } from './scenario.js';

/** Why this cannot be run; undefined: it can. */
export function whyNot(
  network: NetworkName,
  given: {
    readonly scenario: Scenario;
    readonly setting: Setting;
    readonly row: Row;
  },
): string | undefined {
  const { scenario, setting, row } = given;
  if (!scenario.networks.includes(network))
    return `${scenario.name} runs on ${scenario.networks.join(', ')}, not on ${network}`;
  if (scenario.plant === 'loops' && row.control === null) return `${row.name} has no control law of its own`;
  if (setting.machines !== undefined && row.control === null)
    return `${row.name} moves one machine, ${scenario.name} has several: take the row none`;
  if (network === 'ovs' && row.simulation !== undefined)
    return `${row.name} chooses a sender or a discipline, which is possible in the simulated network only`;
  return undefined;
}
