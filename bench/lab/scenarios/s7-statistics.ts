import type { Scenario, Setting } from '../scenario.js';

const cut = (afterSeconds: number) => ({ kind: 'drop-connection', afterSeconds, switch: 'gw-a' }) as const;

const troubles: readonly (readonly [string, Setting])[] = [
  ['none', {}],
  ['late-10-ms', { channelDelayMs: 10 }],
  ['late-50-ms', { channelDelayMs: 50 }],
  ['reconnect', { faults: [cut(8)] }],
  ['reconnect-4-times', { faults: [cut(5), cut(8), cut(11), cut(14)] }],
  ['controller-killed', { faults: [{ kind: 'kill', afterSeconds: 8, downSeconds: 2 }] }],
];

export const s7: Scenario = {
  name: 's7',
  title: 'Statistics that are late or lost',
  question:
    'What does the video feel when the counters come late, when the bottleneck loses its controller for a second, and when the controller is killed and starts anew after two?',
  networks: ['sim'],
  deployments: ['B'],
  setting: { memoryBytes: 60_000_000 },
  axes: [{ name: 'trouble', unit: '', values: troubles.map(([value, setting]) => ({ value, setting })) }],
  rows: ['cubic', 'steady'],
  leadSeconds: 5,
  limitSeconds: 300,
  plant: 'network',
};
