import type { Axis, Scenario } from '../scenario.js';

const sweepOf = (name: string, title: string, axis: Axis): Scenario => ({
  name,
  title,
  question: `The load of the demo, 60 MB, with another ${axis.name}: where does the order of the rows change?`,
  networks: ['sim'],
  deployments: ['B'],
  setting: { memoryBytes: 60_000_000 },
  axes: [axis],
  rows: ['cubic', 'static-cap', 'steady', 'steady-98'],
  leadSeconds: 5,
  limitSeconds: 300,
  plant: 'network',
});

export const sweeps: readonly Scenario[] = [
  sweepOf('sweep-buffer', 'Depth of the buffer', {
    name: 'buffer',
    unit: 'bandwidth-delay products',
    values: [0.5, 1, 2, 4, 6].map((bufferBdp) => ({ value: bufferBdp, setting: { bufferBdp } })),
  }),
  sweepOf('sweep-rtt', 'Round-trip time', {
    name: 'RTT',
    unit: 'ms',
    values: [1, 10, 40, 100, 200].map((roundTripMs) => ({ value: roundTripMs, setting: { roundTripMs } })),
  }),
  sweepOf('sweep-capacity', 'Capacity, with the traffic and the machine in proportion', {
    name: 'capacity',
    unit: 'Mbit/s',
    values: [50, 200, 1000].map((megabits) => ({
      value: megabits,
      setting: {
        capacityBitsPerSecond: megabits * 1e6,
        bufferBdp: 4,
        scaleTraffic: true,
        memoryBytes: 60_000_000 * (megabits / 50),
      },
    })),
  }),
  sweepOf('sweep-slot', 'Slot', {
    name: 'T',
    unit: 'ms',
    values: [20, 50, 100, 200, 500, 1000].map((slotMs) => ({
      value: slotMs,
      setting: { control: { slotMs } },
    })),
  }),
];
