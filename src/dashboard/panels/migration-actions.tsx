/** What may be asked of a migration on its way. Each asks once more and says what becomes of the machine. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatBytes, formatMs } from '../model/format.js';
import { isCancellable, isForcible } from '../model/selection.js';
import type { MigrationView } from '../model/types.js';
import { post, type Refusal } from '../rest-client.js';
import { RefusalNote } from './refusal.js';

interface Words {
  /** on the button, and what it says while it was asked for and not yet done */
  readonly label: string;
  readonly busy: string;
  readonly question: string;
  readonly consequence: ComponentChildren;
  readonly yes: string;
}

interface ConfirmProps {
  readonly words: Words;
  readonly onYes: () => void;
  readonly onNo: () => void;
}
function Confirm({ words, onYes, onNo }: ConfirmProps) {
  const yes = useRef<HTMLButtonElement>(null);
  useEffect(() => yes.current?.focus(), []);
  return (
    <fieldset class="confirm" aria-label={words.question}>
      <p>{words.consequence}</p>
      <div class="tools">
        <button type="button" class="danger" ref={yes} onClick={onYes}>
          {words.yes}
        </button>
        <button type="button" onClick={onNo}>
          No, go on
        </button>
      </div>
    </fieldset>
  );
}

interface ActionProps {
  readonly migration: MigrationView;
  /** of the custom method, as `cancel` in `/v1/migrations/ID:cancel` */
  readonly method: string;
  readonly possible: boolean;
  readonly words: Words;
}
function Action({ migration: m, method, possible, words }: ActionProps) {
  const [asking, setAsking] = useState(false);
  /** the step in which it was asked for: the answer is that it goes on to another */
  const [sentIn, setSentIn] = useState<string | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const send = async (): Promise<void> => {
    setAsking(false);
    setSentIn(m.step);
    setRefusal(null);
    const answer = await post<MigrationView>(`/v1/migrations/${encodeURIComponent(m.id)}:${method}`, {});
    if (answer.ok) return;
    setSentIn(null);
    setRefusal(answer.refusal);
  };
  if (!possible && refusal === null) return null;
  return (
    <>
      {possible &&
        (asking ? (
          <Confirm words={words} onYes={() => void send()} onNo={() => setAsking(false)} />
        ) : (
          <button
            type="button"
            class="danger"
            disabled={sentIn === m.step}
            onClick={() => setAsking(true)}
            aria-label={words.question}
          >
            {sentIn === m.step ? words.busy : words.label}
          </button>
        ))}
      {refusal !== null && <RefusalNote refusal={refusal} />}
    </>
  );
}

const cancelWords = (m: MigrationView): Words => ({
  label: 'Cancel…',
  busy: 'Cancelling…',
  question: `Cancel the migration of ${m.vm}?`,
  yes: 'Yes, cancel it',
  consequence: (
    <>
      {m.vm} goes on running at <b>{m.source}</b>; what was copied is thrown away.
    </>
  ),
});

function forceWords(m: MigrationView): Words {
  const standsMs = m.service?.cutOver?.downtimeMs ?? -1;
  const left = formatBytes(Number(m.progress.memory.remainingBytes));
  return {
    label: 'Do not wait…',
    busy: 'Stopping it…',
    question: `Stop ${m.vm} with whatever is left?`,
    yes: 'Yes, move it now',
    consequence:
      m.mode === 'hybrid' ? (
        <>
          {m.vm} goes to <b>{m.destination}</b> at once and fetches the {left} that are left from there: until
          it has them, the loss of either place is the loss of the machine.
        </>
      ) : (
        <>
          {m.vm} stands still while the {left} that are left are sent
          {standsMs < 0 ? '' : `, ${formatMs(standsMs)} at the rate of now`}, and then runs at{' '}
          <b>{m.destination}</b>.
        </>
      ),
  };
}

export function MigrationActions({ migration: m }: { readonly migration: MigrationView }) {
  return (
    <div class="actions tools">
      <Action migration={m} method="cancel" possible={isCancellable(m)} words={cancelWords(m)} />
      <Action migration={m} method="force-complete" possible={isForcible(m)} words={forceWords(m)} />
    </div>
  );
}
