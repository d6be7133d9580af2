import type { CircuitError, CircuitRequest, ProvidedCircuit, ProvidedState } from './protocol.js';

/** Requests and answers of `provider-openapi.yaml`, without sockets. */

export interface HttpQuestion {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** relative to the provider's base address */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** value of the header `Retry-After`; null: it is not there */
  readonly retryAfter: string | null;
}
/** What an answer means. `again`: it may be asked once more, after `waitSeconds` at least. */
export type Meaning =
  | { readonly kind: 'circuits'; readonly circuits: readonly ProvidedCircuit[] }
  | { readonly kind: 'error'; readonly error: CircuitError }
  | { readonly kind: 'again'; readonly error: CircuitError; readonly waitSeconds: number };

const listLimit = 10_000;
const reasonLimit = 1000;
const again = new Set([408, 425, 429]);
const states: readonly string[] = ['signalling', 'up', 'failed', 'releasing', 'gone'];

export function questionOf(request: CircuitRequest): HttpQuestion {
  if (request.kind === 'list')
    return {
      method: 'GET',
      path: `circuits?owner=${encodeURIComponent(request.owner)}`,
      headers: {},
      body: undefined,
    };
  const path = `circuits/${encodeURIComponent(request.id)}`;
  switch (request.kind) {
    case 'status':
      return { method: 'GET', path, headers: {}, body: undefined };
    case 'release':
      return { method: 'DELETE', path, headers: {}, body: undefined };
    case 'request':
      return {
        method: 'PUT',
        path,
        headers: { 'content-type': 'application/json', 'idempotency-key': request.id },
        body: JSON.stringify({ link: request.link, ...request.terms }),
      };
  }
}

/** Never throws: what is not what the description says is an error of code `protocol`. */
export function meaningOf(request: CircuitRequest, answer: HttpAnswer): Meaning {
  const { status } = answer;
  if (status >= 200 && status < 300) return successOf(request, answer);
  const detail = detailOf(answer);
  if (status === 404 && (request.kind === 'status' || request.kind === 'release'))
    return { kind: 'circuits', circuits: [] };
  if (status >= 500 || again.has(status))
    return { kind: 'again', error: { code: 'unavailable', detail }, waitSeconds: retryAfterOf(answer) };
  if (status >= 400 && request.kind === 'request') return error('refused', detail);
  return error(status >= 400 ? 'unavailable' : 'protocol', detail);
}

function successOf(request: CircuitRequest, { status, body }: HttpAnswer): Meaning {
  if (status === 204 && request.kind === 'release') return { kind: 'circuits', circuits: [] };
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return error('protocol', `status ${status} with a body that is not JSON`);
  }
  const items = request.kind === 'list' ? (value as { items?: unknown } | null)?.items : [value];
  if (!Array.isArray(items) || items.length > listLimit)
    return error('protocol', `the answer to a list has no member "items" of at most ${listLimit} circuits`);
  const circuits: ProvidedCircuit[] = [];
  for (const item of items) {
    const circuit = circuitOf(item);
    if (typeof circuit === 'string') return error('protocol', circuit);
    if (request.kind !== 'list' && circuit.id !== request.id)
      return error('protocol', `${request.id} was asked for, and the answer is about ${circuit.id}`);
    if (request.kind !== 'list' || circuit.id.startsWith(`${request.owner}.`)) circuits.push(circuit);
  }
  return { kind: 'circuits', circuits };
}

/** A circuit, or a sentence that says what is wrong with it. */
function circuitOf(value: unknown): ProvidedCircuit | string {
  if (typeof value !== 'object' || value === null) return 'a circuit is not a JSON object';
  const { id, link, state, reason = '' } = value as Readonly<Record<string, unknown>>;
  if (typeof id !== 'string' || id === '') return 'a circuit has no id';
  if (typeof link !== 'string') return `circuit ${id} has no link`;
  if (typeof state !== 'string' || !states.includes(state))
    return `circuit ${id} is in a state that is not one of ${states.join(', ')}`;
  if (typeof reason !== 'string') return `the reason of circuit ${id} is not a text`;
  return { id, link, state: state as ProvidedState, reason: reason.slice(0, reasonLimit) };
}

const error = (code: CircuitError['code'], detail: string): Meaning => ({
  kind: 'error',
  error: { code, detail },
});

/** The sentence of a problem (RFC 9457), or the status alone. */
function detailOf({ status, body }: HttpAnswer): string {
  try {
    const { title, detail } = JSON.parse(body) as { title?: unknown; detail?: unknown };
    const text = typeof detail === 'string' && detail !== '' ? detail : title;
    if (typeof text === 'string' && text !== '') return `${text.slice(0, reasonLimit)} (status ${status})`;
  } catch {
    // Proxies answer in HTML; the status says enough.
  }
  return `status ${status}`;
}

/** RFC 9110, section 10.2.3, the form with seconds; a date is taken for none. */
function retryAfterOf({ retryAfter }: HttpAnswer): number {
  const seconds = retryAfter === null || !/^[0-9]{1,6}$/.test(retryAfter.trim()) ? 0 : Number(retryAfter);
  return seconds;
}
