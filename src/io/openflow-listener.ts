import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { readTls, type TlsPaths } from './tls-identity.js';
import { TlsRotation } from './tls-rotation.js';

/** What happens on the OpenFlow port, told by connection number; numbers are never used twice. */
export interface ListenerEvents {
  /** `certificate`: common name in the certificate that the switch proved to own; undefined: none was asked for */
  connected(connection: number, address: string, certificate: string | undefined): void;
  received(connection: number, chunk: Uint8Array): void;
  lost(connection: number, reason: string): void;
  /** the socket's buffer is over its mark, or empty again */
  blocked(connection: number): void;
  writable(connection: number): void;
  /** a connection that never came to be, or certificates that cannot be used; for people */
  problem(detail: string): void;
}

/** Sockets beyond this are closed at once: a flood of connections must not take the switches' place. */
const connectionLimit = 4096;
const tlsHandshakeMs = 10_000;

/** The TCP or TLS side of the switches: accepts, numbers, writes, closes. It knows no OpenFlow. */
export class OpenflowListener {
  readonly #events: ListenerEvents;
  readonly #server: Server;
  readonly #sockets = new Map<number, Socket>();
  #rotation: TlsRotation | undefined;
  #lastConnection = 0;

  /** @throws TlsError if certificates are configured that cannot be used */
  constructor(events: ListenerEvents, tls?: TlsPaths) {
    this.#events = events;
    if (tls === undefined) this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    else this.#server = this.#createTls(tls);
    this.#server.maxConnections = connectionLimit;
  }

  #createTls(paths: TlsPaths): TlsServer {
    const loaded = readTls(paths);
    const verify = paths.requireClientCertificate;
    const server = createTlsServer(
      {
        ...loaded.context,
        noDelay: true,
        requestCert: verify,
        // It is rejected below, where the reason can be told.
        rejectUnauthorized: false,
        handshakeTimeout: tlsHandshakeMs,
      },
      (socket) => {
        if (!verify) this.#accept(socket);
        else if (socket.authorized) this.#accept(socket, commonName(socket));
        else this.#failed(socket, whyUnauthorized(socket));
      },
    );
    server.on('tlsClientError', (error: Error & { reason?: string }, socket) =>
      this.#failed(socket, error.reason ?? error.message),
    );
    this.#rotation = new TlsRotation(paths, loaded, {
      renewed: (material) => server.setSecureContext(material.context),
      unusable: (detail) => this.#events.problem(`the new certificates are not used: ${detail}`),
    });
    return server;
  }

  #failed(socket: TLSSocket, why: string): void {
    this.#events.problem(`TLS with ${addressOf(socket)} failed: ${why}`);
    socket.on('error', () => {});
    socket.destroy();
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

  #accept(socket: Socket, certificate?: string): void {
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
    this.#events.connected(connection, addressOf(socket), certificate);
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

  reading(connection: number, on: boolean): void {
    const socket = this.#sockets.get(connection);
    if (on) socket?.resume();
    else socket?.pause();
  }

  async stop(): Promise<void> {
    this.#rotation?.stop();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const [connection, socket] of this.#sockets) {
      this.#sockets.delete(connection);
      socket.destroy();
    }
    await closed;
  }
}

const addressOf = (socket: Socket): string => `${socket.remoteAddress}:${socket.remotePort}`;

/** Of the certificate that the switch proved to own; empty if it has none. */
function commonName(socket: TLSSocket): string {
  const name = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? name : '';
}

function whyUnauthorized(socket: TLSSocket): string {
  const { subject } = socket.getPeerCertificate();
  if (subject === undefined) return 'it has no certificate';
  // An error by its declared type, a code like CERT_HAS_EXPIRED in fact.
  return `its certificate (${subject.CN}) was refused: ${String(socket.authorizationError)}`;
}
