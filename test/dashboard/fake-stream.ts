/**
 * A server with the built page and a stream that plays a scene: to develop the page and to test it in a browser.
 * By hand, after `npm run build`:
 *
 *     node -e "import('vite').then((v) => v.runnerImport('./test/dashboard/fake-stream.ts')).then((m) => m.module.serve('running', 8090))"
 */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { FakeWorld, type Scene } from './fake-world.js';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

export interface FakeStreamOptions {
  readonly scene: Scene;
  /** directory of the built page */
  readonly page: string;
  readonly port?: number;
  /** seconds that are played at once when the stream is created, before anybody looks */
  readonly skipSeconds?: number;
}

interface Client {
  readonly socket: WebSocket;
  seq: number;
}

const access = { name: 'local', scope: 'admin', tokenNeeded: false, source: 'controller' };
const slotsPerMessage = 5;

export class FakeStream {
  readonly url: string;
  readonly world: FakeWorld;
  /** how many connections were made so far */
  connections = 0;
  readonly #http: Server;
  readonly #clients = new Set<Client>();
  #sent: Record<string, string> = {};
  #refuse = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(http: Server, sockets: WebSocketServer, url: string, options: FakeStreamOptions) {
    this.url = url;
    this.#http = http;
    this.world = new FakeWorld(options.scene, Date.now() - (options.skipSeconds ?? 0) * 1000);
    for (let i = 0; i < (options.skipSeconds ?? 0) * 50; i++) this.world.step();
    sockets.on('connection', (socket) => this.#join(socket));
  }

  static async listen(options: FakeStreamOptions): Promise<FakeStream> {
    const http = createServer((request, response) => {
      const path = normalize(new URL(request.url ?? '/', 'http://page').pathname);
      if (path === '/v1/access') {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(access));
        return;
      }
      const file = join(options.page, path === '/' ? 'index.html' : path);
      readFile(file).then(
        (content) =>
          response
            .writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' })
            .end(content),
        () => response.writeHead(404).end(),
      );
    });
    const sockets = new WebSocketServer({ noServer: true });
    await new Promise<void>((resolve) => http.listen(options.port ?? 0, '127.0.0.1', resolve));
    const address = http.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const stream = new FakeStream(http, sockets, `http://127.0.0.1:${port}/`, options);
    http.on('upgrade', (request, socket, head) => {
      if (request.url !== '/v1/stream' || stream.#refuse) socket.destroy();
      else sockets.handleUpgrade(request, socket, head, (ws) => sockets.emit('connection', ws, request));
    });
    return stream;
  }

  /** Plays at `speed` times the pace of the wall clock. */
  play(speed = 1): void {
    this.pause();
    this.#timer = setInterval(() => this.advance(), 100 / speed);
  }
  pause(): void {
    clearInterval(this.#timer);
  }

  /** One message, a tenth of a second of the world. */
  advance(): void {
    for (let i = 0; i < slotsPerMessage; i++) this.world.step();
    const data: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(this.world.view())) {
      const text = JSON.stringify(value);
      if (this.#sent[name] === text) continue;
      this.#sent[name] = text;
      data[name] = value;
    }
    for (const client of this.#clients) this.#send(client, 'delta', data);
  }

  /** The next message will be missing. */
  loseOne(): void {
    for (const client of this.#clients) client.seq++;
  }
  dropClients(): void {
    for (const client of this.#clients) client.socket.terminate();
  }
  refuse(yes: boolean): void {
    this.#refuse = yes;
  }

  async close(): Promise<void> {
    this.pause();
    this.dropClients();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #join(socket: WebSocket): void {
    this.connections++;
    const client: Client = { socket, seq: 0 };
    this.#clients.add(client);
    socket.on('close', () => this.#clients.delete(client));
    socket.on('error', () => socket.terminate());
    this.#send(client, 'snapshot', this.world.view());
  }

  #send(client: Client, type: string, data: unknown): void {
    const seq = client.seq++;
    client.socket.send(
      JSON.stringify({ id: `${seq}`, source: 'fake', type, time: new Date().toISOString(), seq, data }),
    );
  }
}

export async function serve(scene: Scene, port: number): Promise<void> {
  const stream = await FakeStream.listen({ scene, port, page: 'dist/dashboard' });
  stream.play();
  process.stdout.write(`${stream.url}\n`);
}
