import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApi } from '../../src/api/index.js';
import type { ApiCommand, ApiResult } from '../../src/engine/input.js';
import { FakeApplication, migrationOf, silence, verdict } from './fake-application.js';

const wanted = { vm: 'vm1', destination: 'hyp-b' };
let application: FakeApplication;
let app: FastifyInstance;
beforeEach(() => {
  application = new FakeApplication();
  app = createApi({ application, dashboardDirectory: '/nonexistent', commandTimeoutMs: 200 });
});
afterEach(() => app.close());
const post = (payload: unknown, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/v1/migrations', payload: payload as object, headers });

describe('POST /v1/migrations', () => {
  it('answers 202 with Location and fills in the defaults', async () => {
    const response = await post(wanted);
    expect(response.statusCode).toBe(202);
    expect(response.headers.location).toBe('/v1/migrations/m-1');
    expect(response.json()).toMatchObject({ id: 'm-1', vm: 'vm1', state: 'accepted' });
    expect(application.commands).toEqual([
      {
        kind: 'createMigration',
        id: 'm-1',
        idempotencyKey: null,
        bodyDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
        request: {
          ...wanted,
          mode: 'precopy',
          maxBandwidthBytesPerSecond: null,
          downtimeLimitMs: 300,
          disk: 'none',
          dryRun: false,
        },
      },
    ]);
  });

  it('is found at its Location before the next view is published', async () => {
    const { headers } = await post(wanted);
    const read = await app.inject(String(headers.location));
    expect(read.json()).toMatchObject({ id: 'm-1', state: 'accepted' });
    expect((await app.inject('/v1/migrations')).json().items).toHaveLength(1);
    application.publish({ migrations: [migrationOf({ id: 'm-1', state: 'running' })] });
    expect((await app.inject(String(headers.location))).json().state).toBe('running');
    const list = (await app.inject('/v1/migrations')).json();
    expect(list.items.map((m: { state: string }) => m.state)).toEqual(['running']);
  });

  it('is gone when a later view has dropped it', async () => {
    const { headers } = await post(wanted);
    application.publish({ migrations: [migrationOf({ id: 'm-1' })] });
    application.publish({ migrations: [] });
    expect((await app.inject(String(headers.location))).statusCode).toBe(404);
  });

  it('answers a dry run with 200 and the verdict, and remembers nothing', async () => {
    const response = await post({ ...wanted, dryRun: true }, { 'idempotency-key': 'k' });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual(verdict);
    expect(application.commands[0]).toMatchObject({ idempotencyKey: null });
    expect((await app.inject('/v1/migrations')).json().items).toEqual([]);
    expect((await post(wanted, { 'idempotency-key': 'k' })).statusCode).toBe(202);
  });

  it('passes on what the engine refuses, with its extra members', async () => {
    application.answer = () => ({
      ok: false,
      problem: {
        slug: 'deadline-infeasible',
        status: 409,
        title: 'Deadline infeasible',
        detail: 'It takes 31 s.',
        errors: [{ pointer: '/deadlineSeconds', detail: 'must be at least 31' }],
        extra: { earliestDeadlineSeconds: 31, status: 'an extra never replaces a standard member' },
      },
    });
    const response = await post({ ...wanted, deadlineSeconds: 5 });
    expect(response.statusCode).toBe(409);
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.json()).toEqual({
      type: 'urn:steady:problem:deadline-infeasible',
      title: 'Deadline infeasible',
      status: 409,
      detail: 'It takes 31 s.',
      instance: '/v1/migrations',
      requestId: response.headers['x-request-id'],
      errors: [{ pointer: '/deadlineSeconds', detail: 'must be at least 31' }],
      earliestDeadlineSeconds: 31,
    });
  });

  it('stops waiting for an engine that does not answer', async () => {
    application.answer = silence;
    const response = await post(wanted);
    expect(response.statusCode).toBe(503);
    expect(response.json().type).toBe('urn:steady:problem:time-out');
    expect(response.headers['retry-after']).toBe('1');
  });

  it('tells a defect of the engine without its text', async () => {
    application.answer = () => Promise.reject(new Error('secret path /x'));
    const response = await post(wanted);
    expect(response.statusCode).toBe(500);
    expect(response.json().type).toBe('urn:steady:problem:internal');
    expect(response.body).not.toContain('secret');
  });
});

