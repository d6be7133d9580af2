/** What whoever looks at the page may do, and why not more. Pure. */
import type { AccessView, SystemView } from './types.js';

export type Access =
  | { readonly kind: 'unknown' }
  /** what is shown has been, and is not there any more to be changed */
  | { readonly kind: 'past' }
  | { readonly kind: 'granted'; readonly held: AccessView }
  /** a token is asked for; `refusal`: why the one that was given is not taken */
  | { readonly kind: 'locked'; readonly refusal: string | null };

/** What is done about an answer to `GET /v1/access`; `retry`: ask again later, this was no verdict. */
export type Admission =
  | Exclude<Access, { kind: 'unknown' | 'past' }>
  | { readonly kind: 'retry'; readonly reason: string };

export function admissionOf(
  answer:
    | { readonly ok: true; readonly body: AccessView }
    | { readonly ok: false; readonly refusal: { readonly status: number; readonly detail: string } },
  token: string | null,
): Admission {
  if (answer.ok) return { kind: 'granted', held: answer.body };
  const { status, detail } = answer.refusal;
  if (status === 401)
    return {
      kind: 'locked',
      refusal: token === null ? null : 'The controller does not know this token, or it has expired.',
    };
  if (status === 403) return { kind: 'locked', refusal: detail };
  return { kind: 'retry', reason: detail };
}

/** Why nothing can be changed; null: it can. */
export function whyOnlyLooking(access: Access): string | null {
  if (access.kind === 'past')
    return 'You look back: what is shown has happened, and nothing can be changed. “Now” returns to the present.';
  if (access.kind !== 'granted') return 'It is not known yet what you may do here.';
  const { name, scope, source } = access.held;
  if (source === 'recording')
    return 'This is a recording: what it shows has happened already, and nothing can be changed.';
  if (scope === 'read')
    return `The token “${name}” has the scope read: you may look. To start or cancel a migration use one with the scope operate.`;
  return null;
}

/** Why no migration can be started, though asking what it would do may be possible; null: it can. */
export function whyNoStart(access: Access, view: SystemView): string | null {
  const looking = whyOnlyLooking(access);
  if (looking !== null) return looking;
  if (view.mode === 'shadow')
    return 'Shadow mode: Steady changes nothing on this network, so no migration can be started. A check still tells what one would do.';
  return null;
}

export function accessWords(access: Access): { readonly word: string; readonly title: string } {
  if (access.kind === 'locked') return { word: 'token needed', title: 'The controller asks for a token' };
  if (access.kind !== 'granted') return { word: '–', title: 'Not known yet' };
  const { name, scope, tokenNeeded, source } = access.held;
  if (source === 'recording')
    return { word: 'recording', title: 'What is shown has happened already; nothing can be changed' };
  if (!tokenNeeded) return { word: 'everything', title: 'On this address no token is asked for' };
  return { word: `${scope} as ${name}`, title: `The token of “${name}” has the scope ${scope}` };
}
