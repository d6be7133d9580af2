import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  type AccessToken,
  AddressNotAllowedError,
  createApi,
  hashToken,
  newToken,
  type Scope,
} from '../../src/api/index.js';
import { TestAuthority } from '../support/certificates.js';
import { FakeApplication, migrationOf } from './fake-application.js';

/** Written by hand, from what each route shows and does; a route that is not here fails the test. */
const expected: Record<string, Scope | 'open'> = {
  'GET /': 'open',
  'GET /docs': 'open',
  'GET /docs/': 'open',
  'GET /docs/json': 'open',
  'GET /docs/yaml': 'open',
  'GET /docs/static/*': 'open',
  'GET /docs/static/index.html': 'open',
  'GET /docs/static/swagger-initializer.js': 'open',
  'GET /livez': 'open',
  'GET /readyz': 'read',
  'GET /metrics': 'read',
  'GET /stats/flow/:dpid': 'read',
  'GET /stats/group/:dpid': 'read',
  'GET /stats/meter/:dpid': 'read',
  'GET /stats/port/:dpid': 'read',
  'GET /stats/port/:dpid/:port': 'read',
  'GET /stats/queue/:dpid': 'read',
  'GET /stats/queue/:dpid/:port': 'read',
  'GET /stats/queue/:dpid/:port/:queue': 'read',
  'GET /stats/switches': 'read',
  'GET /v1/access': 'read',
  'GET /v1/audit': 'admin',
  'GET /v1/config': 'admin',
  'POST /v1/config:reload': 'admin',
  'GET /v1/circuits': 'read',
  'GET /v1/links': 'read',
  'GET /v1/migrations': 'read',
  'GET /v1/migrations/:id': 'read',
  'GET /v1/paths': 'read',
  'GET /v1/state': 'read',
  'GET /v1/stream': 'read',
  'GET /v1/switches': 'read',
  'GET /v1/switches/:dpid': 'read',
  'GET /v1/switches/:dpid/flows': 'read',
  'GET /v1/switches/:dpid/groups': 'read',
  'GET /v1/switches/:dpid/meters': 'read',
  'GET /v1/switches/:dpid/ports': 'read',
  'GET /v1/switches/:dpid/queues': 'read',
  'GET /v1/switches/:dpid/rules': 'read',
  'GET /v1/vms': 'read',
  'POST /v1/migrations': 'operate',
  'POST /v1/migrations/:id:cancel': 'operate',
  'POST /v1/migrations/:id:force-complete': 'operate',
};

const now = Date.parse('2026-06-01T00:00:00Z');
const secrets = { reader: newToken(), operator: newToken(), admin: newToken(), former: newToken() };
const scopeOf = { reader: 'read', operator: 'operate', admin: 'admin', former: 'admin' } as const;
const tokens: AccessToken[] = Object.entries(secrets).map(([name, secret]) => ({
  name,
  scope: scopeOf[name as keyof typeof scopeOf],
  sha256: hashToken(secret),
  ...(name === 'former' ? { expiresMs: now } : {}),
}));
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
const unlimited = { perSecond: 1e9, burst: 1e9 };

const opened: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});
function open(options: Partial<Parameters<typeof createApi>[0]> = {}): FastifyInstance {
  const app = createApi({
    application: new FakeApplication(),
    dashboardDirectory: '/nonexistent',
    access: { tokens: () => tokens },
    rateLimits: { read: unlimited, change: unlimited, refused: unlimited },
    nowMs: () => now,
    ...options,
  });
  opened.push(app);
  return app;
}

