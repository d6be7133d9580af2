import type { Scenario } from '../scenario.js';

/** What the load of the demo leaves free is about 3.4 MB/s on average. */
const dirtyMegabytes = [0.25, 1, 2, 3, 4];

export const s4: Scenario = {
  name: 's4',
  title: 'Dirty rate up to and above the rate of the move',
  question:
    'When the machine writes as fast as the path can carry, does the move end, and how long does the machine stand still?',
  networks: ['sim'],
  deployments: ['B'],
  setting: { memoryBytes: 60_000_000, workingSetBytes: 40_000_000 },
  axes: [
    {
      name: 'd',
      unit: 'MB/s',
      values: dirtyMegabytes.map((value) => ({ value, setting: { dirtyBytesPerSecond: value * 1e6 } })),
    },
  ],
  rows: ['cubic', 'static-cap', 'steady'],
  leadSeconds: 5,
  limitSeconds: 240,
  plant: 'network',
};
