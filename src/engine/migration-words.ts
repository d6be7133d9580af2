import type { Step } from '../migration/index.js';
import type { KnownStatus } from './migration-progress.js';
import type { MigrationFacts, MigrationWorld } from './migration-world.js';

/** Words that are written to the journal and read from it again, and words of agents. */

/** how the note of a copy that does not converge begins */
export const postcopyNote = 'goes on in post-copy';

/** the note of a copy that somebody would not wait for */
export const forcedNote = 'stops by request, whatever is left';
/** Where post-copy was allowed it is the shorter way. */
export const noteOfForce = (mode: 'precopy' | 'postcopy' | 'hybrid'): string =>
  mode === 'hybrid' ? `${postcopyNote}: by request` : forcedNote;

/** how the note of an end names an agent that was away */
export const agentOf = (host: string): string => `the agent of ${host}`;

export const refusedNote = (
  host: string,
  execute: string,
  error: { readonly code: string; readonly detail: string },
): string => `${host} refused ${execute}: ${error.code}: ${error.detail}`;

export const restartedNote = (host: string): string =>
  `${agentOf(host)} knows nothing of this migration (it was restarted)`;

/** @param missing what could not be put back yet */
export function putBackNote(reason: string | null, missing: readonly string[]): string {
  const left = missing.length === 0 ? '' : ` (not reached: ${missing.join(', ')}; cleaned when back)`;
  return `${reason ?? 'everything is as it was before'}${left}`;
}

/** Errors that do not say no: the command or its answer was lost, or it was carried out before; `query` tells. */
const noRefusal: readonly string[] = [
  'exists',
  'already-migrating',
  'timeout',
  'deadline',
  'disconnected',
  'not-connected',
];
export const isRefusal = (errorCode: string): boolean => !noRefusal.includes(errorCode);

/** What a step that took too long has not got. */
export function waitsFor(
  { source, destination }: MigrationFacts,
  world: MigrationWorld,
  status: { readonly source: KnownStatus; readonly destination: KnownStatus },
): string {
  const waits: string[] = [];
  for (const host of [source, destination])
    if (!world.hypervisorConnected(host)) waits.push(`${agentOf(host)} is not connected`);
  const rules = world.rules();
  if (rules.missing.length > 0) waits.push(`switches not there: ${rules.missing.join(', ')}`);
  else if (!rules.acknowledged) waits.push('rules are not acknowledged');
  if (waits.length > 0) return waits.join('; ');
  const detail = [status.source.detail, status.destination.detail].filter((d) => d !== '').join('; ');
  return `the agents say ${status.source.phase} and ${status.destination.phase}${detail && `: ${detail}`}`;
}

const waitsForAgents: readonly Step[] = ['preparing', 'starting', 'cancelling', 'failing'];
const waitsForReading: readonly Step[] = ['redirecting', 'flipping', 'cleaning'];

/** What the present step has not got yet; null: it has, or it is none that waits for others. */
export function stepWaitsFor(
  step: Step,
  facts: MigrationFacts,
  world: MigrationWorld,
  statuses: Parameters<typeof waitsFor>[2],
): string | null {
  if (waitsForAgents.includes(step)) return waitsFor(facts, world, statuses);
  const { acknowledged, missing, unconfirmed } = world.rules();
  if (missing.length > 0) return `switches not there: ${missing.join(', ')}`;
  if (step === 'staging' && !acknowledged) return 'rules are not acknowledged';
  return waitsForReading.includes(step) && unconfirmed.length > 0
    ? `rules are not read back: ${unconfirmed.join(', ')}`
    : null;
}
