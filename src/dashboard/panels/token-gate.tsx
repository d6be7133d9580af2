/** The door: asked for a token, and told clearly when it is not taken. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Access } from '../model/access.js';

interface Props {
  readonly access: Extract<Access, { kind: 'locked' }>;
  readonly onToken: (token: string) => void;
}

export function TokenGate({ access, onToken }: Props) {
  const [token, setToken] = useState('');
  const [sent, setSent] = useState<object | null>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), [access]);
  // Every answer is a new object: until it comes, the button rests.
  const waiting = sent === access;
  return (
    <section class="panel gate" id="access" aria-labelledby="access-title">
      <h2 id="access-title">This controller asks for a token</h2>
      <p>
        Whoever looks at it or moves machines with it says who he is. The operator makes a token on the
        controller: <code>steady token NAME --scope read</code> to look, <code>--scope operate</code> to move
        machines.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setSent(access);
          onToken(token.trim());
        }}
      >
        <label for="token">Token</label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={token}
          aria-invalid={access.refusal !== null}
          aria-describedby={access.refusal === null ? 'token-where' : 'token-refusal token-where'}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={waiting || token.trim() === ''}>
          {waiting ? 'Asking…' : 'Use this token'}
        </button>
      </form>
      {access.refusal !== null && !waiting && (
        <p class="failure" id="token-refusal" role="alert">
          <b>Not taken. </b>
          {access.refusal}
        </p>
      )}
      <p id="token-where">
        <small>
          It is kept until this tab is closed, in this browser only, and never put into an address.
        </small>
      </p>
    </section>
  );
}
