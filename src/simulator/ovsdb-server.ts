import { createServer, type Server, type Socket } from 'node:net';
import { JsonStream } from './json-stream.js';
import {
  type OvsdbDatabase,
  type OvsdbRow,
  ovsdbSchema,
  type RowChange,
  type TableName,
} from './ovsdb-database.js';
import { canonical } from './ovsdb-values.js';

const databaseName = 'Open_vSwitch';
const requestLimitBytes = 1_048_576;
const unsentLimitBytes = 4_194_304;

interface Monitor {
  readonly id: unknown;
  readonly columns: ReadonlyMap<TableName, readonly string[]>;
}
interface Client {
  readonly socket: Socket;
  readonly monitors: Monitor[];
}
type Params = readonly unknown[];

/** JSON-RPC over TCP in front of the small database: the part of RFC 7047 that an ordinary client uses. */
export class OvsdbServer {
  private readonly database: OvsdbDatabase;
  private readonly before: () => void;
  private readonly server: Server;
  private readonly clients = new Set<Client>();

  /** `before` is called ahead of every request: the plant's clock must be at the present. */
  constructor(database: OvsdbDatabase, before: () => void) {
    this.database = database;
    this.before = before;
    this.server = createServer((socket) => this.accept(socket));
    const apply = database.onChange;
    database.onChange = (changes) => {
      apply(changes);
      this.notify(changes);
    };
  }

  /** @returns the endpoint, `tcp:HOST:PORT`; rejects when it cannot listen */
  listen(host = '127.0.0.1'): Promise<string> {
    return listenOn(this.server, host);
  }

  close(): void {
    this.server.close();
    for (const { socket } of this.clients) socket.destroy();
  }

  private accept(socket: Socket): void {
    const client: Client = { socket, monitors: [] };
    const stream = new JsonStream(requestLimitBytes);
    this.clients.add(client);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      if (!stream.push(chunk, (text) => this.take(client, text))) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.clients.delete(client));
  }

  private take(client: Client, text: string): void {
    let message: { id?: unknown; method?: unknown; params?: unknown };
    try {
      message = JSON.parse(text) as typeof message;
    } catch {
      client.socket.destroy();
      return;
    }
    if (typeof message.method !== 'string') return;
    this.before();
    const params = Array.isArray(message.params) ? message.params : [];
    const answer = this.answer(client, message.method, params);
    if (message.id !== null && message.id !== undefined) write(client, { id: message.id, ...answer });
  }

  private answer(client: Client, method: string, params: Params): { result: unknown; error: unknown } {
    const ok = (result: unknown) => ({ result, error: null });
    const [name] = params;
    switch (method) {
      case 'echo':
        return ok(params);
      case 'list_dbs':
        return ok([databaseName]);
      case 'get_schema':
        return ok(schemaText());
      case 'transact':
        if (name !== databaseName) return unknownDatabase(name);
        return ok(this.database.transact(params.slice(1)));
      case 'monitor':
        if (name !== databaseName) return unknownDatabase(name);
        return this.monitor(client, params[1], params[2]);
      case 'monitor_cancel': {
        const at = client.monitors.findIndex((m) => canonical(m.id) === canonical(name));
        if (at < 0) return { result: null, error: { error: 'unknown monitor' } };
        client.monitors.splice(at, 1);
        return ok({});
      }
      default:
        return { result: null, error: { error: 'unknown method', details: method } };
    }
  }

  private monitor(client: Client, id: unknown, requests: unknown): { result: unknown; error: unknown } {
    const columns = new Map<TableName, readonly string[]>();
    const initial: Record<string, Record<string, { new: OvsdbRow }>> = {};
    for (const [table, request] of Object.entries(
      (requests ?? {}) as Record<string, { columns?: string[] }>,
    )) {
      if (!Object.hasOwn(ovsdbSchema, table))
        return { result: null, error: { error: 'unknown table', details: table } };
      const name = table as TableName;
      const wanted = request.columns ?? Object.keys(ovsdbSchema[name]);
      columns.set(name, wanted);
      const rows = [...this.database.rows(name)];
      if (rows.length > 0)
        initial[name] = Object.fromEntries(rows.map(([uuid, row]) => [uuid, { new: pick(row, wanted) }]));
    }
    client.monitors.push({ id, columns });
    return { result: initial, error: null };
  }

  private notify(changes: readonly RowChange[]): void {
    for (const client of this.clients)
      for (const monitor of client.monitors) {
        const updates = updatesFor(monitor, changes);
        if (updates !== undefined)
          write(client, { id: null, method: 'update', params: [monitor.id, updates] });
      }
  }
}

/** Section 4.1.6: `old` holds the monitored columns that changed, `new` all monitored columns. */
function updatesFor(monitor: Monitor, changes: readonly RowChange[]): object | undefined {
  const updates: Record<string, Record<string, { old?: OvsdbRow; new?: OvsdbRow }>> = {};
  for (const { table, uuid, before, after } of changes) {
    const wanted = monitor.columns.get(table);
    if (wanted === undefined) continue;
    const changed = wanted.filter((c) => canonical(before?.[c]) !== canonical(after?.[c]));
    if (changed.length === 0) continue;
    updates[table] ??= {};
    updates[table][uuid] = {
      ...(before === undefined ? {} : { old: pick(before, after === undefined ? wanted : changed) }),
      ...(after === undefined ? {} : { new: pick(after, wanted) }),
    };
  }
  return Object.keys(updates).length > 0 ? updates : undefined;
}

const pick = (row: OvsdbRow, columns: readonly string[]): OvsdbRow =>
  Object.fromEntries(columns.map((column) => [column, row[column]]));

const unknownDatabase = (name: unknown) => ({
  result: null,
  error: { error: 'unknown database', details: String(name) },
});

function schemaText(): object {
  const tables = Object.entries(ovsdbSchema).map(([name, row]) => [
    name,
    { columns: Object.fromEntries(Object.keys(row).map((column) => [column, { type: 'string' }])) },
  ]);
  return { name: databaseName, version: '8.3.1', tables: Object.fromEntries(tables) as object };
}

function write(client: Client, message: object): void {
  if (client.socket.writableLength > unsentLimitBytes) client.socket.destroy();
  else client.socket.write(JSON.stringify(message));
}

/** Listens on a free TCP port. */
export function listenOn(server: Server, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => {
      server.removeListener('error', reject);
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('the server has no TCP address'));
      else resolve(`tcp:${host}:${address.port}`);
    });
  });
}
