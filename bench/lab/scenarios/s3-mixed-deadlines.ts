import type { Machine, Scenario } from '../scenario.js';

const machine = (
  memoryBytes: number,
  askAfterSeconds: number,
  deadlineSeconds: number | undefined,
): Machine => ({
  memoryBytes,
  dirtyBytesPerSecond: 100_000,
  workingSetBytes: 2_000_000,
  askAfterSeconds,
  request: deadlineSeconds === undefined ? {} : { deadlineSeconds },
});

export const s3: Scenario = {
  name: 's3',
  title: 'Six machines with mixed deadlines, one of them infeasible',
  question:
    'Is the infeasible request (60 MB in 8 s) refused, and does everybody else keep the deadline that the linear programme says can be kept?',
  networks: ['sim'],
  deployments: ['B'],
  setting: {
    machines: [
      machine(30_000_000, 0, 120),
      machine(20_000_000, 2, 30),
      machine(30_000_000, 4, undefined),
      machine(60_000_000, 6, 8),
      machine(20_000_000, 8, 60),
      machine(25_000_000, 10, 90),
    ],
  },
  axes: [],
  rows: ['none', 'static-cap', 'steady'],
  leadSeconds: 5,
  limitSeconds: 400,
  plant: 'network',
};
