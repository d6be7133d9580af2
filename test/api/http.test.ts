import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AddressNotAllowedError, createApi } from '../../src/api/index.js';
import { FakeApplication } from './fake-application.js';

let application: FakeApplication;
let app: FastifyInstance;
beforeEach(() => {
  application = new FakeApplication();
  app = createApi({ application, dashboardDirectory: '/nonexistent' });
});
afterEach(() => app.close());

describe('routes that are not there', () => {
  it.each([
    ['GET', '/v1/nothing'],
    ['GET', '/v2/migrations'],
    ['DELETE', '/v1/migration'],
    ['PUT', '/v1/links/'],
    ['PUT', '/v1/switches/1/flow'],
    ['GET', '/v1/migrations/m-1/x:cancel'],
    ['GET', '/index.php'],
  ] as const)('%s %s is a problem', async (method, url) => {
    const response = await app.inject({ method, url: `${url}?q=1` });
    expect(response.statusCode).toBe(404);
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.json()).toMatchObject({
      type: 'urn:steady:problem:not-found',
      status: 404,
      instance: url,
    });
    expect(response.json().requestId).toBe(response.headers['x-request-id']);
  });
  it.each([
    ['DELETE', '/v1/migrations', 'GET, HEAD, POST'],
    ['PUT', '/v1/links', 'GET, HEAD'],
    ['OPTIONS', '/v1/switches/1/flows', 'GET, HEAD'],
    ['DELETE', '/v1/migrations/m-1:cancel', 'POST'],
    ['DELETE', '/v1/migrations/m-1', 'GET, HEAD'],
    ['POST', '/stats/queue/1/2/3', 'GET, HEAD'],
    ['GET', '/v1/config:reload', 'POST'],
    ['POST', '/v1/stream', 'GET'],
  ] as const)('%s %s is told which methods there are', async (method, url, allow) => {
    const response = await app.inject({ method, url: `${url}?q=1` });
    expect(response.headers.allow).toBe(allow);
    expect(response.json()).toMatchObject({
      type: 'urn:steady:problem:method-not-allowed',
      status: 405,
      instance: url,
    });
  });
  it('is a problem when the path cannot be decoded', async () => {
    const response = await app.inject('/v1/migrations/%zz');
    expect(response.json()).toMatchObject({ type: 'urn:steady:problem:malformed-request', status: 400 });
  });
});

describe('where it listens', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1', '::ffff:192.0.2.1', 'example.org', '127.0.0.1.example.org'])(
    'refuses %s',
    async (host) => {
      await expect(app.listen({ host, port: 0 })).rejects.toThrow(AddressNotAllowedError);
      expect(app.server.listening).toBe(false);
    },
  );
  it.each(['127.0.0.1', 'localhost'])('accepts %s', async (host) => {
    await app.listen({ host, port: 0 });
    expect(app.server.listening).toBe(true);
  });
  it('listens on loopback if nobody says where', async () => {
    await app.listen({ port: 0 });
    expect(app.addresses()).toMatchObject([{ address: '127.0.0.1' }]);
  });
});

describe('requests that a foreign web page could make', () => {
  const get = (headers: Record<string, string>) => app.inject({ url: '/v1/state', headers });
  const cancel = (headers: Record<string, string>) =>
    app.inject({ method: 'POST', url: '/v1/migrations/m-1:cancel', headers });

  it.each(['127.0.0.1:8080', 'localhost', 'LOCALHOST:1', '[::1]:8080', '127.1.2.3'])(
    'Host %s is ours',
    async (host) => {
      expect((await get({ host })).statusCode).toBe(200);
    },
  );
  it.each(['evil.example', 'localhost.evil.example:8080', '192.0.2.1:8080', '0.0.0.0', 'a b', '[::2]'])(
    'Host %s is not',
    async (host) => {
      expect((await get({ host })).json()).toMatchObject({
        status: 403,
        type: 'urn:steady:problem:host-not-allowed',
      });
    },
  );
  it('may not change anything', async () => {
    for (const origin of ['http://evil.example', 'null', 'https://localhost', 'http://localhost:1'])
      expect((await cancel({ origin })).json()).toMatchObject({
        status: 403,
        type: 'urn:steady:problem:origin-not-allowed',
      });
    expect(application.commands).toEqual([]);
    await cancel({ origin: 'http://localhost:80', host: 'localhost:80' });
    await cancel({});
    expect(application.commands).toHaveLength(2);
  });
  it('gets no permission to read across origins', async () => {
    const response = await get({ origin: 'http://evil.example' });
    expect(response.headers['access-control-allow-origin']).toBeUndefined();
    expect(response.headers['x-content-type-options']).toBe('nosniff');
  });
});

