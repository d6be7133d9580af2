/** The agent's control socket: lines in, lines out, events to everyone who listens. */
import { chmod, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import {
  type AgentEventLine,
  type AgentReplyLine,
  agentLineLimitBytes,
  type Endpoint,
  LineFramer,
  parseEndpoint,
  socketAddress,
} from '../hypervisor/index.js';
import { TransferHost, type TransferHostOptions } from './transfer-host.js';

const mostClients = 16;
/** Commands of one client that wait for their turn before it is read on. */
const mostWaiting = 64;
/** Lines that a client may leave unread before it is let go. */
const mostUnreadBytes = 1_048_576;

/** The agent cannot listen where it was told to. */
export class TransferServerError extends Error {
  constructor(endpoint: string, detail: string) {
    super(`cannot listen at ${endpoint}: ${detail}`);
    this.name = 'TransferServerError';
  }
}

export class TransferServer {
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  readonly #host: TransferHost;

  private constructor(options: TransferHostOptions) {
    this.#host = new TransferHost(options, (line) => this.#broadcast(line));
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** @throws EndpointError, TransferServerError */
  static async listen(endpoint: string, options: TransferHostOptions): Promise<TransferServer> {
    const server = new TransferServer(options);
    const at = parseEndpoint(endpoint);
    if (at.kind === 'unix') await removeStaleSocket(at.path, endpoint);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', (error) => reject(new TransferServerError(endpoint, error.message)));
      server.#server.listen(socketAddress(at), () => resolve());
    });
    await restrict(at);
    return server;
  }

  /** Ends every migration that can still be undone, then the conversations. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#host.close();
    for (const client of this.#clients) client.destroySoon();
    await closed;
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (this.#clients.size >= mostClients) {
      const detail = `${mostClients} clients are connected`;
      socket.end(`${JSON.stringify({ id: 0, error: { code: 'busy', detail } } satisfies AgentReplyLine)}\n`);
      return;
    }
    this.#clients.add(socket);
    socket.on('close', () => this.#clients.delete(socket));
    const framer = new LineFramer(agentLineLimitBytes);
    const turns = new Turns(socket);
    socket.on('data', (chunk) => {
      const error = framer.push(chunk, (line) => turns.take(() => this.#obey(socket, line)));
      if (error !== undefined)
        this.#hangUp(socket, { id: 0, error: { code: error.code, detail: error.detail } });
    });
  }

  async #obey(socket: Socket, line: string): Promise<void> {
    if (!this.#clients.has(socket)) return;
    const { reply, hangUp } = await this.#host.answer(line);
    if (hangUp) this.#hangUp(socket, reply);
    else this.#say(socket, JSON.stringify(reply));
  }

  #hangUp(socket: Socket, reply: AgentReplyLine): void {
    this.#clients.delete(socket);
    if (socket.writable) socket.end(`${JSON.stringify(reply)}\n`);
    socket.pause();
    setTimeout(() => socket.destroy(), 1000).unref();
  }

  #broadcast(line: AgentEventLine): void {
    const text = JSON.stringify(line);
    for (const client of this.#clients) this.#say(client, text);
  }

  #say(socket: Socket, text: string): void {
    if (socket.writable) socket.write(`${text}\n`);
    // a client that does not read costs its connection, not this process's memory
    if (socket.writableLength > mostUnreadBytes) socket.destroy();
  }
}

/** Answers leave in the order of the commands; a client that sends faster than that is read more slowly. */
class Turns {
  readonly #socket: Socket;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  take(turn: () => Promise<void>): void {
    if (++this.#waiting >= mostWaiting) this.#socket.pause();
    this.#last = this.#last.then(turn).finally(() => {
      if (--this.#waiting === 0) this.#socket.resume();
    });
  }
}

/** A socket file that nobody listens at is left over from a killed agent. */
async function removeStaleSocket(path: string, endpoint: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect({ path }, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
  if (alive) throw new TransferServerError(endpoint, 'another agent listens there');
  await rm(path, { force: true });
}

/** Whoever reaches the socket commands the host's machines. */
async function restrict(at: Endpoint): Promise<void> {
  if (at.kind === 'unix') await chmod(at.path, 0o600);
}
