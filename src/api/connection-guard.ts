import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

/**
 * Bounds the connections. Beyond the limit the one that has waited longest without a request of its own being answered
 * is closed, so that any number of clients that connect and say nothing, or a byte now and then, cannot keep a
 * good one out: a new connection always gets in.
 */
export class ConnectionGuard {
  readonly #limit: number;
  readonly #open = new Set<Socket>();
  /** in the order in which they fell silent */
  readonly #silent = new Set<Socket>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#open.size;
  }

  watch(server: Server): void {
    // twice as many in the kernel's hands: a TLS handshake that never ends has a limit on time
    server.maxConnections = 2 * this.#limit;
    server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) =>
      this.#opened(socket),
    );
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.#silent.delete(socket);
      response.once('finish', () => {
        if (this.#open.has(socket)) this.#silent.add(socket);
      });
    });
    server.on('upgrade', ({ socket }: IncomingMessage) => this.#silent.delete(socket));
  }

  #opened(socket: Socket): void {
    if (this.#open.has(socket)) return;
    this.#open.add(socket);
    this.#silent.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#silent.delete(socket);
    });
    if (this.#open.size <= this.#limit) return;
    for (const oldest of this.#silent) {
      oldest.destroy();
      return;
    }
  }
}
