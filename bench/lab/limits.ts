import type { Row } from './rows.js';
import type { DeploymentLetter, NetworkName, Scenario, Setting } from './scenario.js';

/** What each network can be: a deployment that the testbed learns is added here. */
const deployments: Readonly<Record<NetworkName, readonly DeploymentLetter[]>> = {
  sim: ['A', 'B', 'C'],
  ovs: ['B'],
};

/** Why this cannot be run; undefined: it can. */
export function whyNot(
  network: NetworkName,
  given: {
    readonly scenario: Scenario;
    readonly setting: Setting;
    readonly row: Row;
    readonly deployment: DeploymentLetter;
  },
): string | undefined {
  const { scenario, setting, row, deployment } = given;
  if (!scenario.networks.includes(network))
    return `${scenario.name} runs on ${scenario.networks.join(', ')}, not on ${network}`;
  if (!deployments[network].includes(deployment))
    return `deployment ${deployment} does not exist on ${network}; there ${deployments[network].join(', ')} does`;
  if (scenario.plant === 'loops' && row.control === null) return `${row.name} has no control law of its own`;
  if (setting.machines !== undefined && row.control === null)
    return `${row.name} moves one machine, ${scenario.name} has several: take the row none`;
  if (network === 'ovs' && row.simulation !== undefined)
    return `${row.name} chooses a sender or a discipline, which is possible in the simulated network only`;
  return undefined;
}
