import { type HttpAnswer, meaningOf, questionOf } from './http-messages.js';
import type { CircuitError, CircuitRequest, ProvidedCircuit } from './protocol.js';

export interface HttpProviderOptions {
  /** base address; a path without a slash at its end is completed */
  readonly url: string;
  /** of one request with all its repetitions */
  readonly timeoutSeconds: number;
  /** bearer token, read for every attempt so that it can be replaced; undefined: none is sent */
  readonly token?: () => string;
}
type Answered = (error: CircuitError | null, circuits: readonly ProvidedCircuit[]) => void;

const firstBackoffSeconds = 0.25;
const longestBackoffSeconds = 5;
const bodyLimitBytes = 4 * 1024 * 1024;
/** One for each order and one for the list; more means that the caller does not wait for answers. */
const inFlightLimit = 1000;

/**
 * Asks an external network-management system (`provider-openapi.yaml`). Every question is answered exactly once within its time limit.
 * What may be asked again is, after 0.25, 0.5, 1... s; a later question about the same order takes the place of an earlier one,
 * so that an order is never repeated after its release.
 */
export class HttpProvider {
  readonly #options: HttpProviderOptions;
  readonly #base: URL;
  readonly #inFlight = new Map<string, AbortController>();
  #stopped = false;

  /** @throws TypeError when the address is not a URL */
  constructor(options: HttpProviderOptions) {
    this.#options = options;
    this.#base = new URL(options.url.endsWith('/') ? options.url : `${options.url}/`);
  }

  ask(request: CircuitRequest, answered: Answered): void {
    if (this.#stopped) return;
    const key = request.kind === 'list' ? 'list' : request.id;
    this.#inFlight.get(key)?.abort(new Superseded());
    if (this.#inFlight.size >= inFlightLimit) {
      answered({ code: 'unavailable', detail: `${inFlightLimit} questions are on their way already` }, []);
      return;
    }
    const abort = new AbortController();
    this.#inFlight.set(key, abort);
    void this.#converse(request, abort.signal).then(({ error, circuits }) => {
      if (this.#inFlight.get(key) === abort) this.#inFlight.delete(key);
      if (!this.#stopped) answered(error, circuits);
    });
  }

  /** Nothing is answered any more. */
  stop(): void {
    this.#stopped = true;
    for (const abort of this.#inFlight.values()) abort.abort(new Superseded());
  }

  /** Attempt after attempt until there is an answer or no time is left. Never rejects. */
  async #converse(
    request: CircuitRequest,
    superseded: AbortSignal,
  ): Promise<{ error: CircuitError | null; circuits: readonly ProvidedCircuit[] }> {
    const limit = AbortSignal.timeout(this.#options.timeoutSeconds * 1000);
    const signal = AbortSignal.any([limit, superseded]);
    let backoff = firstBackoffSeconds;
    let last: CircuitError = {
      code: 'timeout',
      detail: `no answer within ${this.#options.timeoutSeconds} s`,
    };
    for (;;) {
      let wait = backoff;
      try {
        const meaning = meaningOf(request, await this.#attempt(request, signal));
        if (meaning.kind === 'circuits') return { error: null, circuits: meaning.circuits };
        if (meaning.kind === 'error') return { error: meaning.error, circuits: [] };
        last = meaning.error;
        wait = Math.max(wait, meaning.waitSeconds);
      } catch (cause) {
        if (cause instanceof TooLong)
          return { error: { code: 'protocol', detail: cause.message }, circuits: [] };
        if (!signal.aborted) last = { code: 'unavailable', detail: sentenceOf(cause) };
      }
      if (!(await pause(wait, signal))) break;
      backoff = Math.min(longestBackoffSeconds, 2 * backoff);
    }
    if (superseded.aborted)
      last = { code: 'unavailable', detail: 'a later question about the same order took its place' };
    return { error: last, circuits: [] };
  }

  async #attempt(request: CircuitRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const { method, path, headers, body } = questionOf(request);
    const token = this.#options.token?.();
    const response = await fetch(new URL(path, this.#base), {
      method,
      headers: {
        accept: 'application/json, application/problem+json',
        ...headers,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body }),
      redirect: 'error',
      signal,
    });
    return {
      status: response.status,
      body: await textOf(response),
      retryAfter: response.headers.get('retry-after'),
    };
  }
}

class Superseded extends Error {}
class TooLong extends Error {}

/** The whole body, or an error once it is longer than anything that is described. */
async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (response.body !== null)
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > bodyLimitBytes) throw new TooLong(`the answer is longer than ${bodyLimitBytes} bytes`);
      chunks.push(chunk);
    }
  return Buffer.concat(chunks).toString('utf8');
}

/** `fetch` hides what happened in the cause of its error. */
function sentenceOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  if (!(inner instanceof Error)) return String(inner);
  const { code } = inner as { code?: unknown };
  return typeof code === 'string' && inner.message === '' ? code : inner.message;
}

/** False: it was aborted before the time was over. */
function pause(seconds: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(false);
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve(true);
    }, seconds * 1000);
    signal.addEventListener('abort', end, { once: true });
  });
}
