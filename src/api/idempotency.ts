import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';
import { ApiProblem } from './problems.js';

/**
 * Repeats of a request with the same Idempotency-Key get the first answer, to the byte, also while the first is
 * still being worked on. This memory is short (bounded, lost at a restart); behind it the engine keeps keys in
 * the journal and answers a repeat with the migration it started. A refused request left nothing behind, so its
 * key is free again.
 */
export class IdempotentAnswers<Answer> {
  readonly #capacity: number;
  readonly #entries = new Map<string, { readonly digest: string; readonly answer: Promise<Answer> }>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  async once(key: string | null, digest: string, work: () => Promise<Answer>): Promise<Answer> {
    if (key === null) return work();
    const known = this.#entries.get(key);
    if (known !== undefined) {
      if (known.digest !== digest) throw conflict(key);
      return known.answer;
    }
    const answer = work();
    this.#entries.set(key, { digest, answer });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#capacity) break;
      this.#entries.delete(oldest);
    }
    try {
      return await answer;
    } catch (error) {
      if (this.#entries.get(key)?.answer === answer) this.#entries.delete(key);
      throw error;
    }
  }
}

/** SHA-256 of the meaning of a body: the order of members and white space do not matter, defaults are filled in. */
export function bodyDigest(body: unknown): string {
  return createHash('sha256').update(canonicalJson(body)).digest('hex');
}

/**
 * The key as a client sent it, bare or as a quoted string (a structured-field string).
 * @throws ApiProblem `invalid-header`
 */
export function idempotencyKey(header: string | readonly string[] | undefined): string | null {
  if (header === undefined) return null;
  const text = typeof header === 'string' ? header.trim() : '';
  const key = /^"(.*)"$/.exec(text)?.[1] ?? text;
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new ApiProblem({
      slug: 'invalid-header',
      status: 400,
      title: 'Invalid header',
      detail: 'Idempotency-Key must be one string of 1 to 255 visible ASCII characters, a UUID for example.',
    });
  return key;
}

function conflict(key: string): ApiProblem {
  return new ApiProblem({
    slug: 'idempotency-conflict',
    status: 422,
    title: 'Idempotency-Key used for another body',
    detail: `The key ${JSON.stringify(key)} came before with a different body; use a new key for a new request.`,
  });
}