describe('the body', () => {
  const pointersOf = async (payload: unknown) => {
    const response = await post(payload);
    expect(response.statusCode).toBe(400);
    expect(response.json().type).toBe('urn:steady:problem:invalid-body');
    expect(application.commands).toEqual([]);
    return (response.json().errors as { pointer: string; detail: string }[]).map(
      (e) => `${e.pointer} ${e.detail}`,
    );
  };

  it('names what is missing', async () => {
    expect(await pointersOf({ vm: 'vm1' })).toEqual(['/destination is required']);
  });
  it('refuses unknown members, with their pointer escaped', async () => {
    expect(await pointersOf({ ...wanted, 'dead/line~': 1 })).toEqual(['/dead~1line~0 is not a known member']);
  });
  it('converts nothing', async () => {
    expect(await pointersOf({ ...wanted, priority: '5' })).toEqual(['/priority must be integer']);
    expect(await pointersOf({ ...wanted, dryRun: 'true' })).toEqual(['/dryRun must be boolean']);
  });
  it('tells the values of an enumeration and both sides of a nullable', async () => {
    expect(await pointersOf({ ...wanted, mode: 'teleport' })).toEqual([
      '/mode must be one of precopy, postcopy, hybrid',
    ]);
    expect(await pointersOf({ ...wanted, maxBandwidthBytesPerSecond: 0 })).toEqual([
      '/maxBandwidthBytesPerSecond must be >= 1 or must be null',
    ]);
  });
  it('reports every place at once', async () => {
    expect(await pointersOf({ vm: '', destination: 7, deadlineSeconds: -1 })).toHaveLength(3);
  });
  it.each([[[]], [null], ['text'], [3]])('is an object, not %j', async (payload) => {
    const response = await app.inject({
      method: 'POST',
      url: '/v1/migrations',
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify(payload),
    });
    expect(response.json()).toMatchObject({ status: 400, type: 'urn:steady:problem:invalid-body' });
  });
  it('is needed', async () => {
    const response = await app.inject({ method: 'POST', url: '/v1/migrations' });
    expect(response.json()).toMatchObject({ status: 400, type: 'urn:steady:problem:invalid-body' });
  });

  const raw = (payload: string, type = 'application/json') =>
    app.inject({ method: 'POST', url: '/v1/migrations', payload, headers: { 'content-type': type } });

  it('is JSON; where it is not, the position is told', async () => {
    const response = await raw('{\n  "vm": vm1\n}');
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({
      type: 'urn:steady:problem:malformed-json',
      position: { offset: 10, line: 2, column: 9 },
    });
  });
  it('may not poison prototypes', async () => {
    const response = await raw('{"vm":"vm1","destination":"hyp-b","__proto__":{"dryRun":true}}');
    expect(response.json()).toMatchObject({ status: 400, type: 'urn:steady:problem:malformed-json' });
  });
  it('survives deep nesting', async () => {
    const depth = 30_000;
    expect((await raw(`${'['.repeat(depth)}${']'.repeat(depth)}`)).statusCode).toBe(400);
    expect((await raw(`{"vm":${'['.repeat(depth)}${']'.repeat(depth)}}`)).statusCode).toBe(400);
    expect((await raw('['.repeat(depth))).json().type).toBe('urn:steady:problem:malformed-json');
  });
  it('has at most 64 KiB', async () => {
    const response = await raw(JSON.stringify({ ...wanted, vm: 'x'.repeat(65_536) }));
    expect(response.json()).toMatchObject({ status: 413, type: 'urn:steady:problem:body-too-large' });
  });
  it.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded'])(
    'is not %s',
    async (type) => {
      const response = await raw('vm=vm1', type);
      expect(response.json()).toMatchObject({
        status: 415,
        type: 'urn:steady:problem:unsupported-media-type',
      });
    },
  );
});

