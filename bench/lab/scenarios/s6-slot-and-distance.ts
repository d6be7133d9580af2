import type { Scenario } from '../scenario.js';

export const s6: Scenario = {
  name: 's6',
  title: 'Slot and distance',
  question: 'How much of the result is the statistics period T, and how much the round-trip time?',
  networks: ['sim'],
  deployments: ['B'],
  setting: { memoryBytes: 60_000_000 },
  axes: [
    {
      name: 'T',
      unit: 'ms',
      values: [20, 50, 200, 1000].map((slotMs) => ({ value: slotMs, setting: { control: { slotMs } } })),
    },
    {
      name: 'RTT',
      unit: 'ms',
      values: [20, 60, 200].map((roundTripMs) => ({ value: roundTripMs, setting: { roundTripMs } })),
    },
  ],
  rows: ['cubic', 'steady'],
  leadSeconds: 5,
  limitSeconds: 300,
  plant: 'network',
};
