import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  agentLineLimitBytes,
  TransferDriver,
  type TransferDriverOptions,
} from '../../src/hypervisor/index.js';

const status = {
  phase: 'active',
  round: 1,
  totalBytes: 2,
  transferredBytes: 3,
  remainingBytes: 4,
  dirtyBytesPerSecond: 5,
  downtimeMs: null,
  detail: '',
};
/** A machine with other work may stall for seconds. */
const patience = { timeout: 20_000 };
const hello = { agent: 'steady-transfer', version: 2 };
type Request = { id: number; command: { execute: string } };

/** An agent whose every word the test decides. */
class ScriptedAgent {
  readonly requests: Request[] = [];
  readonly sockets: Socket[] = [];
  readonly endpoint: string;
  readonly #server: Server;
  constructor(path: string, answer: (request: Request, socket: Socket) => void) {
    this.endpoint = `unix:${path}`;
    this.#server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        for (const line of chunk.toString().trim().split('\n')) {
          const request = JSON.parse(line) as Request;
          this.requests.push(request);
          answer(request, socket);
        }
      });
    });
    this.#server.listen(path);
  }
  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
  }
}

const say = (socket: Socket, line: unknown): boolean => socket.write(`${JSON.stringify(line)}\n`);
const obedient = ({ id, command }: Request, socket: Socket): void => {
  say(socket, { id, return: command.execute === 'hello' ? hello : status });
};

