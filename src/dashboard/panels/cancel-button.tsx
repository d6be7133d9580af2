/** Cancelling: it asks once more and says what becomes of the machine. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { isCancellable } from '../model/selection.js';
import type { MigrationView } from '../model/types.js';
import { post, type Refusal } from '../rest-client.js';
import { RefusalNote } from './refusal.js';

interface ConfirmProps {
  readonly migration: MigrationView;
  readonly onYes: () => void;
  readonly onNo: () => void;
}
function Confirm({ migration: m, onYes, onNo }: ConfirmProps) {
  const yes = useRef<HTMLButtonElement>(null);
  useEffect(() => yes.current?.focus(), []);
  return (
    <fieldset class="confirm" aria-label={`Cancel the migration of ${m.vm}?`}>
      <p>
        {m.vm} goes on running at <b>{m.source}</b>; what was copied is thrown away.
      </p>
      <div class="tools">
        <button type="button" class="danger" ref={yes} onClick={onYes}>
          Yes, cancel it
        </button>
        <button type="button" onClick={onNo}>
          No, go on
        </button>
      </div>
    </fieldset>
  );
}

export function CancelButton({ migration: m }: { readonly migration: MigrationView }) {
  const [asking, setAsking] = useState(false);
  /** the step in which it was asked for: the answer is that it goes on to another */
  const [sentIn, setSentIn] = useState<string | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const send = async (): Promise<void> => {
    setAsking(false);
    setSentIn(m.step);
    setRefusal(null);
    const answer = await post<MigrationView>(`/v1/migrations/${encodeURIComponent(m.id)}:cancel`, {});
    if (answer.ok) return;
    setSentIn(null);
    setRefusal(answer.refusal);
  };
  const possible = isCancellable(m);
  if (!possible && refusal === null) return null;
  return (
    <div class="actions">
      {possible &&
        (asking ? (
          <Confirm migration={m} onYes={() => void send()} onNo={() => setAsking(false)} />
        ) : (
          <button
            type="button"
            class="danger"
            disabled={sentIn === m.step}
            onClick={() => setAsking(true)}
            aria-label={`Cancel the migration of ${m.vm}`}
          >
            {sentIn === m.step ? 'Cancelling…' : 'Cancel…'}
          </button>
        ))}
      {refusal !== null && <RefusalNote refusal={refusal} />}
    </div>
  );
}
