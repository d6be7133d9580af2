/** A migration is asked for in two steps: what it would do, then the start of exactly that. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import {
  type Draft,
  type DraftField,
  destinationsOf,
  firstDraft,
  mended,
  movableVms,
  requestOf,
} from '../model/migration-draft.js';
import type { MigrationRequest, MigrationVerdict, MigrationView, SystemView } from '../model/types.js';
import { newKey, post, type Refusal } from '../rest-client.js';
import { RefusalNote } from './refusal.js';
import { Verdict } from './verdict.js';

interface Props {
  readonly view: SystemView;
  /** why nothing can be started, though it can be checked; null: it can */
  readonly whyNoStart: string | null;
  readonly onStarted: () => void;
}

/** A request with the answer to its dry run; the key makes a second press of the button harmless. */
interface Checked {
  readonly request: MigrationRequest;
  readonly key: string;
  readonly verdict: MigrationVerdict;
  readonly at: string;
}

const modes = [
  { value: 'precopy', word: 'pre-copy' },
  { value: 'hybrid', word: 'pre-copy, then post-copy' },
  { value: 'postcopy', word: 'post-copy' },
];
const disks = [
  { value: 'none', word: 'stays, or is shared' },
  { value: 'mirror', word: 'is copied too' },
  { value: 'replicated', word: 'is replicated already' },
];

function Field({
  name,
  label,
  error,
  children,
}: {
  readonly name: DraftField;
  readonly label: string;
  readonly error: string | undefined;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="field">
      <label for={`start-${name}`}>{label}</label>
      {children}
      {error !== undefined && (
        <small class="bad" id={`start-${name}-error`}>
          {error}
        </small>
      )}
    </div>
  );
}

interface FieldsProps {
  readonly draft: Draft;
  readonly view: SystemView;
  readonly errors: Partial<Record<DraftField, string>>;
  readonly onChange: (change: Partial<Draft>) => void;
}
function Fields({ draft, view, errors, onChange }: FieldsProps) {
  const text = (name: DraftField, label: string, placeholder: string) => (
    <Field name={name} label={label} error={errors[name]}>
      <input
        id={`start-${name}`}
        inputMode="decimal"
        placeholder={placeholder}
        value={draft[name]}
        aria-invalid={errors[name] !== undefined}
        aria-describedby={errors[name] === undefined ? undefined : `start-${name}-error`}
        onInput={(e) => onChange({ [name]: e.currentTarget.value })}
      />
    </Field>
  );
  const choice = (name: DraftField, label: string, options: readonly { value: string; word: string }[]) => (
    <Field name={name} label={label} error={errors[name]}>
      <select
        id={`start-${name}`}
        value={draft[name]}
        onChange={(e) => onChange({ [name]: e.currentTarget.value })}
      >
        {options.map(({ value, word }) => (
          <option key={value} value={value}>
            {word}
          </option>
        ))}
      </select>
    </Field>
  );
  const machines = movableVms(view).map((v) => ({ value: v.name, word: `${v.name}, at ${v.host}` }));
  const places = destinationsOf(view, draft.vm).map((h) => ({
    value: h.name,
    word: `${h.name}, site ${h.site}`,
  }));
  return (
    <div class="fields">
      {choice('vm', 'Machine', machines)}
      {choice('destination', 'goes to', places)}
      {text('deadlineSeconds', 'Deadline, s', 'none')}
      {text('mostMbps', 'At most, Mbit/s', 'what is left')}
      {text('downtimeLimitMs', 'Downtime limit, ms', '300')}
      {choice('mode', 'Memory by', modes)}
      {choice('disk', 'Its disk', disks)}
    </div>
  );
}

export function StartForm({ view, whyNoStart, onStarted }: Props) {
  const [typed, setTyped] = useState<Draft | undefined>(undefined);
  const [checked, setChecked] = useState<Checked | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [busy, setBusy] = useState<'check' | 'start' | null>(null);
  const [errors, setErrors] = useState<Partial<Record<DraftField, string>>>({});
  const known = typed !== undefined && movableVms(view).some((v) => v.name === typed.vm) ? typed : undefined;
  const draft = known === undefined ? firstDraft(view) : mended(known, view);
  if (draft === undefined) return null;

  const change = (part: Partial<Draft>): void => {
    setTyped(mended({ ...draft, ...part }, view));
    setChecked(null);
    setRefusal(null);
    setErrors({});
  };
  const check = async (): Promise<void> => {
    const drafted = requestOf(draft);
    setChecked(null);
    setRefusal(null);
    setErrors(drafted.ok ? {} : drafted.errors);
    if (!drafted.ok) return;
    setTyped(draft);
    setBusy('check');
    const { request } = drafted;
    const answer = await post<MigrationVerdict>('/v1/migrations', { ...request, dryRun: true });
    setBusy(null);
    if (answer.ok) setChecked({ request, key: newKey(), verdict: answer.body, at: new Date().toISOString() });
    else setRefusal(answer.refusal);
  };
  const start = async ({ request, key }: Checked): Promise<void> => {
    setBusy('start');
    const answer = await post<MigrationView>('/v1/migrations', request, { 'idempotency-key': key });
    setBusy(null);
    setRefusal(answer.ok ? null : answer.refusal);
    if (!answer.ok) return;
    setChecked(null);
    onStarted();
  };
  // The network went on while the verdict was read: it was about something else.
  const current = checked !== null && checked.request.destination === draft.destination ? checked : null;
  return (
    <form
      class="start"
      aria-label="Move a machine"
      onSubmit={(event) => {
        event.preventDefault();
        void check();
      }}
    >
      <fieldset disabled={busy !== null}>
        <Fields draft={draft} view={view} errors={errors} onChange={change} />
        <div class="tools">
          <button type="submit" class={current === null ? 'primary' : ''}>
            {busy === 'check' ? 'Checking…' : current === null ? 'Check what it would do' : 'Check again'}
          </button>
          {current !== null && whyNoStart === null && (
            <button type="button" class="primary" onClick={() => void start(current)}>
              {busy === 'start' ? 'Starting…' : `Start: ${draft.vm} → ${draft.destination}`}
            </button>
          )}
        </div>
      </fieldset>
      {refusal !== null && <RefusalNote refusal={refusal} />}
      {current !== null && <Verdict verdict={current.verdict} at={current.at} />}
      {whyNoStart !== null && <p class="note">{whyNoStart}</p>}
      <p>
        <small>
          The same from a shell:{' '}
          <code>
            steady migrate start {draft.vm} {draft.destination}
          </code>
        </small>
      </p>
    </form>
  );
}
