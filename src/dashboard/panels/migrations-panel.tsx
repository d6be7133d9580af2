/** Migrations: those under way, the earlier ones, and the form that starts another. */
import { useState } from 'preact/hooks';
import { type Access, whyNoStart, whyOnlyLooking } from '../model/access.js';
import { plural } from '../model/format.js';
import { firstDraft } from '../model/migration-draft.js';
import { isActive, orderMigrations } from '../model/selection.js';
import type { SystemView } from '../model/types.js';
import { MigrationCard } from './migration-card.js';
import { Empty, Panel } from './panel.js';
import { StartForm } from './start-form.js';

interface Props {
  readonly view: SystemView | null;
  readonly access: Access;
}

/** Who may not start anything from here is told so, and how it is done elsewhere. */
function Nothing({ view, looking }: { readonly view: SystemView; readonly looking: string | null }) {
  const draft = firstDraft(view);
  return (
    <Empty>
      <b>No migration yet.</b>{' '}
      {draft === undefined ? (
        <>
          There is also no machine that could be moved: machines and the hosts they may live on come from the
          topology.
        </>
      ) : looking === null ? (
        <>Check below what one would do, then start it.</>
      ) : (
        looking
      )}
    </Empty>
  );
}

export function MigrationsPanel({ view, access }: Props) {
  const [opened, setOpened] = useState<boolean | null>(null);
  const migrations = view === null ? [] : orderMigrations(view.migrations);
  const open = migrations.filter((m, i) => isActive(m) || i === 0);
  const rest = migrations.filter((m) => !open.includes(m));
  const looking = whyOnlyLooking(access);
  const offered = view !== null && looking === null && firstDraft(view) !== undefined;
  const shown = offered && (opened ?? migrations.length === 0);
  return (
    <Panel
      id="migrations"
      title="Migrations"
      lead="The life of each migration, step by step."
      aside={
        offered && (
          <button type="button" aria-expanded={shown} onClick={() => setOpened(!shown)}>
            Move a machine…
          </button>
        )
      }
      how={
        <p>
          Memory is copied while the machine runs; what it writes meanwhile is sent again in further rounds,
          so the bar may go back a little. When the rest fits into the downtime limit the machine pauses, the
          rest follows, and the switches are flipped to its new place. Until it runs there, every failure
          leaves it running at the source.
        </p>
      }
    >
      {view === null && <Empty>Waiting for the first message of the stream.</Empty>}
      {view !== null && migrations.length === 0 && <Nothing view={view} looking={looking} />}
      {view !== null && shown && (
        <StartForm view={view} whyNoStart={whyNoStart(access, view)} onStarted={() => setOpened(false)} />
      )}
      {view !== null && migrations.length > 0 && looking !== null && <p class="note">{looking}</p>}
      {view !== null &&
        open.map((m) => <MigrationCard key={m.id} migration={m} view={view} mayAct={looking === null} />)}
      {view !== null && rest.length > 0 && (
        <details class="older">
          <summary>{plural(rest.length, 'earlier migration')}</summary>
          {rest.map((m) => (
            <MigrationCard key={m.id} migration={m} view={view} mayAct={false} />
          ))}
        </details>
      )}
    </Panel>
  );
}
