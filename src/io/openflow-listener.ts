import { createServer, type Server, type Socket } from 'node:net';

/** What happens on the OpenFlow port, told by connection number; numbers are never used twice. */
export interface ListenerEvents {
  connected(connection: number, address: string): void;
  received(connection: number, chunk: Uint8Array): void;
  lost(connection: number, reason: string): void;
  /** the socket's buffer is over its mark, or empty again */
  blocked(connection: number): void;
  writable(connection: number): void;
}

/** Sockets beyond this are closed at once: a flood of connections must not take the switches' place. */
const connectionLimit = 4096;

/** The TCP side of the switches: accepts, numbers, writes, closes. It knows no OpenFlow. */
export class OpenflowListener {
  readonly #events: ListenerEvents;
  readonly #server: Server;
  readonly #sockets = new Map<number, Socket>();
  #lastConnection = 0;

  constructor(events: ListenerEvents) {
    this.#events = events;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Resolves to the port. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', () => {});
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  #accept(socket: Socket): void {
    if (this.#sockets.size >= connectionLimit) {
      socket.destroy();
      return;
    }
    this.#lastConnection += 1;
    const connection = this.#lastConnection;
    this.#sockets.set(connection, socket);
    let reason = 'closed by the switch';
    socket.on('data', (chunk: Buffer) => this.#events.received(connection, chunk));
    socket.on('drain', () => this.#events.writable(connection));
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', () => {
      if (this.#sockets.delete(connection)) this.#events.lost(connection, reason);
    });
    this.#events.connected(connection, `${socket.remoteAddress}:${socket.remotePort}`);
  }

  send(connection: number, bytes: Uint8Array): void {
    const socket = this.#sockets.get(connection);
    if (socket === undefined || socket.destroyed) return;
    if (!socket.write(bytes)) this.#events.blocked(connection);
  }

  /** The engine decided to close: what was sent goes out (an error message tells why), `lost` is not told. */
  close(connection: number): void {
    const socket = this.#sockets.get(connection);
    if (socket === undefined) return;
    this.#sockets.delete(connection);
    socket.end();
    setTimeout(() => socket.destroy(), 1000).unref();
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const [connection, socket] of this.#sockets) {
      this.#sockets.delete(connection);
      socket.destroy();
    }
    await closed;
  }
}
