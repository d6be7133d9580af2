import type { Reply } from './api-desk.js';
import type { ApiResult } from './input.js';
import type { CancelOutcome, Migration, MigrationWorld } from './migration.js';
import { problem } from './problem.js';
import type { Turn } from './turn.js';

/** What a request to cancel a migration is answered. */
export function cancelResult(migration: Migration, outcome: CancelOutcome): ApiResult {
  const { id } = migration.facts;
  const refuse = (slug: 'not-cancellable' | 'store-failed', status: number, detail: string): ApiResult => ({
    ok: false,
    problem: problem(slug, status, detail),
  });
  switch (outcome) {
    case 'taken':
      return { ok: true, body: migration.view() };
    case 'too-late':
      return refuse(
        'not-cancellable',
        409,
        `Migration ${id} is in step ${migration.step}; it can be cancelled until the VM is stopped.`,
      );
    case 'not-stored':
      return refuse('store-failed', 503, 'The journal could not be written, so nothing was cancelled.');
  }
}

/** Has a migration stop its machine with whatever is left, if it sends memory; answered when that will outlive this process. */
export function forceToEnd(turn: Turn, world: MigrationWorld, migration: Migration, reply: Reply): void {
  const taken = migration.force(turn, world);
  const { id } = migration.facts;
  if (taken === null) {
    const detail = `Migration ${id} is in step ${migration.step}; it can be forced while it copies memory, before the VM is stopped.`;
    reply(turn, { ok: false, problem: problem('not-forcible', 409, detail) });
  } else reply(turn, { ok: true, body: migration.view() }, taken === 'at-once' ? undefined : taken);
}

export const unknownMigration = (id: string): ApiResult => ({
  ok: false,
  problem: problem('unknown-migration', 404, `No migration has the id "${id}".`),
});
