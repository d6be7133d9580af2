import type { Scenario } from '../scenario.js';
import { constantCross, steadyVideo } from './traffic.js';

const stepBitsPerSecond = 16_000_000;

export const s1: Scenario = {
  name: 's1',
  title: 'Step of cross traffic',
  question:
    'How high does the queue rise when cross traffic jumps by 16 Mbit/s unannounced, and how soon is it gone? No controller can stay below (dx - (1 - rho) c) tau.',
  networks: ['sim', 'ovs'],
  deployments: ['B'],
  setting: {
    memoryBytes: 100_000_000,
    traffic: [
      steadyVideo,
      constantCross('background', 8_000_000),
      constantCross('step', stepBitsPerSecond, { fromSeconds: 15, untilSeconds: 35 }),
    ],
  },
  axes: [
    {
      name: 'T',
      unit: 'ms',
      values: [20, 100, 500].map((slotMs) => ({ value: slotMs, setting: { control: { slotMs } } })),
    },
  ],
  rows: ['cubic', 'static-cap', 'steady'],
  leadSeconds: 5,
  limitSeconds: 200,
  step: { atSeconds: 15, byBitsPerSecond: stepBitsPerSecond },
  jitterSeconds: 0.5,
  plant: 'network',
};
