import type { MigrationJson, SystemViewJson } from '../schemas/index.js';
import { circuitLimits } from './circuit-limits.js';
import { pathLimits, type RateLimit } from './path-limits.js';
import { promiseLimits } from './promise-limits.js';
import { formatBytes, formatMs, formatRate } from './quantities.js';

/** What a migration waits for in a step in which its rate does not decide. */
export type StepLimit =
  | 'journal'
  | 'agents'
  | 'first-byte'
  | 'rules'
  | 'drain'
  | 'gate'
  | 'forced'
  | 'last-round'
  | 'post-copy'
  | 'read-back'
  | 'put-back'
  | 'ended'
  | 'nothing'
  | 'unknown';

/** One thing that keeps a migration from being done sooner. `kind` is for programs, and stable. */
export interface Limit {
  readonly kind: StepLimit | RateLimit;
  readonly sentence: string;
}

/**
 * Says in sentences what limits a migration now, the most limiting first; at least one. What is not in the view is not
 * guessed at.
 * @returns undefined: the view has no such migration
 */
export function explainMigration(view: SystemViewJson, id: string): readonly Limit[] | undefined {
  const migration = view.migrations.find((m) => m.id === id);
  if (migration === undefined) return undefined;
  const step = stepLimit(migration);
  if (step !== undefined) return [step];
  if (migration.step === 'staging') return [gateLimit(migration), ...circuitLimits(view, migration)];
  const limits: readonly Limit[] = [
    ...pathLimits(view, migration),
    ...promiseLimits(migration),
    ...circuitLimits(view, migration),
  ];
  if (limits.length > 0) return limits;
  return migration.copy === undefined
    ? [{ kind: 'unknown', sentence: 'Nobody has said how its copy goes, so what limits it is not known.' }]
    : [{ kind: 'nothing', sentence: 'Nothing that is known limits it: it copies as fast as it can.' }];
}

const waits = ({ copy }: MigrationJson): string =>
  copy?.waitsFor === null || copy?.waitsFor === undefined ? '' : ` (${copy.waitsFor})`;

const remaining = ({ progress }: MigrationJson): string =>
  formatBytes(Number(progress.memory.remainingBytes) + Number(progress.disk.remainingBytes));

const ended = (m: MigrationJson, sentence: string): Limit => ({
  kind: 'ended',
  sentence: `${sentence}${m.endedAt === null ? '' : ` at ${m.endedAt}`}; nothing limits it any more.`,
});

/** Steps with one thing to wait for; undefined: what it waits for depends on rates. */
function stepLimit(m: MigrationJson): Limit | undefined {
  switch (m.step) {
    case 'accepted':
      return {
        kind: 'journal',
        sentence: 'It was admitted and waits until its record is durable; nothing is moved before that.',
      };
    case 'preparing':
      return {
        kind: 'agents',
        sentence: `${m.destination} is being made ready to receive, and the rules of the copy are being installed${waits(m)}.`,
      };
    case 'starting':
      return {
        kind: 'first-byte',
        sentence: `${m.source} was told to send and has not begun to${waits(m)}.`,
      };
    case 'redirecting':
      return {
        kind: 'drain',
        sentence: `Its packets are being turned to ${m.destination}, and what is still on the old way is waited for${waits(m)}.`,
      };
    case 'stopping':
      return {
        kind: 'last-round',
        sentence: `The machine stands still while its last ${remaining(m)} are sent at ${formatRate(m.grantedBitsPerSecond)}; ${isForced(m) ? 'it was stopped by force, however long that takes' : `it was agreed that this takes ${formatMs(m.downtimeLimitMs)} at most`}.`,
      };
    case 'flipping':
      return flipLimit(m);
    case 'cleaning':
      return {
        kind: 'read-back',
        sentence: `The machine runs at ${m.destination}; the rules of the copy are being removed, and switches are read to see that none is left${waits(m)}.`,
      };
    case 'cancelling':
      return {
        kind: 'put-back',
        sentence: `It is being cancelled: everything is put back and the machine stays at ${m.source}${waits(m)}.`,
      };
    case 'failing':
      return {
        kind: 'put-back',
        sentence: `It failed (${m.failureReason ?? 'the reason is not known'}), and what it has done is being put back${waits(m)}.`,
      };
    case 'completed':
      return ended(m, `The machine runs at ${m.destination}: it completed`);
    case 'cancelled':
      return ended(m, `The machine runs at ${m.source}: it was cancelled`);
    case 'failed':
      return ended(m, `It failed (${m.failureReason ?? 'the reason is not known'})`);
    default:
      return undefined;
  }
}

function flipLimit(m: MigrationJson): Limit {
  if (m.mode !== 'precopy' && Number(m.progress.memory.remainingBytes) > 0)
    return {
      kind: 'post-copy',
      sentence: `The machine runs at ${m.destination} already (post-copy) and fetches the ${remaining(m)} that are still at ${m.source}, at ${formatRate(m.grantedBitsPerSecond)}.`,
    };
  return {
    kind: 'rules',
    sentence: `The machine runs at ${m.destination}; every switch is being told its new place${waits(m)}.`,
  };
}

/** How the engine notes that somebody insisted. */
const byForce = 'stops by request';
const isForced = ({ phaseTransitions }: MigrationJson): boolean =>
  phaseTransitions.some(({ note }) => note.startsWith(byForce));

/** Before the machine may be stopped. */
function gateLimit(m: MigrationJson): Limit {
  const gate = m.service?.cutOver;
  if (isForced(m))
    return {
      kind: 'forced',
      sentence: `It ends by force: the machine is stopped with whatever is left (${remaining(m)}) as soon as the rules of its new place are staged and its queue is empty${waits(m)}.`,
    };
  if (m.copy?.waitsFor != null)
    return {
      kind: 'rules',
      sentence: `What is left fits into the downtime; the rules of the new place are being staged${waits(m)}.`,
    };
  if (gate === null || gate === undefined)
    return {
      kind: 'drain',
      sentence:
        'What is left fits into the downtime; all who send through its queue are held back until that queue is empty.',
    };
  if (gate.open)
    return { kind: 'drain', sentence: 'The cut-over gate is open; the machine is about to be stopped.' };
  const expected =
    gate.downtimeMs < 0 ? 'a downtime without end' : `${formatMs(gate.downtimeMs)} of downtime`;
  return {
    kind: 'gate',
    sentence: `The cut-over gate is closed: stopped now, the machine would see ${expected}, and ${formatMs(m.downtimeLimitMs)} were agreed. ${gateReason(gate.reason)}`,
  };
}

function gateReason(reason: string): string {
  switch (reason) {
    case 'limit-below-fixed':
      return 'The way alone takes as long as the whole downtime that was agreed: a larger downtimeLimitMs is needed.';
    case 'queue':
      return "Too much stands in the queues of its way, and its last round would wait behind others' packets.";
    case 'rest-too-large':
      return 'What is left is too much for the rate that is kept for the last round; another round makes it less.';
    default:
      return `(${reason})`;
  }
}