describe('Idempotency-Key', () => {
  it('gives the same answer to the same body, however its members are ordered', async () => {
    const first = await post(wanted, { 'idempotency-key': 'abc' });
    application.publish({ migrations: [migrationOf({ id: 'm-1', state: 'completed' })] });
    const second = await post(
      { destination: 'hyp-b', vm: 'vm1', mode: 'precopy' },
      { 'idempotency-key': '"abc"' },
    );
    expect(second.statusCode).toBe(202);
    expect(second.body).toBe(first.body);
    expect(second.headers.location).toBe(first.headers.location);
    expect(application.commands).toHaveLength(1);
  });
  it('refuses another body', async () => {
    await post(wanted, { 'idempotency-key': 'abc' });
    const second = await post({ ...wanted, priority: 2 }, { 'idempotency-key': 'abc' });
    expect(second.json()).toMatchObject({ status: 422, type: 'urn:steady:problem:idempotency-conflict' });
    expect(application.commands).toHaveLength(1);
  });
  it('joins a repeat to a request that is still being worked on', async () => {
    let finish: (result: ApiResult) => void = () => {};
    application.answer = () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const both = [post(wanted, { 'idempotency-key': 'abc' }), post(wanted, { 'idempotency-key': 'abc' })];
    while (application.commands.length === 0) await new Promise((resolve) => setImmediate(resolve));
    finish({ ok: true, body: migrationOf({ id: 'm-1' }) });
    const [first, second] = await Promise.all(both);
    expect(second?.body).toBe(first?.body);
    expect(application.commands).toHaveLength(1);
  });
  it('asks the engine again after a refusal or a time-out', async () => {
    application.answer = silence;
    expect((await post(wanted, { 'idempotency-key': 'abc' })).statusCode).toBe(503);
    application.answer = (command: ApiCommand) => ({
      ok: true,
      body: migrationOf({ id: (command as { id: string }).id }),
    });
    expect((await post(wanted, { 'idempotency-key': 'abc' })).statusCode).toBe(202);
    expect(application.commands.map((c) => c.kind === 'createMigration' && c.idempotencyKey)).toEqual([
      'abc',
      'abc',
    ]);
  });
  it('points Location to the migration that the engine names, not to the fresh id', async () => {
    application.answer = () => ({ ok: true, body: migrationOf({ id: 'earlier' }) });
    const response = await post(wanted, { 'idempotency-key': 'abc' });
    expect(response.headers.location).toBe('/v1/migrations/earlier');
  });
  it.each(['', 'two words', 'x'.repeat(256)])('is not %j', async (key) => {
    const response = await post(wanted, { 'idempotency-key': key });
    expect(response.json()).toMatchObject({ status: 400, type: 'urn:steady:problem:invalid-header' });
  });
});

describe('GET /v1/migrations', () => {
  const many = Array.from({ length: 7 }, (_, i) =>
    migrationOf({
      id: `m-${i}`,
      // pairs share an instant: the id decides between them
      createdAt: `2026-01-01T00:00:0${Math.floor(i / 2)}.000Z`,
      state: i % 2 === 0 ? 'completed' : 'running',
      vm: i < 3 ? 'vm1' : 'vm2',
    }),
  );
  const list = async (query: string) => (await app.inject(`/v1/migrations?${query}`)).json();
  const idsOf = (page: { items: { id: string }[] }) => page.items.map((item) => item.id);

  it('walks through all pages, newest first, while new ones arrive', async () => {
    application.publish({ migrations: many });
    const seen: string[] = [];
    let page = await list('limit=3');
    seen.push(...idsOf(page));
    application.publish({
      migrations: [...many, migrationOf({ id: 'm-9', createdAt: '2026-01-02T00:00:00.000Z' })],
    });
    while (page.nextCursor !== null) {
      page = await list(`limit=3&cursor=${page.nextCursor}`);
      seen.push(...idsOf(page));
    }
    expect(seen).toEqual(['m-6', 'm-5', 'm-4', 'm-3', 'm-2', 'm-1', 'm-0']);
  });
  it('has no next page when the last one is full', async () => {
    application.publish({ migrations: many });
    expect((await list('limit=7')).nextCursor).toBeNull();
  });
  it('filters by states and VM', async () => {
    application.publish({ migrations: many });
    expect(idsOf(await list('status=running'))).toEqual(['m-5', 'm-3', 'm-1']);
    expect(idsOf(await list('status=running,completed&vm=vm1'))).toEqual(['m-2', 'm-1', 'm-0']);
    expect(idsOf(await list('status=failed'))).toEqual([]);
  });
  it.each([
    ['status=asleep', '/status'],
    ['limit=0', '/limit'],
    ['limit=many', '/limit'],
    ['colour=red', '/colour'],
    ['cursor=AAAA', '/cursor'],
  ])('refuses ?%s', async (query, pointer) => {
    const problem = await list(query);
    expect(problem).toMatchObject({ status: 400, type: 'urn:steady:problem:invalid-query' });
    expect(problem.errors[0].pointer).toBe(pointer);
  });
});

