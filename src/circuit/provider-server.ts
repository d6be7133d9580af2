import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CircuitRequest } from './protocol.js';
import type { ModelAnswer, ProviderModel } from './provider-model.js';

const bodyLimitBytes = 16 * 1024;
const idForm = /^[a-z][a-z0-9-]{0,30}\.[A-Za-z0-9.-]{1,96}$/;
const ownerForm = /^[a-z][a-z0-9-]{0,30}$/;

/** A provider's side of `provider-openapi.yaml`: a model of one behind HTTP, with real time. */
export class ProviderServer {
  readonly #model: ProviderModel;
  readonly #server: Server;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;

  /** @param now seconds of a clock that never goes back */
  constructor(model: ProviderModel, now: () => number) {
    this.#model = model;
    this.#now = now;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.requestTimeout = 10_000;
  }

  /** Listens on loopback; 0 picks a free port. Returns the base address. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const asked = requestOf(request, await bodyOf(request));
      if (asked instanceof Refusal) {
        problem(response, asked.status, asked.message);
        return;
      }
      const answer = this.#model.handle(asked, this.#now());
      this.#plan();
      if (answer !== undefined) reply(response, asked, answer);
      // Else its sender hears nothing: the connection stays open until it gives up.
    } catch (cause) {
      problem(response, 400, cause instanceof Error ? cause.message : String(cause));
    }
  }

  /** Times that have come are acted upon whether or not anybody asks. */
  #plan(): void {
    clearTimeout(this.#timer);
    const next = this.#model.nextDeadline();
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => {
        this.#model.advance(this.#now());
        this.#plan();
      },
      Math.min(60_000, Math.max(0, (next - this.#now()) * 1000)),
    );
  }
}

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > bodyLimitBytes) throw new RangeError(`a body has at most ${bodyLimitBytes} bytes`);
  }
  return body;
}

function requestOf({ method, url, headers }: IncomingMessage, body: string): CircuitRequest | Refusal {
  const { pathname, searchParams } = new URL(url ?? '/', 'http://provider.invalid');
  if (pathname === '/circuits') {
    const owner = searchParams.get('owner') ?? '';
    if (method !== 'GET') return new Refusal(405, 'a list is read with GET');
    return ownerForm.test(owner) ? { kind: 'list', owner } : new Refusal(422, 'give ?owner=NAME');
  }
  const id = decodeURIComponent(/^\/circuits\/([^/]+)$/.exec(pathname)?.[1] ?? '');
  if (!idForm.test(id)) return new Refusal(422, 'the path is /circuits/OWNER.REST');
  if (method === 'GET') return { kind: 'status', id };
  if (method === 'DELETE') return { kind: 'release', id };
  if (method !== 'PUT') return new Refusal(405, 'a circuit is ordered with PUT');
  if (headers['idempotency-key'] !== id) return new Refusal(422, 'the Idempotency-Key must be the id');
  const order = JSON.parse(body) as Readonly<Record<string, unknown>>;
  const { link, ends, capacityBitsPerSecond, setupSeconds } = order;
  if (typeof link !== 'string' || !Array.isArray(ends) || ends.length !== 2)
    return new Refusal(422, 'an order names its link and two ends');
  if (!isNumber(capacityBitsPerSecond) || !isNumber(setupSeconds))
    return new Refusal(422, 'an order has capacityBitsPerSecond and setupSeconds');
  const terms = { ends: [String(ends[0]), String(ends[1])], capacityBitsPerSecond, setupSeconds } as const;
  return { kind: 'request', id, link, terms };
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && value >= 0;

function reply(response: ServerResponse, asked: CircuitRequest, { error, circuits }: ModelAnswer): void {
  const [first] = circuits;
  if (error !== null) problem(response, error.code === 'refused' ? 409 : 503, error.detail);
  else if (asked.kind === 'list') send(response, 200, 'application/json', { items: circuits });
  else if (first !== undefined) {
    const status = asked.kind === 'request' ? 201 : asked.kind === 'release' ? 202 : 200;
    send(response, status, 'application/json', first);
  } else if (asked.kind === 'release') response.writeHead(204).end();
  else problem(response, 404, 'there is no such circuit');
}

const problem = (response: ServerResponse, status: number, detail: string): void =>
  send(response, status, 'application/problem+json', { type: 'about:blank', status, detail });

function send(response: ServerResponse, status: number, type: string, body: unknown): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'content-type': type });
  response.end(JSON.stringify(body));
}
