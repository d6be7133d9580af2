import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createApi, type StreamLimits } from '../../src/api/index.js';
import type { StreamDeltaJson, StreamMessageJson } from '../../src/api/schemas/index.js';
import type { SystemView } from '../../src/engine/view.js';
import { FakeApplication, migrationOf } from './fake-application.js';

let application: FakeApplication;
let app: FastifyInstance;
let url: string;
const open: WebSocket[] = [];

async function start(streamLimits: Partial<StreamLimits> = {}): Promise<void> {
  app = createApi({ application, dashboardDirectory: '/nonexistent', streamLimits });
  await app.listen({ port: 0 });
  url = `ws://127.0.0.1:${(app.server.address() as AddressInfo).port}/v1/stream`;
}
beforeEach(() => {
  application = new FakeApplication();
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.terminate();
  await app.close();
});

/** Collects messages; `until` waits for one that fits, over those that came already too. */
class Reader {
  readonly messages: StreamMessageJson[] = [];
  readonly socket: WebSocket;
  closed: { code: number; reason: string } | undefined;
  readonly #waiting = new Set<() => void>();
  constructor(query = '') {
    this.socket = new WebSocket(url + query);
    open.push(this.socket);
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => {
      this.messages.push(JSON.parse(data.toString()) as StreamMessageJson);
      for (const wake of this.#waiting) wake();
    });
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      for (const wake of this.#waiting) wake();
    });
  }
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        if (!holds()) return;
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      wake();
    });
  }
  /** The view as a client has it that applies the messages as documented. */
  view(): SystemView {
    const [first, ...rest] = this.messages;
    expect(first?.type).toBe('snapshot');
    let view = first?.data as SystemView;
    for (const message of rest)
      view = message.type === 'snapshot' ? message.data : { ...view, ...message.data };
    return view;
  }
}
/** Status of a refused upgrade. */
const refused = (headers: Record<string, string>): Promise<{ status: number; body: string }> =>
  new Promise((resolve) => {
    const socket = new WebSocket(url, { headers });
    open.push(socket);
    socket.on('error', () => {});
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    socket.on('open', () => resolve({ status: 101, body: '' }));
  });

describe('a reader of the stream', () => {
  it('gets a snapshot, then what changed, and has the view of the server', async () => {
    await start();
    const reader = new Reader();
    await reader.until(() => reader.messages.length === 1);
    expect(reader.messages[0]).toMatchObject({ type: 'snapshot', seq: 0, time: application.current.at });
    expect(reader.messages[0]?.data).toEqual(application.current);
    application.publish({
      uptimeSeconds: 11,
      at: 'next',
      migrations: [migrationOf()],
      switches: application.current.switches,
    });
    await reader.until(() => reader.messages.length === 2);
    const delta = reader.messages[1] as StreamDeltaJson;
    expect(delta).toMatchObject({ type: 'delta', seq: 1, time: 'next', source: reader.messages[0]?.source });
    expect(Object.keys(delta.data).sort()).toEqual(['at', 'migrations', 'uptimeSeconds']);
    expect(delta.id).not.toBe(reader.messages[0]?.id);
    expect(reader.view()).toEqual(application.current);
  });

  it('finds equal members unchanged even when they are new objects', async () => {
    await start();
    const reader = new Reader();
    await reader.until(() => reader.messages.length === 1);
    application.publish(structuredClone(application.current));
    application.publish({ ...structuredClone(application.current), slotMs: 50 });
    await reader.until(() => reader.messages.length === 2);
    expect(reader.messages[1]?.data).toEqual({ slotMs: 50 });
  });

  it('gets the last of many, in few messages, without a gap in seq', async () => {
    await start({ intervalMs: 50 });
    const readers = [new Reader(), new Reader()];
    for (const reader of readers) await reader.until(() => reader.messages.length === 1);
    for (let i = 1; i <= 500; i++) application.publish({ uptimeSeconds: i, slotMs: i % 2 });
    for (const reader of readers) {
      await reader.until(() => reader.view().uptimeSeconds === 500);
      expect(reader.messages.length).toBeLessThan(50);
      expect(reader.messages.map((message) => message.seq)).toEqual(reader.messages.map((_, i) => i));
      expect(reader.view()).toEqual(application.current);
    }
  });

  it('joins late and misses nothing', async () => {
    await start({ intervalMs: 20 });
    const first = new Reader();
    await first.until(() => first.messages.length === 1);
    application.publish({ uptimeSeconds: 11 });
    // this one waits for the interval when the second reader arrives
    application.publish({ uptimeSeconds: 12, policy: 'none' });
    const second = new Reader();
    await second.until(() => second.messages.length >= 1);
    expect(second.view()).toEqual(application.current);
    await first.until(() => first.view().uptimeSeconds === 12);
    expect(first.view()).toEqual(application.current);
  });

  it('may send what it likes, up to a limit', async () => {
    await start();
    const reader = new Reader();
    await reader.until(() => reader.messages.length === 1);
    reader.socket.send('{"subscribe":"everything"}');
    application.publish({ uptimeSeconds: 11 });
    await reader.until(() => reader.messages.length === 2);
    reader.socket.send('x'.repeat(10_000));
    await reader.until(() => reader.closed !== undefined);
    expect(reader.closed?.code).toBe(1009);
  });

  it('is told when the controller stops', async () => {
    await start();
    const reader = new Reader();
    await reader.until(() => reader.messages.length === 1);
    await app.close();
    await reader.until(() => reader.closed !== undefined);
    expect(reader.closed?.code).toBe(1001);
    expect(application.listeners.size).toBe(0);
  });
});

