import { hasEnded, type Step, stateOf } from '../migration/index.js';
import type { MigrationHistory } from './migration-history.js';
import {
  diskProgress,
  type KnownStatus,
  type MigrationProgress,
  memoryProgress,
} from './migration-progress.js';
import type { MigrationFacts } from './migration-world.js';
import type { RatePlan } from './rate-plan.js';
import type { MigrationView } from './view.js';

/** What a migration knows of itself. */
export interface MigrationKnowledge {
  readonly facts: MigrationFacts;
  readonly step: Step;
  readonly history: MigrationHistory;
  /** what the source's agent said last */
  readonly status: KnownStatus;
  readonly progress: MigrationProgress;
  readonly plan: RatePlan | undefined;
  readonly grantedBytesPerSecond: number;
  readonly downtimeMs: number | null;
}

/** A migration as people are shown it. */
export function migrationView(known: MigrationKnowledge): MigrationView {
  const { facts, step, history, status } = known;
  const memory = memoryProgress(status, facts.memoryBytes, step === 'completed');
  const disk = diskProgress(status, step === 'completed');
  const leftBytes = Number(memory.remainingBytes) + Number(disk.remainingBytes);
  const secondsLeft = known.progress.secondsLeft(leftBytes, {
    dirtyBytesPerSecond: status.dirtyBytesPerSecond,
    workingSetBytes: facts.workingSetBytes,
    downtimeLimitMs: facts.request.downtimeLimitMs,
  });
  const forecast = known.plan?.forecast({
    startedAt: history.startedAt,
    endedAt: history.endedAt,
    completed: step === 'completed',
    downtimeMs: known.downtimeMs,
  });
  return {
    id: facts.id,
    vm: facts.request.vm,
    source: facts.source,
    destination: facts.destination,
    state: stateOf(step),
    step,
    mode: facts.request.mode,
    priority: facts.request.priority ?? 0,
    deadlineSeconds: facts.request.deadlineSeconds ?? null,
    downtimeLimitMs: facts.request.downtimeLimitMs,
    maxBandwidthBytesPerSecond: facts.request.maxBandwidthBytesPerSecond,
    createdAt: history.createdAt,
    startedAt: history.startedAt,
    endedAt: history.endedAt,
    phaseTransitions: history.transitions.slice(),
    progress: { memory, disk },
    round: status.round,
    grantedBitsPerSecond: hasEnded(step) ? 0 : known.grantedBytesPerSecond * 8,
    predictedSecondsLeft: step === 'running' ? secondsLeft : null,
    service: known.plan?.view() ?? null,
    ...(forecast && { forecast }),
    downtimeMs: known.downtimeMs,
    failureReason: history.failureReason,
  };
}
