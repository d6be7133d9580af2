import { type ConnectionLimits, OvsdbConnection, type Settle } from './connection.js';
import { type Endpoint, parseEndpoint } from './endpoint.js';
import { OvsdbError } from './errors.js';
import type { Operation, OperationResult } from './values.js';

export interface OvsdbOptions extends Partial<ConnectionLimits> {
  /** pause before the first attempt to reconnect, doubled after each failure, ms */
  readonly firstBackoffMs?: number;
  readonly maxBackoffMs?: number;
  /** told of every change; `reason` is empty when connected */
  readonly onState?: (connected: boolean, reason: string) => void;
}

/** Rows by uuid, by table (RFC 7047, section 4.1.6). `old` absent: inserted. `new` absent: deleted. */
export type TableUpdates = Readonly<Record<string, Readonly<Record<string, RowUpdate>>>>;
export interface RowUpdate {
  readonly old?: Readonly<Record<string, unknown>>;
  readonly new?: Readonly<Record<string, unknown>>;
}
export type MonitorRequests = Readonly<Record<string, { readonly columns: readonly string[] }>>;
/** `initial`: these are all rows there are; forget what was known before (also after a reconnection). */
export type OnUpdate = (updates: TableUpdates, initial: boolean) => void;

interface Monitor {
  readonly id: string;
  readonly db: string;
  readonly requests: MonitorRequests;
  readonly onUpdate: OnUpdate;
}

/**
 * A client of an OVSDB server (RFC 7047). `connect` must succeed once; from then on a lost connection is made
 * again by the client with a growing, bounded pause, and monitors are placed again. Requests are never repeated:
 * one that was outstanding fails with `connection-lost`, because it may have been carried out.
 */
export class OvsdbClient {
  readonly #endpoint: Endpoint;
  readonly #limits: ConnectionLimits;
  readonly #options: OvsdbOptions;
  readonly #monitors = new Map<string, Monitor>();
  #connection: OvsdbConnection | undefined;
  #retry: NodeJS.Timeout | undefined;
  #backoffMs: number;
  #nextMonitor = 1;
  #closed = false;