describe('TransferDriver', () => {
  let directory: string;
  let log: unknown[][];
  const closers: (() => void)[] = [];
  const path = (): string => join(directory, 'agent.sock');
  const serve = (answer: (request: Request, socket: Socket) => void): ScriptedAgent => {
    const agent = new ScriptedAgent(path(), answer);
    closers.push(() => agent.close());
    return agent;
  };
  const drive = (options: Partial<TransferDriverOptions> = {}): TransferDriver => {
    const driver = new TransferDriver(
      `unix:${path()}`,
      {
        onConnected: () => log.push(['connected']),
        onDisconnected: (reason) => log.push(['disconnected', reason]),
        onEvent: (line) => log.push(['event', line.event]),
        onReply: (n, error, reply) => log.push(['reply', n, error?.code ?? null, reply?.phase ?? null]),
      },
      { firstRetryMs: 5, longestRetryMs: 20, ...options },
    );
    closers.push(() => driver.close());
    return driver;
  };
  const seen = (kind: string): Promise<unknown[]> =>
    expect.poll(() => log.find((entry) => entry[0] === kind), patience).toBeDefined() as Promise<never>;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'steady-driver-'));
    log = [];
  });
  afterEach(() => {
    for (const close of closers.splice(0)) close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('greets, then hands commands, answers and events through', async () => {
    const agent = serve((request, socket) => {
      if (request.command.execute === 'query') say(socket, { event: 'ROUND', migration: 'm', status });
      obedient(request, socket);
    });
    const driver = drive();
    await seen('connected');
    driver.send(41, { execute: 'query', migration: 'm' });
    await seen('reply');
    expect(agent.requests.map((r) => r.command.execute)).toEqual(['hello', 'query']);
    expect(log).toEqual([['connected'], ['event', 'ROUND'], ['reply', 41, null, 'active']]);
  });

  it('answers at once when there is nobody to ask, after send returned', async () => {
    const driver = drive();
    driver.send(1, { execute: 'query', migration: 'm' });
    expect(log).toEqual([]);
    await seen('reply');
    expect(log).toContainEqual(['reply', 1, 'not-connected', null]);
    await seen('disconnected');
  });

  it('refuses a bandwidth of 0 before it leaves the house', async () => {
    const agent = serve(obedient);
    const driver = drive();
    await seen('connected');
    driver.send(1, { execute: 'set-bandwidth', migration: 'm', bytesPerSecond: 0 });
    await seen('reply');
    expect(log.at(-1)).toEqual(['reply', 1, 'bad-bandwidth', null]);
    expect(agent.requests).toHaveLength(1);
  });

  it('connects again by itself, tells once that it is gone, and settles what was in flight', async () => {
    const agent = serve((request, socket) => {
      if (request.command.execute === 'hello') obedient(request, socket);
    });
    const driver = drive();
    await seen('connected');
    driver.send(1, { execute: 'query', migration: 'm' });
    driver.send(2, { execute: 'query', migration: 'm' });
    await expect.poll(() => agent.requests.length, patience).toBe(3);
    agent.close();
    rmSync(path(), { force: true });
    await seen('disconnected');
    expect(log.slice(1).map((entry) => entry.slice(0, 3))).toEqual([
      ['reply', 1, 'disconnected'],
      ['reply', 2, 'disconnected'],
      ['disconnected', 'the agent closed the connection'],
    ]);
    // several attempts fail unheard before the agent is back
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(log.filter(([kind]) => kind === 'disconnected')).toHaveLength(1);
    serve(obedient);
    await expect.poll(() => log.filter(([kind]) => kind === 'connected').length, patience).toBe(2);
    expect(driver.connected).toBe(true);
  });

  it('gives up on an agent that does not answer, and on the connection with it', async () => {
    serve((request, socket) => {
      if (request.command.execute === 'hello') obedient(request, socket);
    });
    const driver = drive({ commandDeadlineMs: 50 });
    await seen('connected');
    driver.send(7, { execute: 'cancel', migration: 'm' });
    await seen('disconnected');
    expect(log[1]).toEqual(['reply', 7, 'deadline', null]);
    expect(log[2]).toEqual(['disconnected', 'no answer to cancel within 50 ms']);
  });

  it.each([
    ['a line that is not JSON', 'what?\n', 'bad-line'],
    ['an endless line', 'x'.repeat(agentLineLimitBytes + 1), 'line-too-long'],
    ['another program', '{"QMP":{}}\n', 'bad-line'],
    ['a refusal of our line', '{"id":0,"error":{"code":"busy","detail":"full"}}\n', 'busy: full'],
  ])('drops the connection at %s', async (_what, text, reason) => {
    serve((_request, socket) => socket.write(text));
    drive();
    await seen('disconnected');
    expect(log[0]![1]).toContain(reason);
    expect(log.map(([kind]) => kind)).not.toContain('connected');
  });

  it.each([
    ['says nothing of itself', status, 'did not say that it is a steady-transfer agent'],
    ['is of another version', { ...hello, version: 1 }, 'version 1 of the protocol, not 2'],
  ])('does not take an agent for its own that %s', async (_what, answer, reason) => {
    serve(({ id }, socket) => say(socket, { id, return: answer } as never));
    drive();
    await seen('disconnected');
    expect(log[0]![1]).toContain(reason);
  });

  it('bounds the commands in flight', async () => {
    serve((request, socket) => {
      if (request.command.execute === 'hello') obedient(request, socket);
    });
    const driver = drive({ mostPending: 3 });
    await seen('connected');
    for (let n = 1; n <= 5; n++) driver.send(n, { execute: 'query', migration: 'm' });
    await seen('reply');
    expect(log.slice(1)).toEqual([
      ['reply', 4, 'too-many-commands', null],
      ['reply', 5, 'too-many-commands', null],
    ]);
  });

  it('is silent after close', async () => {
    const agent = serve(obedient);
    const driver = drive();
    await seen('connected');
    driver.close();
    driver.close();
    await expect.poll(() => agent.sockets.every((s) => s.destroyed || s.readableEnded), patience).toBe(true);
    expect(log).toEqual([['connected'], ['disconnected', 'closed by this side']]);
    driver.send(3, { execute: 'query', migration: 'm' });
    await expect.poll(() => log.at(-1), patience).toEqual(['reply', 3, 'not-connected', null]);
    expect(agent.sockets).toHaveLength(1);
  });

  it('does not come back after close, even when it was about to try again', async () => {
    const driver = drive({ firstRetryMs: 20, longestRetryMs: 20 });
    await seen('disconnected');
    driver.close();
    const agent = serve(obedient);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(agent.sockets).toEqual([]);
    expect(log).toHaveLength(1);
  });
});
