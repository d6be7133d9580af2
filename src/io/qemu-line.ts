import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { QmpTlsPaths } from '../engine/config.js';
import {
  type MonitorAddress,
  parseMonitor,
  type QemuLink,
  type QemuLinkWatcher,
  type QemuPresence,
  QmpError,
  type QmpFields,
  type QmpLimits,
  QmpSession,
} from '../hypervisor/index.js';
import { ByteRecords } from './byte-records.js';
import { monotonicSeconds } from './clock.js';
import { readTls } from './tls-identity.js';

export interface QemuLineOptions extends Partial<QmpLimits> {
  readonly connectMs: number;
  readonly firstRetryMs: number;
  readonly longestRetryMs: number;
}
const defaults: QemuLineOptions = { connectMs: 5000, firstRetryMs: 100, longestRetryMs: 1000 };
/** The main loop of QEMU takes one byte of a TLS monitor in each of its rounds, and a busy machine makes them long. */
const defaultsOverTls = { connectMs: 20_000, greetingMs: 20_000, commandMs: 30_000 };
const tickMs = 500;
const unsentLimitBytes = 1_048_576;
const nowMs = (): number => monotonicSeconds() * 1000;

/** A socket with a QMP session on it, connected again whenever it is lost. */
export class QemuLine implements QemuLink {
  readonly #address: MonitorAddress;
  readonly #tls: QmpTlsPaths | undefined;
  readonly #watcher: QemuLinkWatcher;
  readonly #options: QemuLineOptions;
  #socket: Socket | undefined;
  #session: QmpSession | undefined;
  #presence: QemuPresence = 'away';
  #told = '';
  #closed = false;
  #retryMs: number;
  #retry: NodeJS.Timeout | undefined;

  /** Starts connecting at once. @throws EndpointError, TlsError */
  constructor(
    address: string,
    tls: QmpTlsPaths | undefined,
    watcher: QemuLinkWatcher,
    options: Partial<QemuLineOptions> = {},
  ) {
    this.#address = parseMonitor(address);
    this.#tls = tls;
    this.#watcher = watcher;
    this.#options = { ...defaults, ...(this.#address.kind === 'tls' && defaultsOverTls), ...options };
    this.#retryMs = this.#options.firstRetryMs;
    this.#open();
  }

  get presence(): QemuPresence {
    return this.#presence;
  }

  execute(command: string, fields?: QmpFields): Promise<unknown> {
    return (
      this.#session?.execute(command, fields) ??
      Promise.reject(new QmpError('not-connected', `${command}: no connection to QEMU`))
    );
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#session?.fail('closed by this side');
    this.#socket?.destroy();
  }

  #connect(): Socket {
    const { kind } = this.#address;
    if (kind === 'unix') return connectPlain({ path: this.#address.path });
    const { host, port } = this.#address;
    if (kind === 'tcp' || this.#tls === undefined) return connectPlain({ host, port });
    return connectTls({ ...readTls({ ...this.#tls, requireClientCertificate: false }).context, host, port });
  }

  #open(): void {
    let socket: Socket;
    try {
      socket = this.#connect();
    } catch (error) {
      // certificates that are being replaced
      this.#lost('away', error instanceof Error ? error.message : String(error));
      return;
    }
    const records = new ByteRecords(socket);
    let why = 'QEMU closed the connection';
    let presence: QemuPresence = 'away';
    const session = new QmpSession(
      {
        write: (line) => {
          if (socket.writableLength + records.heldBytes > unsentLimitBytes)
            session.fail('QEMU does not read');
          else if (this.#address.kind === 'tls') records.write(line);
          else socket.write(line);
        },
        onReady: () => {
          clearTimeout(connecting);
          this.#retryMs = this.#options.firstRetryMs;
          this.#presence = 'ready';
          this.#told = '';
          this.#watcher.onPresence('ready', '');
        },
        onEvent: (event) => this.#watcher.onEvent(event),
        onFailed: (reason) => {
          why = reason;
          this.#session = undefined;
          socket.destroy();
        },
      },
      nowMs,
      this.#options,
    );
    this.#socket = socket;
    this.#session = session;
    const connecting = setTimeout(
      () => session.fail(`no conversation within ${this.#options.connectMs} ms`),
      this.#options.connectMs,
    );
    const ticking = setInterval(() => session.tick(), tickMs);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => session.receive(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // nobody listens there: no process has this monitor
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') presence = 'gone';
      why = error.message;
    });
    socket.on('close', () => {
      clearTimeout(connecting);
      clearInterval(ticking);
      session.fail(why);
      this.#session = undefined;
      this.#lost(presence, why);
    });
  }

  #lost(presence: QemuPresence, reason: string): void {
    const wasReady = this.#presence === 'ready';
    this.#presence = presence;
    if (this.#closed) return;
    this.#retry = setTimeout(() => this.#open(), wasReady ? 0 : this.#retryMs);
    if (!wasReady) this.#retryMs = Math.min(this.#retryMs * 2, this.#options.longestRetryMs);
    if (this.#told === presence) return;
    this.#told = presence;
    this.#watcher.onPresence(presence, reason);
  }
}
