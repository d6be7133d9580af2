import type { MigrationFacts } from './migration-world.js';
import type { HypervisorRequest } from './output.js';

const switchoverTimeoutSeconds = 30;

/** What is not said is the default, which every driver has. */
const meansOf = ({ request }: MigrationFacts) => ({
  ...(request.mode !== 'precopy' && { mode: request.mode }),
  ...(request.disk !== 'none' && { disk: request.disk }),
});

export const prepareRequest = (facts: MigrationFacts): HypervisorRequest => ({
  execute: 'prepare-incoming',
  migration: facts.id,
  vm: facts.request.vm,
  streams: facts.streams,
  ...meansOf(facts),
});

export const migrateRequest = (facts: MigrationFacts): HypervisorRequest => ({
  execute: 'migrate',
  migration: facts.id,
  vm: facts.request.vm,
  destination: { address: facts.destinationAddress },
  streams: facts.streams,
  memoryBytes: facts.memoryBytes,
  dirtyBytesPerSecond: facts.dirtyBytesPerSecond,
  workingSetBytes: facts.workingSetBytes,
  downtimeLimitMs: facts.request.downtimeLimitMs,
  bandwidthBytesPerSecond: facts.request.maxBandwidthBytesPerSecond,
  switchoverTimeoutSeconds,
  ...meansOf(facts),
});
