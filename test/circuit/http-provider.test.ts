import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Schema from 'typebox/schema';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { questionOf } from '../../src/circuit/http-messages.js';
import { HttpProvider } from '../../src/circuit/http-provider.js';
import type { CircuitError, CircuitRequest, ProvidedCircuit } from '../../src/circuit/protocol.js';
import { type ModelOptions, ProviderModel } from '../../src/circuit/provider-model.js';
import { ProviderServer } from '../../src/circuit/provider-server.js';

const id = 'two-dc.circuit.1767225600000-1';
const terms = { ends: ['gw-a', 'gw-b'], capacityBitsPerSecond: 1e8, setupSeconds: 0 } as const;
const order: CircuitRequest = { kind: 'request', id, link: 'circuit', terms };
const release: CircuitRequest = { kind: 'release', id };
const status: CircuitRequest = { kind: 'status', id };
const list: CircuitRequest = { kind: 'list', owner: 'two-dc' };

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Told {
  readonly error: CircuitError | null;
  readonly circuits: readonly ProvidedCircuit[];
}
function clientOf(url: string, timeoutSeconds = 5, token?: () => string) {
  const provider = new HttpProvider({ url, timeoutSeconds, ...(token && { token }) });
  closers.push(() => provider.stop());
  return (request: CircuitRequest): Promise<Told> =>
    new Promise((resolve) => provider.ask(request, (error, circuits) => resolve({ error, circuits })));
}
async function modelServer(options: ModelOptions = {}) {
  const model = new ProviderModel(['circuit'], () => undefined, options);
  const server = new ProviderServer(model, () => performance.now() / 1000);
  closers.push(() => server.close());
  return { model, url: await server.listen() };
}
/** A server that answers as it is told. */
async function handServer(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the HTTP provider', () => {
  it('orders, reads, lists and releases', async () => {
    const { model, url } = await modelServer({ setupSeconds: 0, releaseSeconds: 0 });
    const ask = clientOf(url);
    expect(await ask(order)).toEqual({
      error: null,
      circuits: [{ id, link: 'circuit', state: 'signalling', reason: '' }],
    });
    while ((await ask(status)).circuits[0]?.state !== 'up');
    expect((await ask(list)).circuits).toHaveLength(1);
    expect((await ask(release)).circuits).toMatchObject([{ state: 'releasing' }]);
    while ((await ask(status)).circuits.length > 0);
    expect(await ask(release)).toEqual({ error: null, circuits: [] });
    expect([model.granted, model.released]).toEqual([1, 1]);
    expect(await ask(order)).toMatchObject({ error: { code: 'refused' } });
  });

  it('hands a refusal on with its sentence', async () => {
    const { url } = await modelServer({ fateOf: () => ({ kind: 'refused', detail: 'no capacity left' }) });
    expect(await clientOf(url)(order)).toEqual({
      error: { code: 'refused', detail: 'no capacity left (status 409)' },
      circuits: [],
    });
  });

  it('gives up in time when nobody answers, though the order was carried out', async () => {
    const { model, url } = await modelServer({
      fateOf: ({ kind }) => ({ kind: kind === 'request' ? 'unanswered' : 'answered' }),
    });
    const ask = clientOf(url, 0.2);
    expect(await ask(order)).toMatchObject({ error: { code: 'timeout' } });
    expect(model.circuits()).toHaveLength(1);
    expect((await clientOf(url)(list)).circuits).toMatchObject([{ id }]);
  });

  it('asks again what a busy provider did not answer, under the same key', async () => {
    const seen: string[] = [];
    const url = await handServer((request, response) => {
      seen.push(`${request.method} ${String(request.headers['idempotency-key'])}`);
      if (seen.length < 3) response.writeHead(503).end();
      else response.end(JSON.stringify({ id, link: 'circuit', state: 'signalling' }));
    });
    expect(await clientOf(url)(order)).toMatchObject({ error: null });
    expect(seen).toEqual([`PUT ${id}`, `PUT ${id}`, `PUT ${id}`]);
  });

  it('waits as long as it is told to, and says what the last answer was', async () => {
    let asked = 0;
    const url = await handServer((_, response) => {
      asked += 1;
      response.writeHead(429, { 'retry-after': '60' }).end('{"title":"too many"}');
    });
    expect(await clientOf(url, 0.7)(order)).toEqual({
      error: { code: 'unavailable', detail: 'too many (status 429)' },
      circuits: [],
    });
    expect(asked).toBe(1);
  });

  it('never repeats an order after its release', async () => {
    const seen: string[] = [];
    const url = await handServer((request, response) => {
      seen.push(request.method!);
      response.writeHead(request.method === 'DELETE' ? 204 : 503).end();
    });
    const ask = clientOf(url, 5);
    const ordered = ask(order);
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await ask(release)).toEqual({ error: null, circuits: [] });
    expect(await ordered).toMatchObject({ error: { code: 'unavailable' } });
    const { length } = seen;
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(seen.slice(length)).toEqual([]);
  });

  it('says that nobody listens', async () => {
    const url = await handServer(() => undefined);
    await closers.pop()!();
    const { error } = await clientOf(url, 0.3)(list);
    expect(error).toMatchObject({ code: 'unavailable', detail: expect.stringContaining('ECONNREFUSED') });
  });

  it('does not follow a redirect, nor read without end', async () => {
    const elsewhere = await handServer((_, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    });
    expect(await clientOf(elsewhere, 0.3)(list)).toMatchObject({ error: { code: 'unavailable' } });
    const endless = await handServer((_, response) => {
      const chunk = Buffer.alloc(1 << 20, 0x20);
      for (let i = 0; i < 6; i++) response.write(chunk);
      response.end();
    });
    const { error } = await clientOf(endless, 3)(list);
    expect(error).toMatchObject({ code: 'protocol', detail: expect.stringContaining('longer than') });
  });

  it('sends a token that it reads anew each time', async () => {
    const seen: string[] = [];
    const url = await handServer((request, response) => {
      seen.push(String(request.headers.authorization));
      response.end('{"items":[]}');
    });
    let count = 0;
    const ask = clientOf(url, 5, () => `secret-${++count}`);
    await ask(list);
    await ask(list);
    expect(seen).toEqual(['Bearer secret-1', 'Bearer secret-2']);
  });
});

