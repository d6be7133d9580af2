import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JsonSplitter } from '../../src/ovsdb/json-splitter.js';

export interface Received {
  readonly id: unknown;
  readonly method?: string;
  readonly params?: unknown[];
  readonly result?: unknown;
}
/** Answers each request as the script says; `undefined`: with silence. */
export type Script = (request: Received, server: FakeServer) => Record<string, unknown> | undefined;

/** An OVSDB server that says what a test tells it to. */
export class FakeServer {
  readonly received: Received[] = [];
  readonly sockets = new Set<Socket>();
  readonly #directory = mkdtempSync(join(tmpdir(), 'steady-ovsdb-'));
  readonly #script: Script;
  #server: Server;
  #waiting: { count: (list: readonly Received[]) => boolean; done: () => void }[] = [];

  constructor(script: Script) {
    this.#script = script;
    this.#server = createServer((socket) => this.#accept(socket));
  }
  get endpoint(): string {
    return `unix:${join(this.#directory, 'db.sock')}`;
  }
  listen(): Promise<void> {
    this.#server = createServer((socket) => this.#accept(socket));
    return new Promise((resolve) => this.#server.listen(this.endpoint.slice(5), resolve));
  }
  /** Stops listening and cuts every connection; `listen` may follow. */
  stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
  async end(): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true });
  }
  send(value: unknown): void {
    for (const socket of this.sockets)
      socket.write(typeof value === 'string' ? value : JSON.stringify(value));
  }
  /** Resolves once what was received satisfies `condition`. */
  when(condition: (received: readonly Received[]) => boolean): Promise<void> {
    if (condition(this.received)) return Promise.resolve();
    return new Promise((done) => this.#waiting.push({ count: condition, done }));
  }
  #accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    const splitter = new JsonSplitter(1 << 20);
    socket.on('data', (chunk) =>
      splitter.push(chunk, (text) => {
        const message = JSON.parse(text) as Received;
        this.received.push(message);
        if (message.method !== undefined) {
          const answer = this.#script(message, this);
          if (answer !== undefined)
            socket.write(JSON.stringify({ id: message.id, result: null, error: null, ...answer }));
        }
        this.#waiting = this.#waiting.filter((w) => {
          if (!w.count(this.received)) return true;
          w.done();
          return false;
        });
      }),
    );
  }
}