describe('a reader that wants less', () => {
  it('gets only its topics, and nothing when they did not change', async () => {
    await start({ intervalMs: 5 });
    const reader = new Reader('?topics=migrations,slotMs');
    const all = new Reader();
    for (const each of [reader, all]) await each.until(() => each.messages.length === 1);
    expect(Object.keys(reader.messages[0]?.data ?? {}).sort()).toEqual(['migrations', 'slotMs']);
    application.publish({ uptimeSeconds: 11, at: 'later' });
    await all.until(() => all.view().uptimeSeconds === 11);
    application.publish({ slotMs: 40, uptimeSeconds: 12, at: 'later still' });
    await reader.until(() => reader.messages.length === 2);
    expect(reader.messages[1]).toMatchObject({ type: 'delta', seq: 1, time: 'later still' });
    expect(reader.messages[1]?.data).toEqual({ slotMs: 40 });
  });
  it('gets everything that changed meanwhile at its own pace, the last of it too', async () => {
    await start({ intervalMs: 5 });
    const since = performance.now();
    const slow = new Reader('?intervalMs=150');
    const fast = new Reader();
    for (const each of [slow, fast]) await each.until(() => each.messages.length === 1);
    for (let i = 1; i <= 20; i++) {
      application.publish({ uptimeSeconds: i, ...(i === 3 ? { policy: 'none' } : {}) });
      await fast.until(() => fast.view().uptimeSeconds === i);
    }
    await slow.until(() => slow.view().uptimeSeconds === 20);
    expect(fast.messages.length).toBe(21);
    expect(slow.messages.length).toBeLessThanOrEqual(2 + (performance.now() - since) / 149);
    expect(slow.messages.map(({ type }) => type).slice(1)).not.toContain('snapshot');
    expect(slow.view()).toEqual(application.current);
  });
  it.each(['?topics=secrets', '?topics=', '?intervalMs=1', '?rate=5'])(
    'is refused with %s',
    async (query) => {
      await start();
      url += query;
      const { status, body } = await refused({});
      expect(status).toBe(400);
      expect(body).toContain('urn:steady:problem:invalid-query');
    },
  );
  it('gets a snapshot when it asks for one, without a gap in seq', async () => {
    await start({ intervalMs: 5 });
    const reader = new Reader();
    await reader.until(() => reader.messages.length === 1);
    reader.socket.send('{"type":"resync"}');
    await reader.until(() => reader.messages.length === 2);
    expect(reader.messages[1]).toMatchObject({ type: 'snapshot', seq: 1 });
    expect(reader.messages[1]?.data).toEqual(application.current);
    for (const text of ['null', '[', '{"type":"other"}']) reader.socket.send(text);
    application.publish({ uptimeSeconds: 30 });
    await reader.until(() => reader.messages.length === 3);
    expect(reader.messages[2]?.type).toBe('delta');
  });
});

