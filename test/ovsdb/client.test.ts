import { afterEach, describe, expect, it } from 'vitest';
import { OvsdbClient, type OvsdbOptions } from '../../src/ovsdb/client.js';
import { parseEndpoint } from '../../src/ovsdb/endpoint.js';
import { OvsdbError } from '../../src/ovsdb/errors.js';
import { type QueueError, QueueRates } from '../../src/ovsdb/queues.js';
import { FakeServer, type Script } from './fake-server.js';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const f of cleanUp.splice(0).reverse()) await f();
});

async function start(script: Script, options: OvsdbOptions = {}) {
  const server = new FakeServer(script);
  await server.listen();
  cleanUp.push(() => server.end());
  const client = await OvsdbClient.connect(server.endpoint, {
    timeoutMs: 2000,
    firstBackoffMs: 5,
    maxBackoffMs: 20,
    ...options,
  });
  cleanUp.push(() => client.close());
  return { server, client };
}
const errorOf = (promise: Promise<unknown>): Promise<OvsdbError> =>
  promise.then(
    () => expect.fail('it succeeded'),
    (e) => {
      expect(e).toBeInstanceOf(OvsdbError);
      return e as OvsdbError;
    },
  );
const insert = { op: 'insert', table: 'Queue', row: {} } as const;
const echoOnly: Script = (m) => (m.method === 'echo' ? { result: [] } : undefined);

describe('parseEndpoint', () => {
  it.each([
    ['unix:/run/db.sock', { kind: 'unix', path: '/run/db.sock' }],
    ['tcp:127.0.0.1:6640', { kind: 'tcp', host: '127.0.0.1', port: 6640 }],
    ['tcp:[::1]:6640', { kind: 'tcp', host: '::1', port: 6640 }],
    ['tcp:host.example:1', { kind: 'tcp', host: 'host.example', port: 1 }],
  ])('reads %s', (text, wanted) => expect(parseEndpoint(text)).toEqual(wanted));

  it.each([
    '',
    'unix:',
    '/run/db.sock',
    'tcp:h',
    'tcp:h:0',
    'tcp:h:65536',
    'tcp:::1:6640',
    'ssl:h:6640',
    `unix:/${'x'.repeat(107)}`,
  ])('refuses %j', (text) => {
    expect(() => parseEndpoint(text)).toThrow(OvsdbError);
  });
});

describe('transact', () => {
  it('sends the database and the operations, and returns one result each', async () => {
    const { server, client } = await start(() => ({ result: [{ uuid: ['uuid', 'u1'] }, { count: 1 }] }));
    const results = await client.transact('db', [insert, { op: 'delete', table: 'Queue', where: [] }]);
    expect(results).toEqual([{ uuid: ['uuid', 'u1'] }, { count: 1 }]);
    expect(server.received[0]).toMatchObject({
      method: 'transact',
      params: ['db', insert, { op: 'delete' }],
    });
  });

  it('names the operation that failed', async () => {
    const failure = { error: 'constraint violation', details: 'no such row' };
    const { client } = await start(() => ({ result: [{ count: 1 }, failure, null] }));
    const operations = [insert, insert, insert];
    expect(await errorOf(client.transact('db', operations))).toMatchObject({
      code: 'refused',
      operation: 1,
      ovsdbError: 'constraint violation',
      details: 'no such row',
      outcomeUnknown: false,
      message: 'operation 1 (insert Queue): constraint violation: no such row',
    });
  });

  it('tells a failure at commit from a failed operation', async () => {
    const { client } = await start(() => ({ result: [{}, { error: 'referential integrity violation' }] }));
    expect(await errorOf(client.transact('db', [insert]))).toMatchObject({
      operation: undefined,
      message: 'commit: referential integrity violation',
    });
  });

  it('refuses a result that is too short', async () => {
    const { client } = await start(() => ({ result: [{}] }));
    expect((await errorOf(client.transact('db', [insert, insert]))).code).toBe('protocol');
  });

  it('passes on an error of the whole request', async () => {
    const { client } = await start(() => ({ error: { error: 'unknown database', details: 'db' } }));
    expect(await errorOf(client.transact('db', []))).toMatchObject({
      code: 'refused',
      ovsdbError: 'unknown database',
    });
  });

  it('ends at its deadline, and the late answer harms nobody', async () => {
    const { server, client } = await start(
      (m) => (m.method === 'transact' ? undefined : { result: 'second' }),
      { timeoutMs: 50 },
    );
    expect(await errorOf(client.transact('db', []))).toMatchObject({ code: 'timeout', outcomeUnknown: true });
    server.send({ id: server.received[0]!.id, result: 'late', error: null });
    expect(await client.request('list_dbs', [])).toBe('second');
  });

  it('counts only what is outstanding', async () => {
    const { client } = await start(() => ({ result: [] }), { maxInFlight: 1 });
    for (let i = 0; i < 5; i++) expect(await client.transact('db', [])).toEqual([]);
  });

  it('does not send more than may be outstanding', async () => {
    const { server, client } = await start(echoOnly, { maxInFlight: 2 });
    const outstanding = [client.transact('db', []), client.transact('db', [])].map(errorOf);
    expect(await errorOf(client.transact('db', []))).toMatchObject({ code: 'busy', outcomeUnknown: false });
    await server.when((r) => r.length === 2);
    client.close();
    for (const error of await Promise.all(outstanding)) expect(error.code).toBe('closed');
  });
});