describe('the access matrix', () => {
  const routes: [method: string, url: string][] = [];
  beforeAll(async () => {
    const app = open();
    app.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) routes.push([one, url]);
    });
    await app.ready();
  });
  const plain = (url: string) => url.replace('(^[^:/]+)', '').replace('::', ':');
  const expectedOf = (method: string, url: string) =>
    expected[`${method === 'HEAD' ? 'GET' : method} ${plain(url)}`];

  it('has every route, and no route that is not there', () => {
    expect(routes.filter(([method, url]) => expectedOf(method, url) === undefined)).toEqual([]);
    const there = new Set(
      routes.map(([method, url]) => `${method === 'HEAD' ? 'GET' : method} ${plain(url)}`),
    );
    expect(Object.keys(expected).filter((route) => !there.has(route))).toEqual([]);
  });
  it('is what each caller meets at each route', async () => {
    const application = new FakeApplication();
    application.current = { ...application.current, migrations: [migrationOf()] };
    const app = open({ application });
    const ranks = ['open', 'read', 'operate', 'admin'];
    const callers = [
      ['nobody', 'open', {}],
      ['stranger', 'open', bearer(newToken())],
      ['former', 'open', bearer(secrets.former)],
      ['reader', 'read', bearer(secrets.reader)],
      ['operator', 'operate', bearer(secrets.operator)],
      ['admin', 'admin', bearer(secrets.admin)],
    ] as const;
    const wrong: string[] = [];
    for (const [method, pattern] of routes)
      for (const [name, held, headers] of callers) {
        const needed = expectedOf(method, pattern) as string;
        const url = plain(pattern)
          .replace(':id', 'm-1')
          .replace(':dpid', '1')
          .replace(':port', '1')
          .replace(':queue', '1')
          .replace('*', 'index.css');
        const before = application.commands.length;
        const { statusCode } = await app.inject({ method: method as 'GET', url, headers });
        const wanted = ranks.indexOf(held) >= ranks.indexOf(needed) ? 'in' : held === 'open' ? 401 : 403;
        const met = statusCode === 401 || statusCode === 403 ? statusCode : 'in';
        if (met !== wanted) wrong.push(`${name}: ${method} ${url}: ${statusCode}, not ${wanted}`);
        if (wanted !== 'in' && application.commands.length !== before)
          wrong.push(`${name}: ${method} ${url} was done`);
      }
    expect(wrong).toEqual([]);
  });
  it('tells each caller his own scope, and whether it is a recording that he looks at', async () => {
    const url = '/v1/access';
    const asReader = await open().inject({ url, headers: bearer(secrets.reader) });
    expect(asReader.json()).toEqual({
      name: 'reader',
      scope: 'read',
      tokenNeeded: true,
      source: 'controller',
    });
    const recorded = Object.assign(new FakeApplication(), { recorded: true });
    const onLoopback = await open({ access: {}, application: recorded }).inject({ url });
    expect(onLoopback.json()).toEqual({
      name: 'local',
      scope: 'admin',
      tokenNeeded: false,
      source: 'recording',
    });
  });
  it('does not let a route be added behind its back', () => {
    expect(() => open().get('/v1/secrets', async () => 'x')).toThrow(/access matrix/);
  });
  it('says what is missing', async () => {
    const app = open();
    const nobody = await app.inject('/v1/state');
    expect(nobody.json()).toMatchObject({ status: 401, type: 'urn:steady:problem:unauthenticated' });
    expect(nobody.headers['www-authenticate']).toBe('Bearer realm="steady"');
    const headers = bearer(secrets.reader);
    const reader = await app.inject({ method: 'POST', url: '/v1/migrations', headers, payload: {} });
    expect(reader.json()).toMatchObject({
      status: 403,
      type: 'urn:steady:problem:scope-too-small',
      neededScope: 'operate',
    });
    expect(reader.headers['www-authenticate']).toContain('error="insufficient_scope"');
  });
  it('takes no token from the address line', async () => {
    const { statusCode } = await open().inject(
      `/v1/state?access_token=${secrets.admin}&token=${secrets.admin}`,
    );
    expect(statusCode).toBe(401);
  });
  it('forgets a token as soon as it is struck off', async () => {
    let list = tokens;
    const app = open({ access: { tokens: () => list } });
    const headers = bearer(secrets.reader);
    expect((await app.inject({ url: '/v1/state', headers })).statusCode).toBe(200);
    list = tokens.filter(({ name }) => name !== 'reader');
    expect((await app.inject({ url: '/v1/state', headers })).statusCode).toBe(401);
  });
});

describe('where it listens', () => {
  const tls = { key: 'k', cert: 'c' };
  it.each([
    ['nothing', {}],
    ['tokens alone', { tokens: () => tokens }],
  ])('with %s not where others reach it', async (_what, access) => {
    await expect(open({ access }).listen({ host: '0.0.0.0', port: 0 })).rejects.toThrow(
      AddressNotAllowedError,
    );
  });
  it('with TLS alone not either', async () => {
    const authority = new TestAuthority();
    try {
      const { key, certificate } = authority.issue('steady');
      const access = { tls: { key: readFileSync(key), cert: readFileSync(certificate) } };
      await expect(open({ access }).listen({ host: '0.0.0.0', port: 0 })).rejects.toThrow(/tokens: FILE/);
    } finally {
      authority.remove();
    }
  });
  it('anywhere where the operator insists', async () => {
    const app = open({ access: { insecure: true, hostNames: () => ['steady'] } });
    await app.listen({ host: '0.0.0.0', port: 0 });
    const status = async (host: string) =>
      (await app.inject({ url: '/v1/state', headers: { host } })).statusCode;
    expect(await status('127.0.0.1:8080')).toBe(200);
    expect(await status('steady:8080')).toBe(200);
    expect(await status('evil.example')).toBe(403);
  });
  it('never with a key that is none', () => {
    expect(() => open({ access: { tls } })).toThrow();
  });
});

