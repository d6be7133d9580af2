import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../../src/api/index.js';
import { defaultConfig } from '../../src/io/config-file.js';
import { RunningEngine } from '../../src/io/running-engine.js';
import { type Components, nearly, type Schema } from './schema-arbitrary.js';

/** 300 at every run; STEADY_TEST_SCALE=334 makes it 100,000. */
const requests = 300 * Number(process.env.STEADY_TEST_SCALE ?? 1);

interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
}
interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly payload: string | undefined;
}

const silent = { info: () => {}, warn: () => {}, error: () => {} };
let directory: string;
let engine: RunningEngine;
let app: FastifyInstance;
const unlimited = { perSecond: 1e9, burst: 1e9 };
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'steady-random-'));
  engine = await RunningEngine.start({
    config: defaultConfig({ STEADY_TOPOLOGY: 'topologies/two-dc.yaml' }).config,
    openflow: { host: '127.0.0.1', port: 0 },
    stateDirectory: directory,
    recordFile: undefined,
    log: silent,
  });
  app = createApi({
    application: engine,
    dashboardDirectory: '/nonexistent',
    rateLimits: { read: unlimited, change: unlimited, refused: unlimited },
  });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await engine.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** No line breaks: no client could send them. */
const headerText = fc.string({ maxLength: 60 }).map((text) => text.replaceAll(/[^\x20-\x7e]/g, ''));
const contentTypes = [
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'application/xml',
  '',
];
/** of the stream only what ends: server-sent events go on for ever */
const accepts = [
  '*/*',
  'application/json',
  'text/plain',
  'text/html;q=0.5, */*;q=0',
  ',;q',
  'application/json;q=x',
];

/** Requests of one operation: parameters and body that nearly fit, some headers that do not. */
function requestOf(
  method: string,
  path: string,
  operation: Operation,
  components: Components,
): fc.Arbitrary<Request> {
  const parameters = operation.parameters ?? [];
  const text = (schema: Schema) =>
    nearly(schema, components).map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  const values = fc.tuple(...parameters.map(({ schema }) => fc.option(text(schema), { freq: 4 })));
  const schema = operation.requestBody?.content['application/json']?.schema;
  const json =
    schema === undefined
      ? fc.constant(undefined)
      : nearly(schema, components).map((value) => JSON.stringify(value));
  const payload = fc.oneof(
    { weight: 8, arbitrary: json },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 100 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('{', '[]', 'null', '{"a":1,}', 'x'.repeat(70_000), '{"__proto__":1}'),
    },
  );
  const extra = fc.dictionary(
    fc.constantFrom(
      'idempotency-key',
      'if-match',
      'origin',
      'authorization',
      'steady-reason',
      'expect',
      'x-y',
    ),
    headerText,
    { maxKeys: 2 },
  );
  return fc
    .tuple(
      values,
      payload,
      fc.constantFrom(...accepts),
      fc.constantFrom(...contentTypes, ...Array(8).fill('application/json')),
      extra,
    )
    .map(([found, body, accept, type, headers]) => {
      let url = path;
      const query = new URLSearchParams();
      const own: Record<string, string> = {};
      for (const [i, parameter] of parameters.entries()) {
        const value = found[i];
        if (parameter.in === 'path') url = url.replace(`{${parameter.name}}`, encode(value ?? '1'));
        else if (value === null || value === undefined) continue;
        else if (parameter.in === 'query') query.append(parameter.name, value);
        else own[parameter.name] = value.replaceAll(/[^\x20-\x7e]/g, '');
      }
      const hasBody = method === 'post' && body !== undefined;
      return {
        method: method.toUpperCase(),
        url: query.size === 0 ? url : `${url}?${query}`,
        headers: { accept, ...own, ...headers, ...(hasBody && type !== '' ? { 'content-type': type } : {}) },
        payload: hasBody ? body : undefined,
      };
    });
}
/** Lone surrogates have no UTF-8. */
const encode = (value: string): string => encodeURIComponent(value.replaceAll(/\p{Cs}/gu, '?'));

describe('any request', () => {
  it('is answered, and never with a failure of ours', { timeout: 60_000 + requests * 50 }, async () => {
    const document = (await app.inject('/docs/json')).json() as {
      paths: Record<string, Record<string, Operation>>;
      components: { schemas: Components };
    };
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ method, path, operation })),
    );
    const any = fc.oneof(
      ...operations.map(({ method, path, operation }) =>
        requestOf(method, path, operation, document.components.schemas),
      ),
      fc.record({
        method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'),
        url: fc.webPath().map((path) => (path.startsWith('/') ? path : `/${path}`)),
        headers: fc.constant({}),
        payload: fc.constant(undefined),
      }),
    );
    const seen = new Map<number, number>();
    let heapAfterTenth = 0;
    const heap = (): number => {
      setFlagsFromString('--expose-gc');
      (runInNewContext('gc') as () => void)();
      return process.memoryUsage().heapUsed;
    };
    let count = 0;
    await fc.assert(
      fc.asyncProperty(any, async (request) => {
        const { payload, ...rest } = request;
        const response = await app.inject({
          ...rest,
          ...(payload === undefined ? {} : { payload }),
        } as object);
        const { statusCode } = response;
        seen.set(statusCode, (seen.get(statusCode) ?? 0) + 1);
        count += 1;
        if (requests > 10_000 && count === Math.floor(requests / 10)) heapAfterTenth = heap();
        const unready = request.url.startsWith('/readyz') && statusCode === 503;
        if (!unready) expect(statusCode, response.body).toBeLessThan(500);
        if (statusCode >= 400 && request.method !== 'HEAD' && !unready)
          expect(response.json()).toMatchObject({
            status: statusCode,
            type: expect.stringMatching(/^urn:steady:problem:/),
          });
      }),
      { numRuns: requests, seed: 7 },
    );
    if (requests > 10_000)
      console.log(
        `${count} requests: ${[...seen]
          .sort(([a], [b]) => a - b)
          .map(([code, n]) => `${n} x ${code}`)
          .join(', ')}; ` +
          `heap ${(heapAfterTenth / 1e6).toFixed(0)} MB after a tenth, ${(heap() / 1e6).toFixed(0)} MB at the end`,
      );
    // the generator reaches both what is done and what is refused
    expect(seen.get(200) ?? 0).toBeGreaterThan(requests / 10);
    expect(seen.get(400) ?? 0).toBeGreaterThan(requests / 50);
  });
});
