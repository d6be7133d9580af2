import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashToken } from '../../src/api/index.js';
import { type Daemon, startDaemon } from '../../src/cli/daemon.js';
import { readConfig } from '../../src/io/config-file.js';
import { readTokens } from '../../src/io/token-file.js';
import { TestAuthority } from '../support/certificates.js';
import { spawned, steady } from './terminal.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'steady-access-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));
const path = (name: string): string => join(directory, name);

describe('steady token', () => {
  it('prints a token once and keeps only its digest, in a file of its owner', async () => {
    const file = path('tokens.yaml');
    const first = await steady(['token', 'anna', '--scope', 'operate', '--file', file]);
    const second = await steady(['token', 'grafana', '--file', file, '--expires', '2099-01-31']);
    expect([first.code, second.code]).toEqual([0, 0]);
    const [anna, grafana] = [first.stdout.trim(), second.stdout.trim()];
    expect(anna).toMatch(/^steady_[\w-]{43}$/);
    expect(anna).not.toBe(grafana);
    expect(readFileSync(file, 'utf8')).not.toContain(anna);
    expect(statSync(file).mode & 0o077).toBe(0);
    expect(readTokens(file)).toEqual([
      { name: 'anna', scope: 'operate', sha256: hashToken(anna) },
      { name: 'grafana', scope: 'read', sha256: hashToken(grafana), expiresMs: Date.parse('2099-01-31') },
    ]);
  });
  it('adds nothing that would be wrong', async () => {
    const file = path('tokens.yaml');
    await steady(['token', 'anna', '--file', file]);
    const before = readFileSync(file, 'utf8');
    for (const args of [['anna'], ['a b'], ['bert', '--expires', 'soon']]) {
      const { code, stdout, stderr } = await steady(['token', ...args, '--file', file]);
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/tokens\.yaml:\d+:\d+: /);
    }
    expect(readFileSync(file, 'utf8')).toBe(before);
  });
});

describe('a controller that others can reach', () => {
  let authority: TestAuthority;
  let daemon: Daemon | undefined;
  beforeEach(() => {
    authority = new TestAuthority();
  });
  afterEach(async () => {
    await daemon?.stop();
    daemon = undefined;
    authority.remove();
  });
  const start = (http: string) => {
    writeFileSync(path('steady.yaml'), `openflow: { port: 0 }\nhttp: ${http}\n`);
    return startDaemon({
      steady: readConfig(path('steady.yaml')),
      openflowPort: 0,
      httpPort: 0,
      stateDirectory: path('state'),
      recordFile: undefined,
      logLevel: 'silent',
    });
  };
  const status = (port: number, token: string | undefined) =>
    new Promise<{ code: number; serial: string }>((resolve, reject) => {
      const options = {
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        path: '/v1/state',
        agent: false as const,
        ca: readFileSync(authority.certificate),
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      };
      request(options, (response) => {
        response.resume();
        const { serialNumber } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate();
        resolve({ code: response.statusCode ?? 0, serial: serialNumber });
      })
        .on('error', reject)
        .end();
    });

  it('asks for a token over TLS, and takes new tokens and certificates while it runs', async () => {
    const { key, certificate } = authority.issue('localhost');
    const token = (await steady(['token', 'anna', '--file', path('tokens.yaml')])).stdout.trim();
    daemon = await start(
      `{ host: 0.0.0.0, tls: { key: ${key}, certificate: ${certificate} }, tokens: tokens.yaml }`,
    );
    expect((await status(daemon.httpPort, undefined)).code).toBe(401);
    const before = await status(daemon.httpPort, token);
    expect(before.code).toBe(200);

    const later = (await steady(['token', 'bert', '--file', path('tokens.yaml')])).stdout.trim();
    const renewed = authority.issue('localhost');
    writeFileSync(key, readFileSync(renewed.key));
    writeFileSync(certificate, readFileSync(renewed.certificate));
    daemon.look();
    const after = await status(daemon.httpPort, later);
    expect(after.code).toBe(200);
    expect(after.serial).not.toBe(before.serial);

    writeFileSync(path('tokens.yaml'), 'tokens: [');
    daemon.look();
    expect((await status(daemon.httpPort, token)).code).toBe(200);
    writeFileSync(path('tokens.yaml'), 'tokens: []\n');
    daemon.look();
    expect((await status(daemon.httpPort, token)).code).toBe(401);
  });
  it('is asked by the command line with the token of a file', async () => {
    const token = (await steady(['token', 'anna', '--file', path('tokens.yaml')])).stdout;
    daemon = await start('{ host: 127.0.0.1, tokens: tokens.yaml }');
    writeFileSync(path('anna.token'), token);
    const ask = (...args: string[]) =>
      steady(['status', '--server', `http://127.0.0.1:${daemon?.httpPort}`, ...args]);
    expect((await ask()).stderr).toContain('Token needed');
    expect((await ask('--token-file', path('anna.token'))).code).toBe(0);
    expect((await ask('--token-file', path('nothing'))).code).toBe(2);
  });
  it('is asked by the command line over TLS, with an authority of its own', async () => {
    const { key, certificate } = authority.issue('localhost');
    writeFileSync(
      path('anna.token'),
      (await steady(['token', 'anna', '--file', path('tokens.yaml')])).stdout,
    );
    daemon = await start(
      `{ host: 0.0.0.0, tls: { key: ${key}, certificate: ${certificate} }, tokens: tokens.yaml }`,
    );
    const server = `https://localhost:${daemon.httpPort}`;
    const ask = (env: NodeJS.ProcessEnv) =>
      spawned(['status', '--server', server, '--token-file', path('anna.token')], '', env);
    expect((await ask({ NODE_EXTRA_CA_CERTS: authority.certificate })).code).toBe(0);
    expect(await ask({})).toMatchObject({ code: 3, stdout: '' });
  });
  it.each(['{ host: 0.0.0.0 }', '{ host: 0.0.0.0, tokens: tokens.yaml }'])(
    'does not start with http: %s',
    async (http) => {
      await steady(['token', 'anna', '--file', path('tokens.yaml')]);
      await expect(start(http)).rejects.toThrow(/refusing to listen on 0\.0\.0\.0/);
    },
  );
});

describe('steady check', () => {
  it('says where the access is wrong', async () => {
    writeFileSync(path('steady.yaml'), 'http:\n  tokens: tokens.yaml\n');
    expect((await spawned(['check', path('steady.yaml')])).stderr).toMatch(
      /steady\.yaml:2:11: http\.tokens: .*tokens\.yaml: cannot read/,
    );
    writeFileSync(path('tokens.yaml'), 'tokens:\n  - { name: a, scope: operator, sha256: "00" }\n');
    const { code, stderr } = await spawned(['check', path('steady.yaml')]);
    expect(code).toBe(1);
    expect(stderr).toContain('tokens.yaml:2:23: tokens[0].scope: must be one of read, operate, admin');
    expect(stderr).toContain('tokens[0].sha256');
  });
});