describe('If-Match', () => {
  const cancel = (headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: '/v1/migrations/m-1:cancel', headers });
  it('carries the state that the decision was made in to the engine', async () => {
    application.publish({ migrations: [migrationOf()] });
    const { headers } = await app.inject('/v1/migrations/m-1');
    expect(headers.etag).toBe('"1"');
    await cancel({ 'if-match': String(headers.etag) });
    await cancel({ 'if-match': '*' });
    await cancel({});
    expect(application.commands).toEqual([
      { kind: 'cancelMigration', id: 'm-1', ifTransitions: [1] },
      { kind: 'cancelMigration', id: 'm-1' },
      { kind: 'cancelMigration', id: 'm-1' },
    ]);
  });
  it.each<[string, readonly number[]]>([
    ['"1", "2"', [1, 2]],
    [' "4" ,"5",W/"6"', [4, 5]],
    ['W/"1"', []],
    ['"a", ""', []],
    ['"1,2"', []],
  ])('%s is for the states %j', async (header, ifTransitions) => {
    await cancel({ 'if-match': header });
    expect(application.commands).toEqual([{ kind: 'cancelMigration', id: 'm-1', ifTransitions }]);
  });
  it.each(['1', '"1', '"1" "2"', '"1",', ',', '"1", *', '"a b"'])('is not %s', async (tag) => {
    expect((await cancel({ 'if-match': tag })).json()).toMatchObject({
      status: 400,
      type: 'urn:steady:problem:invalid-header',
    });
    expect(application.commands).toEqual([]);
  });
});

describe('one migration', () => {
  it('is unknown with a problem', async () => {
    expect((await app.inject('/v1/migrations/nope')).json()).toMatchObject({
      status: 404,
      type: 'urn:steady:problem:unknown-migration',
      instance: '/v1/migrations/nope',
    });
  });
  it.each([
    ['cancel', 'cancelMigration'],
    ['force-complete', 'forceComplete'],
  ])(':%s is a command', async (action, kind) => {
    application.publish({ migrations: [migrationOf({ id: 'm-1' })] });
    const response = await app.inject({ method: 'POST', url: `/v1/migrations/m-1:${action}` });
    expect(response.statusCode).toBe(202);
    expect(response.json().id).toBe('m-1');
    expect(application.commands).toEqual([{ kind, id: 'm-1' }]);
    const empty = await app.inject({ method: 'POST', url: `/v1/migrations/m-1:${action}`, payload: {} });
    expect(empty.statusCode).toBe(202);
    const full = await app.inject({
      method: 'POST',
      url: `/v1/migrations/m-1:${action}`,
      payload: { now: true },
    });
    expect(full.json()).toMatchObject({
      status: 400,
      errors: [{ pointer: '/now', detail: 'is not a known member' }],
    });
    const unknown = await app.inject({ method: 'POST', url: `/v1/migrations/m-2:${action}` });
    expect(unknown.json()).toMatchObject({ status: 404, type: 'urn:steady:problem:unknown-migration' });
  });
  it(':explode is nothing', async () => {
    const response = await app.inject({ method: 'POST', url: '/v1/migrations/m-1:explode' });
    expect(response.json()).toMatchObject({ status: 404, type: 'urn:steady:problem:not-found' });
  });
});