describe('over TLS', () => {
  let authority: TestAuthority;
  let identity: { key: Buffer; cert: Buffer };
  beforeAll(() => {
    authority = new TestAuthority();
    const { key, certificate } = authority.issue('localhost');
    identity = { key: readFileSync(key), cert: readFileSync(certificate) };
  });
  afterAll(() => authority.remove());
  const started = async () => {
    const app = open({ access: { tls: identity, tokens: () => tokens } });
    await app.listen({ host: '127.0.0.1', port: 0 });
    return (app.server.address() as AddressInfo).port;
  };
  const ca = () => readFileSync(authority.certificate);
  const get = (port: number, headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const options = {
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        path: '/v1/state',
        headers,
        ca: ca(),
        agent: false,
      };
      httpsRequest(options, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });

  it('answers who has a token, also one that offers HTTP/2', async () => {
    const port = await started();
    expect(await get(port, {})).toBe(401);
    expect(await get(port, bearer(secrets.reader))).toBe(200);
    expect(await get(port, { ...bearer(secrets.reader), connection: 'upgrade', upgrade: 'h2c' })).toBe(200);
  });

  const stream = (port: number, protocols: string[], headers: Record<string, string> = {}) =>
    new Promise<string>((resolve) => {
      const options = { ca: ca(), servername: 'localhost', headers };
      const socket = new WebSocket(`wss://127.0.0.1:${port}/v1/stream`, protocols, options as object);
      socket.on('message', () => {
        resolve(`open ${socket.protocol}`);
        socket.terminate();
      });
      socket.on('unexpected-response', (_request, response) => {
        resolve(String(response.statusCode));
        socket.terminate();
      });
      socket.on('error', () => {});
    });
  it('opens the stream to a page that offers its token as a subprotocol', async () => {
    const port = await started();
    const offer = ['steady.v1', `steady.token.${secrets.reader}`];
    const origin = `https://127.0.0.1:${port}`;
    expect(await stream(port, offer, { origin })).toBe('open steady.v1');
    expect(await stream(port, [], bearer(secrets.reader))).toBe('open ');
    expect(await stream(port, ['steady.v1'])).toBe('401');
    expect(await stream(port, ['steady.v1', `steady.token.${newToken()}`])).toBe('401');
    for (const foreign of ['https://evil.example', `http://127.0.0.1:${port}`])
      expect(await stream(port, offer, { origin: foreign })).toBe('403');
  });
});

describe('limits on rates', () => {
  const rate = { perSecond: 2, burst: 3 };
  it('are one for each caller, and end', async () => {
    let at = now;
    const app = open({ nowMs: () => at, rateLimits: { read: rate, change: rate, refused: unlimited } });
    const status = async (secret: string) =>
      (await app.inject({ url: '/v1/links', headers: bearer(secret) })).statusCode;
    const run = async (secret: string, times: number) => {
      const seen: number[] = [];
      for (let i = 0; i < times; i++) seen.push(await status(secret));
      return seen;
    };
    expect(await run(secrets.reader, 5)).toEqual([200, 200, 200, 429, 429]);
    expect(await run(secrets.operator, 1)).toEqual([200]);
    at += 1000;
    expect(await run(secrets.reader, 3)).toEqual([200, 200, 429]);
    const refused = await app.inject({ url: '/v1/links', headers: bearer(secrets.reader) });
    expect(refused.json()).toMatchObject({ type: 'urn:steady:problem:rate-limited' });
    expect(refused.headers['retry-after']).toBe('1');
  });
  it('do not let reading take what changes need', async () => {
    const app = open({ rateLimits: { read: rate, change: rate } });
    const headers = bearer(secrets.operator);
    for (let i = 0; i < 4; i++) await app.inject({ url: '/v1/links', headers });
    const { statusCode } = await app.inject({ method: 'POST', url: '/v1/migrations', headers, payload: {} });
    expect(statusCode).toBe(400);
  });
  it('stop who guesses tokens, and not who has one and comes from elsewhere', async () => {
    const app = open({ rateLimits: { read: unlimited, refused: rate } });
    const status = async (secret: string, remoteAddress: string) =>
      (await app.inject({ url: '/v1/links', headers: bearer(secret), remoteAddress })).statusCode;
    const guesses: number[] = [];
    for (let i = 0; i < 5; i++) guesses.push(await status(newToken(), '192.0.2.1'));
    expect(guesses).toEqual([401, 401, 401, 429, 429]);
    expect(await status(secrets.reader, '192.0.2.2')).toBe(200);
  });
});

describe('the log', () => {
  it('never has a secret, whatever happens', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const application = new FakeApplication();
    application.answer = () => {
      throw new Error('broken');
    };
    const app = open({ application, logger: logger as unknown as FastifyBaseLogger });
    for (const url of ['/v1/switches/1/flows', '/v1/nothing', '/v1/audit', '/v1/migrations/%zz'])
      for (const secret of [secrets.reader, secrets.former, newToken()])
        await app.inject({
          url,
          headers: { ...bearer(secret), 'sec-websocket-protocol': `steady.token.${secret}` },
        });
    expect(lines.join('')).toContain('broken');
    expect(lines.join('')).not.toMatch(/steady_[\w-]{20,}/);
    for (const token of tokens) expect(lines.join('')).not.toContain(token.sha256);
  });
});