describe('bytes on the socket', () => {
  const exchange = async (bytes: string): Promise<string> => {
    await app.listen({ port: 0 });
    const { port } = app.server.address() as AddressInfo;
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
  };
  it('that are not HTTP are answered and let go', async () => {
    const answer = await exchange('\x04\x00\x00\x08\x00\x00\x00\x01 no HTTP\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('urn:steady:problem:malformed-request');
  });
  it('may offer HTTP/2 and is answered in HTTP/1.1, body and all', async () => {
    const body = '{"vm":"vm1","destination":"hyp-b"}';
    const answer = await exchange(
      'POST /v1/migrations HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n' +
        `HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n` +
        `${body}GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 202 /);
    expect(answer).toContain('{"status":"alive"}');
  });
  it('are not read to their end when they are too many', async () => {
    const head = 'POST /v1/migrations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    const announced = await exchange(`${head}Content-Length: 100000000\r\n\r\n{`);
    expect(announced).toMatch(/^HTTP\/1.1 413 /);
    expect(announced).toContain('urn:steady:problem:body-too-large');
  });
  it('are not read to their end when they come in pieces', async () => {
    const head = 'POST /v1/migrations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    const pieces = `10000\r\n${' '.repeat(65_536)}\r\n`.repeat(2);
    expect(await exchange(`${head}Transfer-Encoding: chunked\r\n\r\n${pieces}`)).toMatch(/^HTTP\/1.1 413 /);
  });
  it('may not be a head without end', async () => {
    const answer = await exchange(`GET / HTTP/1.1\r\nx-filler: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 431 /);
  });
  it('have limits on time', () => {
    const { requestTimeout, headersTimeout, keepAliveTimeout, timeout } = app.server;
    for (const limit of [requestTimeout, headersTimeout, keepAliveTimeout, timeout])
      expect(limit).toBeGreaterThan(0);
  });
});

describe('the dashboard', () => {
  it('says how to build it when it is not there', async () => {
    const response = await app.inject('/');
    expect(response.statusCode).toBe(200);
    expect(response.body).toContain('npm run build');
  });

  describe('when it is built', () => {
    let directory: string;
    let built: FastifyInstance;
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'steady-dashboard-'));
      mkdirSync(join(directory, 'assets'));
      writeFileSync(join(directory, 'index.html'), '<!doctype html><title>Steady</title>');
      writeFileSync(join(directory, 'assets', 'index-1a2b.js'), 'export {};');
      built = createApi({ application, dashboardDirectory: directory });
    });
    afterEach(async () => {
      await built.close();
      rmSync(directory, { recursive: true });
    });

    it('is served, locked down, and always fresh', async () => {
      const page = await built.inject('/');
      expect(page.body).toContain('<title>Steady</title>');
      expect(page.headers['content-security-policy']).toContain("default-src 'self'");
      expect(page.headers['cache-control']).toBe('no-cache');
      const script = await built.inject('/assets/index-1a2b.js');
      expect(script.headers['content-type']).toContain('javascript');
      expect(script.headers['cache-control']).toContain('immutable');
    });
    it('does not hide the interface or other files', async () => {
      expect((await built.inject('/v1/state')).json().topology).toBe('two-dc');
      expect((await built.inject('/livez')).json()).toEqual({ status: 'alive' });
      for (const url of ['/v1/nothing', '/assets/nothing.js', '/..%2f..%2fetc/passwd', '/.env'])
        expect((await built.inject(url)).headers['content-type']).toContain('application/problem+json');
    });
  });
});
