import type { ApiResult } from './input.js';
import type { CancelOutcome, Migration } from './migration.js';
import { problem } from './problem.js';

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

export const unknownMigration = (id: string): ApiResult => ({
  ok: false,
  problem: problem('unknown-migration', 404, `No migration has the id "${id}".`),
});