type Json = Readonly<Record<string, unknown>>;
const description = parse(readFileSync('src/circuit/provider-openapi.yaml', 'utf8')) as {
  paths: Record<string, Record<string, Operation>>;
};
interface Operation {
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: Json }[];
  readonly requestBody?: { content: Record<string, { schema: Json }> };
  readonly responses: Record<string, { content?: Record<string, { schema: Json }> }>;
}
/** With every reference replaced by what it names. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== 'object' || value === null) return value;
  const { $ref } = value as { $ref?: string };
  if ($ref !== undefined) {
    let found: unknown = description;
    for (const name of $ref.slice(2).split('/')) found = (found as Json)[name];
    if (found === undefined) throw new Error(`${$ref} names nothing`);
    return resolved(found);
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolved(member)]));
}
const paths = resolved(description.paths) as typeof description.paths;

describe('the description of the interface', () => {
  it('is held by both sides: every request and every answer fits it', async () => {
    const { model, url } = await modelServer({ setupSeconds: 0, releaseSeconds: 3600 });
    const conversation: CircuitRequest[] = [
      status,
      list,
      order,
      order,
      status,
      { ...order, id: `${id}-b` },
      list,
      release,
      release,
      { kind: 'release', id: 'two-dc.never' },
      order,
    ];
    const told: string[] = [];
    for (const request of conversation) {
      const { method, path, headers, body } = questionOf(request);
      const [pathname, query = ''] = path.split('?');
      const template = pathname!.includes('/') ? '/circuits/{id}' : '/circuits';
      const operation = paths[template]![method.toLowerCase()]!;
      const shared = (paths[template] as { parameters?: Operation['parameters'] }).parameters ?? [];
      const given: Record<string, unknown> = {
        id: 'id' in request ? request.id : undefined,
        owner: new URLSearchParams(query).get('owner'),
        'Idempotency-Key': headers['idempotency-key'],
      };
      for (const parameter of [...shared, ...(operation.parameters ?? [])])
        expect(Schema.Check(parameter.schema, given[parameter.name])).toBe(true);
      if (body !== undefined)
        expect(
          Schema.Check(operation.requestBody!.content['application/json']!.schema, JSON.parse(body)),
        ).toBe(true);
      const response = await fetch(new URL(path, url), { method, headers, ...(body && { body }) });
      const documented = operation.responses[response.status];
      expect(documented, `${method} ${path}: ${response.status}`).toBeDefined();
      told.push(`${method} ${response.status}`);
      const type = response.headers.get('content-type');
      const text = await response.text();
      if (text === '') expect(documented!.content).toBeUndefined();
      else expect(Schema.Check(documented!.content![type!]!.schema, JSON.parse(text))).toBe(true);
    }
    expect(new Set(told)).toEqual(
      new Set(['GET 404', 'GET 200', 'PUT 201', 'PUT 409', 'DELETE 202', 'DELETE 204']),
    );
    expect(model.circuits()).toHaveLength(1);
    const wanted = paths['/circuits/{id}']!.put!.requestBody!.content['application/json']!.schema;
    expect(Schema.Check(wanted, { link: 'circuit', ...terms })).toBe(true);
    expect(Schema.Check(wanted, { link: 'circuit', ...terms, ends: ['gw-a'] })).toBe(false);
  });
});