describe('server-sent events', () => {
  const events = async (query = '') => {
    const at = url.replace('ws:', 'http:') + query;
    const response = await fetch(at, { headers: { accept: 'text/event-stream' } });
    const body = response.body?.getReader();
    let text = '';
    const next = async (): Promise<{ event: string; id: string | undefined; data: StreamMessageJson }> => {
      while (!text.includes('\n\n')) {
        const { value, done } = (await body?.read()) ?? { done: true };
        if (done) throw new Error('the stream ended');
        text += Buffer.from(value as Uint8Array).toString();
      }
      const end = text.indexOf('\n\n');
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const),
      );
      text = text.slice(end + 2);
      return {
        event: fields.get('event') ?? '',
        id: fields.get('id'),
        data: JSON.parse(fields.get('data') ?? 'null'),
      };
    };
    return { response, next, cancel: () => body?.cancel() };
  };
  it('are the same messages', async () => {
    await start({ intervalMs: 5 });
    const { response, next, cancel } = await events('?topics=slotMs');
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const first = await next();
    expect(first).toMatchObject({ event: 'snapshot', id: '0', data: { type: 'snapshot', seq: 0 } });
    expect(first.data.data).toEqual({ slotMs: 20 });
    application.publish({ slotMs: 50 });
    expect(await next()).toMatchObject({ event: 'delta', id: '1', data: { seq: 1, data: { slotMs: 50 } } });
    await cancel();
    const clients = async () =>
      (await app.inject('/metrics')).body.match(/^steady_stream_clients (\d+)$/m)?.[1];
    while ((await clients()) !== '0') await new Promise((resolve) => setTimeout(resolve, 10));
  });
  it('say why they end', async () => {
    await start();
    const { next } = await events();
    await next();
    const closing = app.close();
    expect(await next()).toMatchObject({ event: 'close', data: { code: 1001 } });
    await closing;
  });
  it('keep coming to a reader that is quiet itself', async () => {
    await start({ heartbeatMs: 40 });
    const { next, cancel } = await events('?topics=slotMs');
    await next();
    await new Promise((resolve) => setTimeout(resolve, 200));
    application.publish({ slotMs: 51 });
    while ((await next()).data?.type !== 'delta');
    await cancel();
  });
});

