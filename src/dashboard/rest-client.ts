/** Requests of the page to the controller that served it. Every answer is a value: a refusal is one to be shown. */
import type { ProblemJson } from '../api/schemas/index.js';
import { tokenOf } from './token-keeper.js';

/** What a person is told when something was refused or did not work. */
export interface Refusal {
  /** HTTP status; 0: no answer came */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}
export type Answer<Body> =
  | { readonly ok: true; readonly body: Body }
  | { readonly ok: false; readonly refusal: Refusal };

/** Longer than the controller waits for its engine. */
const answerWithinMs = 15_000;

const noAnswer = (why: unknown): Refusal => ({
  status: 0,
  title: 'No answer',
  detail:
    why instanceof DOMException && why.name === 'TimeoutError'
      ? `Nothing came within ${answerWithinMs / 1000} s. The request may still take effect: look before you ask again.`
      : 'The controller cannot be reached.',
});

async function refusalOf(response: Response): Promise<Refusal> {
  const problem = (await response.json().catch(() => ({}))) as Partial<ProblemJson>;
  const places = (problem.errors ?? []).map((e) => `${e.pointer}: ${e.detail}`);
  return {
    status: response.status,
    title: problem.title ?? `Answer ${response.status}`,
    detail: [problem.detail ?? response.statusText, ...places].join(' '),
  };
}

async function ask<Body>(
  path: string,
  init: RequestInit,
  read: (response: Response) => Promise<unknown> = (response) => response.json(),
): Promise<Answer<Body>> {
  const token = tokenOf();
  const headers = {
    accept: 'application/json',
    ...(token !== null && { authorization: `Bearer ${token}` }),
    ...init.headers,
  };
  try {
    const signal = AbortSignal.timeout(answerWithinMs);
    const response = await fetch(path, { ...init, headers, signal, cache: 'no-store' });
    if (!response.ok) return { ok: false, refusal: await refusalOf(response) };
    return { ok: true, body: (await read(response)) as Body };
  } catch (error) {
    return { ok: false, refusal: noAnswer(error) };
  }
}

export const get = <Body>(path: string): Promise<Answer<Body>> => ask(path, {});

/** As people read it, where the controller has it so. */
export const getText = (path: string): Promise<Answer<string>> =>
  ask(path, { headers: { accept: 'text/plain' } }, (response) => response.text());

export const post = <Body>(
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Answer<Body>> =>
  ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

/** 128 random bits; `crypto.randomUUID` is missing where the page came without TLS. */
export const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
