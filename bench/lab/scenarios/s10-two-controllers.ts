import type { Scenario } from '../scenario.js';

export const s10: Scenario = {
  name: 's10',
  title: 'Two controllers on one bottleneck',
  question:
    'The second begins 10 s after the first, each takes the other for cross traffic. Who gets what in the last 20 s of 60? Two control loops on a fluid queue, without engine and network: one controller owns a bottleneck, so two of them cannot meet in one network yet. Delays are those of the fluid queue.',
  networks: ['sim'],
  deployments: ['B'],
  setting: {},
  axes: [],
  rows: ['static-cap', 'steady', 'steady-98'],
  leadSeconds: 5,
  limitSeconds: 60,
  plant: 'loops',
};