  private constructor(endpoint: Endpoint, options: OvsdbOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#backoffMs = options.firstBackoffMs ?? 100;
    this.#limits = {
      timeoutMs: options.timeoutMs ?? 5000,
      probeIntervalMs: options.probeIntervalMs ?? 5000,
      maxInFlight: options.maxInFlight ?? 64,
      messageLimitBytes: options.messageLimitBytes ?? 32 * 1024 * 1024,
    };
  }

  /** @throws OvsdbError bad-endpoint, connect-failed */
  static async connect(endpoint: string, options: OvsdbOptions = {}): Promise<OvsdbClient> {
    const client = new OvsdbClient(parseEndpoint(endpoint), options);
    await client.#open();
    return client;
  }

  get connected(): boolean {
    return this.#connection?.isOpen === true;
  }

  /**
   * One transaction: all operations take effect or none.
   * @throws OvsdbError refused (with the index of the operation), timeout, connection-lost, not-connected, busy
   */
  async transact(db: string, operations: readonly Operation[]): Promise<OperationResult[]> {
    return readResults(await this.request('transact', [db, ...operations]), operations);
  }

  /** Any method of RFC 7047. @throws OvsdbError */
  request(method: string, params: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) =>
      this.#send(method, params, (error, result) => (error === undefined ? resolve(result) : reject(error))),
    );
  }

  /**
   * Resolves after `onUpdate` has had the initial rows. Callbacks come in the order of the server's updates.
   * @returns stops the monitor; never rejects
   */
  async monitor(db: string, requests: MonitorRequests, onUpdate: OnUpdate): Promise<() => void> {
    const monitor: Monitor = { id: `steady-${this.#nextMonitor++}`, db, requests, onUpdate };
    this.#monitors.set(monitor.id, monitor);
    try {
      await new Promise<void>((resolve, reject) =>
        this.#place(monitor, (error) => (error === undefined ? resolve() : reject(error))),
      );
    } catch (e) {
      this.#monitors.delete(monitor.id);
      throw e;
    }
    return () => {
      if (this.#monitors.delete(monitor.id)) this.#send('monitor_cancel', [monitor.id], () => undefined);
    };
  }

  /** Ends the connection and every attempt to make it again; outstanding requests fail with `closed`. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#monitors.clear();
    this.#connection?.close('closed by us', 'closed');
  }

  #send(method: string, params: readonly unknown[], settle: Settle): void {
    if (this.#closed) settle(new OvsdbError('closed', 'the client is closed'), undefined);
    else if (this.#connection === undefined)
      settle(new OvsdbError('not-connected', 'not connected to the OVSDB server'), undefined);
    else this.#connection.request(method, params, settle);
  }

  #place(monitor: Monitor, done: (error?: OvsdbError) => void): void {
    this.#send('monitor', [monitor.db, monitor.id, monitor.requests], (error, result) => {
      if (error === undefined && this.#monitors.has(monitor.id))
        monitor.onUpdate(result as TableUpdates, true);
      done(error);
    });
  }

  async #open(): Promise<void> {
    this.#connection = await OvsdbConnection.open(this.#endpoint, this.#limits, {
      onNotification: (method, params) => this.#notified(method, params),
      onClose: (reason) => this.#lost(reason),
    });
    if (this.#closed) {
      this.#connection.close('closed by us', 'closed');
      return;
    }
    this.#backoffMs = this.#options.firstBackoffMs ?? 100;
    this.#options.onState?.(true, '');
    for (const monitor of this.#monitors.values())
      this.#place(monitor, (error) => {
        // Without its monitor the cache of the owner would be silently old: begin again.
        if (error !== undefined) this.#connection?.close(`monitor not placed: ${error.message}`);
      });
  }

  #notified(method: string, params: readonly unknown[]): void {
    const [id, updates] = params;
    if (method === 'update' && typeof id === 'string' && typeof updates === 'object' && updates !== null)
      this.#monitors.get(id)?.onUpdate(updates as TableUpdates, false);
  }

  #lost(reason: string): void {
    this.#connection = undefined;
    if (this.#closed) return;
    this.#options.onState?.(false, reason);
    this.#scheduleRetry();
  }

  #scheduleRetry(): void {
    this.#retry = setTimeout(() => {
      this.#open().catch(() => {
        if (!this.#closed) this.#scheduleRetry();
      });
    }, this.#backoffMs);
    this.#backoffMs = Math.min(2 * this.#backoffMs, this.#options.maxBackoffMs ?? 2000);
  }
}

/**
 * RFC 7047, section 4.1.3: one result for each operation; an operation that failed has an error object and those
 * after it are null; a failure at commit is one more element at the end.
 */
function readResults(result: unknown, operations: readonly Operation[]): OperationResult[] {
  if (!Array.isArray(result)) throw new OvsdbError('protocol', 'the result of transact is not a list');
  for (const [index, one] of result.entries()) {
    const refusal = one as { error?: unknown; details?: unknown } | null;
    if (typeof refusal?.error !== 'string') continue;
    const details = typeof refusal.details === 'string' ? refusal.details : undefined;
    const operation = operations[index];
    const what =
      operation === undefined
        ? 'commit'
        : `operation ${index} (${operation.op}${'table' in operation ? ` ${operation.table}` : ''})`;
    throw new OvsdbError(
      'refused',
      `${what}: ${refusal.error}${details === undefined ? '' : `: ${details}`}`,
      {
        error: refusal.error,
        details,
        operation: operation === undefined ? undefined : index,
      },
    );
  }
  if (result.length < operations.length)
    throw new OvsdbError('protocol', `${result.length} results for ${operations.length} operations`);
  return result as OperationResult[];
}
