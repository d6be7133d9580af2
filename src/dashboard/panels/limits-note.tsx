/** What keeps a migration from being done sooner, in the sentences of `steady explain`. */
import { useRef } from 'preact/hooks';
import { explainMigration, type Limit } from '../../api/words/migration-explanation.js';
import type { MigrationView, SystemView } from '../model/types.js';

/** Figures in a sentence that change faster cannot be read. */
const heldMs = 2000;

const kindsOf = (limits: readonly Limit[]): string => limits.map((l) => l.kind).join();

export function LimitsNote({
  view,
  migration,
}: {
  readonly view: SystemView;
  readonly migration: MigrationView;
}) {
  const held = useRef<{ readonly atMs: number; readonly limits: readonly Limit[] } | null>(null);
  const atMs = Date.parse(view.at);
  const limits = explainMigration(view, migration.id) ?? [];
  const before = held.current;
  const age = before === null ? Number.POSITIVE_INFINITY : Math.abs(atMs - before.atMs);
  if (before === null || age > heldMs || kindsOf(before.limits) !== kindsOf(limits))
    held.current = { atMs, limits };
  return (
    <div class="limits">
      <b>What limits it now</b>
      <ul>
        {held.current?.limits.map((l) => (
          <li key={l.kind}>{l.sentence}</li>
        ))}
      </ul>
    </div>
  );
}
