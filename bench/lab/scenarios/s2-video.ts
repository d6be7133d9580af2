import type { Scenario } from '../scenario.js';

export const s2: Scenario = {
  name: 's2',
  title: 'Bursty video and one machine',
  question:
    'The load of the demo: what does the video feel while 150 MB move, and how much longer does the move take than by CUBIC?',
  networks: ['sim', 'ovs'],
  deployments: ['B', 'C'],
  setting: {},
  axes: [],
  rows: ['cubic', 'static-cap', 'static-cap-45', 'steady', 'steady-98'],
  leadSeconds: 5,
  limitSeconds: 400,
  plant: 'network',
};

export const s8: Scenario = {
  ...s2,
  name: 's8',
  title: 'Bursty video with a queue of its own (deployment A)',
  question:
    'With a priority queue for the video the bottleneck protects it without any controller: the honest control of what a controller adds.',
  deployments: ['A'],
  networks: ['sim'],
};