describe('QueueRates over a connection', () => {
  it('forgets rows that are gone when it comes back', async () => {
    const port = { p1: { new: { name: 'wan', qos: ['set', []] } } };
    let rows: object = { Port: port };
    const { server, client } = await start(() => ({ result: rows }));
    const rates = await QueueRates.open(client);
    await expect(rates.setMaxRate('wan', 0, 1e6)).rejects.toMatchObject({ code: 'no-qos' });
    rows = {};
    await server.stop();
    await server.listen();
    await expect.poll(() => rates.setMaxRate('wan', 0, 1e6).catch((e: QueueError) => e.code)).toBe('no-port');
  });
});

describe('the connection', () => {
  it('says why it cannot be made', async () => {
    const error = await errorOf(OvsdbClient.connect('unix:/nonexistent/db.sock'));
    expect(error).toMatchObject({ code: 'connect-failed' });
    expect(error.message).toContain('/nonexistent/db.sock');
  });

  it('answers echo and refuses other requests', async () => {
    const { server } = await start(echoOnly);
    server.send({ id: 'e', method: 'echo', params: [1, 'x'] });
    server.send({ id: 'f', method: 'format_disk', params: [] });
    await server.when((r) => r.length >= 2);
    expect(server.received).toMatchObject([
      { id: 'e', result: [1, 'x'], error: null },
      { id: 'f', result: null, error: { error: 'unknown method' } },
    ]);
  });

  it('fails what was outstanding as unknown when it is lost, and comes back', async () => {
    const states: boolean[] = [];
    let answer = false;
    const { server, client } = await start(
      (m) => (m.method === 'echo' || answer ? { result: [] } : undefined),
      {
        onState: (connected) => states.push(connected),
      },
    );
    const outstanding = errorOf(client.transact('db', []));
    await server.when((r) => r.length === 1);
    await server.stop();
    expect(await outstanding).toMatchObject({ code: 'connection-lost', outcomeUnknown: true });
    expect(await errorOf(client.transact('db', []))).toMatchObject({ code: 'not-connected' });
    answer = true;
    await server.listen();
    await expect.poll(() => client.connected).toBe(true);
    expect(await client.transact('db', [])).toEqual([]);
    expect(server.received.filter((m) => m.method === 'transact')).toHaveLength(2); // nothing was repeated
    expect(states).toEqual([true, false, true]);
  });

  it('gives up on a server that is silent', async () => {
    const reasons: string[] = [];
    const { server } = await start(() => undefined, {
      probeIntervalMs: 20,
      onState: (connected, reason) => connected || reasons.push(reason),
    });
    await expect.poll(() => reasons[0]).toMatch(/silent/);
    expect(server.received.some((m) => m.method === 'echo')).toBe(true);
  });

  it.each([
    ['a broken stream', 'rubbish', /broken stream/],
    ['a message that is none', '[1,2]', /malformed/],
    ['a message beyond the limit', `["${'x'.repeat(2000)}"]`, /longer than 1000/],
  ])('ends at %s', async (_, text, wanted) => {
    const reasons: string[] = [];
    const { server } = await start(echoOnly, {
      messageLimitBytes: 1000,
      onState: (connected, reason) => connected || reasons.push(reason),
    });
    server.send(text);
    await expect.poll(() => reasons[0]).toMatch(wanted);
  });

  it('does not come back after close', async () => {
    const { server, client } = await start(echoOnly);
    client.close();
    expect((await errorOf(client.transact('db', []))).code).toBe('closed');
    await expect.poll(() => server.sockets.size).toBe(0);
    await new Promise((r) => setTimeout(r, 50));
    expect(server.sockets.size).toBe(0);
  });
});

describe('monitor', () => {
  const rows = { Port: { p1: { new: { name: 'a' } } } };

  it('hands over initial rows and updates in the order of the server', async () => {
    // reply and update arrive in one chunk: the update must not overtake
    const { client } = await start((m, server) => {
      if (m.method !== 'monitor') return { result: {} };
      const update = { id: null, method: 'update', params: [m.params![1], { Port: { p1: { old: {} } } }] };
      server.send(JSON.stringify({ id: m.id, result: rows, error: null }) + JSON.stringify(update));
      return undefined;
    });
    const seen: [unknown, boolean][] = [];
    await client.monitor('db', { Port: { columns: ['name'] } }, (u, initial) => seen.push([u, initial]));
    await expect.poll(() => seen.length).toBe(2);
    expect(seen).toEqual([
      [rows, true],
      [{ Port: { p1: { old: {} } } }, false],
    ]);
  });

  it('is placed again after a reconnection, with all rows', async () => {
    const { server, client } = await start(() => ({ result: rows }));
    const initials: boolean[] = [];
    const stop = await client.monitor('db', { Port: { columns: ['name'] } }, (_, i) => initials.push(i));
    await server.stop();
    await server.listen();
    await expect.poll(() => initials.length).toBe(2);
    expect(initials).toEqual([true, true]);
    stop();
    await server.when((r) => r.at(-1)?.method === 'monitor_cancel');
    server.send({ id: null, method: 'update', params: ['steady-1', rows] });
    await client.request('list_dbs', []);
    expect(initials).toHaveLength(2);
  });
});