describe('a slow reader', () => {
  /** A WebSocket client that upgrades and then reads only when told to. */
  const slow = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const { port, host } = new URL(url);
      const socket = connect(Number(port), '127.0.0.1', () =>
        socket.write(
          `GET /v1/stream HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
            `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
        ),
      );
      socket.on('error', reject);
      socket.once('data', () => {
        socket.pause();
        resolve(socket);
      });
    });
  /** half a megabyte that does not repeat */
  const bulk = (i: number) => [
    { seq: i, at: '', level: 'info' as const, what: 'bulk', detail: randomBytes(250_000).toString('hex') },
  ];

  it('costs bounded memory, is closed with 1013, and harms nobody', async () => {
    await start({ intervalMs: 1, patienceMs: 400, bufferedBytes: 1_000_000 });
    const stuck = await slow();
    const good = new Reader();
    await good.until(() => good.messages.length === 1);
    const streamed = async () =>
      (await app.inject('/metrics')).body.match(/^steady_stream_clients (\d+)$/m)?.[1];
    expect(await streamed()).toBe('2');
    for (let i = 2; (await streamed()) === '2'; i++) {
      application.publish({ events: bulk(i), uptimeSeconds: i });
      await good.until(() => good.view().uptimeSeconds === i);
      good.messages.splice(1, Number.POSITIVE_INFINITY);
      good.messages[0] = {
        ...(good.messages[0] as StreamMessageJson),
        type: 'snapshot',
        data: application.current,
      };
    }
    // what had been given to the socket before: far less than what was published, and at its end the close frame
    const chunks: Buffer[] = [];
    stuck.on('data', (chunk) => chunks.push(chunk));
    await new Promise((resolve) => stuck.on('close', resolve).resume());
    expect(good.closed).toBeUndefined();
    expect(Buffer.concat(chunks).length).toBeLessThan(40_000_000);
  });

  it('that recovers goes on with a snapshot, without a gap in seq', async () => {
    await start({ intervalMs: 1, patienceMs: 60_000, bufferedBytes: 1_000_000 });
    const reader = new Reader();
    await reader.until(() => reader.messages.length === 1);
    reader.socket.pause();
    const pings = new Reader();
    for (let i = 2; i < 80; i++) {
      application.publish({ events: bulk(i), uptimeSeconds: i });
      await pings.until(() => pings.messages.length > 0 && pings.view().uptimeSeconds === i);
      pings.messages.splice(0, Number.POSITIVE_INFINITY, {
        ...(pings.messages[0] as StreamMessageJson),
        type: 'snapshot',
        data: application.current,
      });
    }
    reader.socket.resume();
    const timer = setInterval(
      () => application.publish({ uptimeSeconds: application.current.uptimeSeconds + 1 }),
      20,
    );
    await reader.until(() => reader.messages.filter((message) => message.type === 'snapshot').length >= 2);
    clearInterval(timer);
    await reader.until(() => reader.view().uptimeSeconds === application.current.uptimeSeconds);
    expect(reader.messages.length).toBeLessThan(78);
    expect(reader.messages.map((message) => message.seq)).toEqual(reader.messages.map((_, i) => i));
    expect(reader.view()).toEqual(application.current);
  });
});

describe('a controller that stops', () => {
  it('does not wait for a reader that reads nothing', async () => {
    await start();
    const reader = new Reader();
    await reader.until(() => reader.messages.length === 1);
    reader.socket.pause();
    await app.close();
    expect(app.server.listening).toBe(false);
  });
});

describe('a reader that vanished', () => {
  it('is forgotten when it answers no ping', async () => {
    await start({ heartbeatMs: 100 });
    const reader = new Reader();
    await reader.until(() => reader.messages.length === 1);
    reader.socket.pause();
    const clients = async () =>
      (await app.inject('/metrics')).body.match(/^steady_stream_clients (\d+)$/m)?.[1];
    while ((await clients()) !== '0') await new Promise((resolve) => setTimeout(resolve, 20));
  });
});

describe('who may read the stream', () => {
  it('is a page of our own or no page', async () => {
    await start();
    const { host } = new URL(url);
    expect((await refused({})).status).toBe(101);
    expect((await refused({ origin: `http://${host}` })).status).toBe(101);
    for (const origin of ['http://evil.example', 'null', `https://${host}`, 'http://127.0.0.1']) {
      const { status, body } = await refused({ origin });
      expect(status, origin).toBe(403);
      expect(body).toContain('urn:steady:problem:origin-not-allowed');
    }
    expect((await refused({ host: 'evil.example' })).status).toBe(403);
  });
  it('is one of a bounded number', async () => {
    await start({ clients: 2 });
    const readers = [new Reader(), new Reader()];
    for (const reader of readers) await reader.until(() => reader.messages.length === 1);
    const { status, body } = await refused({});
    expect(status).toBe(503);
    expect(body).toContain('urn:steady:problem:too-many-streams');
    readers[0]?.socket.close();
    await readers[0]?.until(() => readers[0]?.closed !== undefined);
    const again = new Reader();
    await again.until(() => again.messages.length === 1);
  });
  it('asks with an upgrade', async () => {
    await start();
    const response = await app.inject('/v1/stream');
    expect(response.json()).toMatchObject({ status: 426, type: 'urn:steady:problem:upgrade-required' });
  });
});
