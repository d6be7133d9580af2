import { hasEnded, type Step, stateOf } from '../migration/index.js';
import type { MigrationHistory } from './migration-history.js';
import {
  diskProgress,
  type KnownStatus,
  type MigrationProgress,
  memoryProgress,
} from './migration-progress.js';
import { stepWaitsFor } from './migration-words.js';
import type { MigrationFacts, MigrationWorld } from './migration-world.js';
import type { RatePlan } from './rate-plan.js';
import type { CopyView, MigrationView, PassageView } from './view.js';

/** What a migration knows of itself. */
export interface MigrationKnowledge {
  readonly facts: MigrationFacts;
  readonly step: Step;
  readonly history: MigrationHistory;
  /** what the agents said last */
  readonly statuses: { readonly source: KnownStatus; readonly destination: KnownStatus };
  readonly progress: MigrationProgress;
  readonly plan: RatePlan | undefined;
  /** packet path and circuit */
  readonly grantedBytesPerSecond: number;
  readonly circuitBytesPerSecond: number;
  readonly downtimeMs: number | null;
}

/** What it goes through, and whom it waits for. */
export interface WayKnowledge {
  readonly world: MigrationWorld;
  readonly passes: readonly PassageView[];
}

/** A migration as people are shown it. */
export function migrationView(known: MigrationKnowledge, way?: WayKnowledge): MigrationView {
  const { facts, step, history } = known;
  const status = known.statuses.source;
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
    dirtyBytesPerSecond: hasEnded(step) ? 0 : status.dirtyBytesPerSecond,
    grantedBitsPerSecond: hasEnded(step) ? 0 : known.grantedBytesPerSecond * 8,
    predictedSecondsLeft: step === 'running' ? secondsLeft : null,
    service: known.plan?.view() ?? null,
    ...(forecast && { forecast }),
    ...(way !== undefined && !hasEnded(step) && { copy: copyView(known, way) }),
    downtimeMs: known.downtimeMs,
    failureReason: history.failureReason,
  };
}

function copyView(known: MigrationKnowledge, { world, passes }: WayKnowledge): CopyView {
  return {
    passes,
    meanGrantedBitsPerSecond: (known.plan?.meanBytesPerSecond ?? 0) * 8,
    circuitBitsPerSecond: known.circuitBytesPerSecond * 8,
    measuredBitsPerSecond: known.progress.bytesPerSecond * 8,
    waitsFor: stepWaitsFor(known.step, known.facts, world, known.statuses),
  };
}
