import type { MigrationFacts } from './migration-world.js';
import type { HypervisorRequest } from './output.js';
import { throttleMostPercent } from './rate-plan.js';

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

export const throttleRequest = ({ id }: MigrationFacts): HypervisorRequest => ({
  execute: 'throttle',
  migration: id,
  mostPercent: throttleMostPercent,
});

/** Refused, these end the migration; on their way, it is not known what the agent holds. */
export const vitalRequests: readonly HypervisorRequest['execute'][] = ['prepare-incoming', 'migrate'];
