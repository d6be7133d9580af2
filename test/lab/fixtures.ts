import type { JobRecord } from '../../bench/lab/job.js';
import type { Measures } from '../../bench/lab/measures.js';

/** A run in which nothing special happened. */
export const measures = (changes: Partial<Measures> = {}): Measures => ({
  completed: true,
  refused: 0,
  deadlineMisses: null,
  seconds: 50,
  boundSeconds: 40,
  downtimeMs: 300,
  memoryBytes: 150e6,
  movedBytes: 160e6,
  crossBitsPerSecond: 20e6,
  utilisation: 0.94,
  oscillation: 0.05,
  video: { sentPackets: 1000, p50Ms: 24, p99Ms: 40, maxMs: 50, lossPercent: 0, stallSeconds: 0 },
  alone: { sentPackets: 1000, p50Ms: 24, p99Ms: 38, maxMs: 40, lossPercent: 0, stallSeconds: 0 },
  queue: { meanMs: 1, p99Ms: 10, maxMs: 20 },
  step: null,
  oracle: null,
  fairness: null,
  certificate: null,
  host: null,
  ...changes,
});

export const record = (row: string, seed: number, changes: Partial<JobRecord> = {}): JobRecord => {
  const job = { scenario: 's2', network: 'sim', deployment: 'B', variant: '', row, seed } as const;
  const whole = { ...job, ...changes };
  return {
    ...whole,
    key: [whole.scenario, whole.network, whole.deployment, whole.variant, row, seed].join('/'),
    date: '2026-01-02T03:04:05.000Z',
    wallSeconds: 3,
    machine: { cores: 2, model: 'a processor', node: 'v20.0.0', loadBefore: 1, loadAfter: 1.5 },
    measures: changes.measures === undefined ? measures() : changes.measures,
    error: changes.error ?? null,
  };
};
