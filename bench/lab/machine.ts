import { cpus, loadavg } from 'node:os';

/** What a figure was measured on. */
export const machineNow = () => ({
  cores: cpus().length,
  model: cpus()[0]?.model ?? 'unknown',
  node: process.version,
  load: Math.round(loadavg()[0]! * 100) / 100,
});
