import type { Scenario } from '../scenario.js';
import { constantCross, steadyVideo } from './traffic.js';

export const s9: Scenario = {
  name: 's9',
  title: 'Capacity halves, unannounced',
  question:
    'The link runs at half its rate from 15 s to 35 s of the load and nobody says so. The lost 25 Mbit/s count as a step of cross traffic; delays are in milliseconds of the full rate.',
  networks: ['sim'],
  deployments: ['B', 'C'],
  setting: {
    memoryBytes: 100_000_000,
    traffic: [steadyVideo, constantCross('background', 6_000_000)],
    linkChanges: [
      { atSeconds: 15, capacityShare: 0.5 },
      { atSeconds: 35, capacityShare: 1 },
    ],
  },
  axes: [],
  rows: ['cubic', 'static-cap', 'steady'],
  leadSeconds: 5,
  limitSeconds: 300,
  step: { atSeconds: 15, byBitsPerSecond: 25_000_000 },
  jitterSeconds: 0.5,
  plant: 'network',
};
