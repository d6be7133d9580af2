import type {
  AuditEntryJson,
  AuditListJson,
  CircuitListJson,
  LinkJson,
  MigrationJson,
  MigrationListJson,
  MigrationRequestJson,
  MigrationVerdictJson,
  PathJson,
  ProblemJson,
  ReadinessJson,
  RuleComparisonJson,
  StreamMessageJson,
  SwitchJson,
  SwitchReadingJson,
  SystemViewJson,
  VmJson,
} from '../api/schemas/index.js';
import { CliError, exitCodes } from './exit-codes.js';

export type SwitchReadingName = 'flows' | 'ports' | 'queues' | 'meters' | 'groups';

/** The controller answered with a problem (RFC 9457). */
export class ProblemError extends CliError {
  readonly problem: ProblemJson;
  constructor(problem: ProblemJson) {
    const places = (problem.errors ?? []).map(({ pointer, detail }) => `\n  ${pointer || '/'} ${detail}`);
    super(
      problem.status === 404 ? exitCodes.notFound : exitCodes.failed,
      `${problem.title}: ${problem.detail}${places.join('')}`,
    );
    this.name = 'ProblemError';
    this.problem = problem;
  }
}

/** Where a controller is that nobody has told otherwise. */
export const usualServer = 'http://127.0.0.1:8080';
/** Longer than the controller's own limit (10 s), so that it is the controller that says what took long. */
const answerLimitMs = 15_000;

export interface ViewsOptions {
  /** at most one view in this time; the controller takes 100 to 60,000 */
  readonly intervalMs?: number;
  /** ends them */
  readonly signal?: AbortSignal;
}

/** One controller, as its REST interface and stream show it. Every method throws CliError. */
export class ApiClient {
  readonly #server: URL;
  readonly #authorization: Readonly<Record<string, string>>;

  /** @param token for a controller that asks for one; it is sent with every request */
  constructor(server: string, token?: string) {
    this.#server = serverUrl(server);
    this.#authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  state(): Promise<SystemViewJson> {
    return this.#get('/v1/state');
  }
  readiness(): Promise<ReadinessJson> {
    return this.#get('/readyz', [200, 503]);
  }
  async switches(): Promise<readonly SwitchJson[]> {
    return (await this.#get<{ items: readonly SwitchJson[] }>('/v1/switches')).items;
  }
  async links(): Promise<readonly LinkJson[]> {
    return (await this.#get<{ items: readonly LinkJson[] }>('/v1/links')).items;
  }
  async paths(): Promise<readonly PathJson[]> {
    return (await this.#get<{ items: readonly PathJson[] }>('/v1/paths')).items;
  }
  async vms(): Promise<readonly VmJson[]> {
    return (await this.#get<{ items: readonly VmJson[] }>('/v1/vms')).items;
  }
  circuits(): Promise<CircuitListJson> {
    return this.#get('/v1/circuits');
  }
  readSwitch(dpid: string, what: SwitchReadingName): Promise<SwitchReadingJson> {
    return this.#get(`/v1/switches/${encodeURIComponent(dpid)}/${what}`);
  }
  compareRules(dpid: string): Promise<RuleComparisonJson> {
    return this.#get(`/v1/switches/${encodeURIComponent(dpid)}/rules`);
  }
  /** Flow entries as `ovs-ofctl dump-flows` prints them, a line each. */
  async flowsText(dpid: string): Promise<string> {
    const path = `/v1/switches/${encodeURIComponent(dpid)}/flows`;
    return (await this.#request('GET', path, { accept: 'text/plain' })).text();
  }

  /** Newest first, page by page, for as long as somebody asks for the next one. */
  async *audit(pageSize: number): AsyncGenerator<AuditEntryJson> {
    const query = new URLSearchParams({ limit: `${pageSize}` });
    for (;;) {
      const page: AuditListJson = await this.#get(`/v1/audit?${query}`);
      yield* page.items;
      if (page.nextCursor === null) return;
      query.set('cursor', page.nextCursor);
    }
  }

  /** All that match, newest first, page by page. */
  async *migrations(filter: {
    status?: string | undefined;
    vm?: string | undefined;
  }): AsyncGenerator<MigrationJson> {
    const query = new URLSearchParams();
    if (filter.status !== undefined) query.set('status', filter.status);
    if (filter.vm !== undefined) query.set('vm', filter.vm);
    for (;;) {
      const page: MigrationListJson = await this.#get(`/v1/migrations?${query}`);
      yield* page.items;
      if (page.nextCursor === null) return;
      query.set('cursor', page.nextCursor);
    }
  }
  migration(id: string): Promise<MigrationJson> {
    return this.#get(`/v1/migrations/${encodeURIComponent(id)}`);
  }
  startMigration(
    request: MigrationRequestJson,
    idempotencyKey: string,
    reason?: string,
  ): Promise<MigrationJson> {
    return this.#post('/v1/migrations', request, {
      'idempotency-key': idempotencyKey,
      ...reasonHeader(reason),
    });
  }
  /** What admission would say, and what the migration would do. */
  tryMigration(request: MigrationRequestJson): Promise<MigrationVerdictJson> {
    return this.#post('/v1/migrations', { ...request, dryRun: true }, {});
  }
  cancelMigration(id: string, reason?: string): Promise<MigrationJson> {
    return this.#post(`/v1/migrations/${encodeURIComponent(id)}:cancel`, {}, reasonHeader(reason));
  }
  forceComplete(id: string, reason?: string): Promise<MigrationJson> {
    return this.#post(`/v1/migrations/${encodeURIComponent(id)}:force-complete`, {}, reasonHeader(reason));
  }

  /**
   * Views as they come, put together from the stream's snapshots and deltas, for as long as somebody asks for
   * the next one. A lost connection is taken up again, three times in a row at most. A reader that is busy gets
   * the latest view next, not all of them.
   */
  async *views({ intervalMs, signal }: ViewsOptions = {}): AsyncGenerator<SystemViewJson> {
    const { WebSocket } = await import('ws');
    let failures = 0;
    for (;;) {
      let view: SystemViewJson | undefined;
      for await (const message of messages(
        new WebSocket(this.#streamUrl(intervalMs), {
          handshakeTimeout: answerLimitMs,
          headers: this.#authorization,
        }),
        signal,
      )) {
        failures = 0;
        view = message.type === 'snapshot' ? message.data : view && { ...view, ...message.data };
        if (view !== undefined) yield view;
      }
      if (signal?.aborted) return;
      failures += 1;
      if (failures > 3) throw this.#unreachable('the stream ended');
      await new Promise((resolve) => setTimeout(resolve, 500 * failures));
      // a controller that is gone for good is said so here
      await this.#get('/livez');
    }
  }

  #streamUrl(intervalMs: number | undefined): string {
    const url = new URL('/v1/stream', this.#server);
    if (intervalMs !== undefined) url.searchParams.set('intervalMs', `${intervalMs}`);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
  }

  async #get<Answer>(path: string, accepted: readonly number[] = []): Promise<Answer> {
    return json(await this.#request('GET', path, { accept: 'application/json' }, undefined, accepted));
  }
  async #post<Answer>(path: string, body: object, headers: Record<string, string>): Promise<Answer> {
    const all = { accept: 'application/json', 'content-type': 'application/json', ...headers };
    return json(await this.#request('POST', path, all, JSON.stringify(body)));
  }

  async #request(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: string,
    accepted: readonly number[] = [],
  ): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(new URL(path, this.#server), {
        method,
        headers: { ...headers, ...this.#authorization },
        redirect: 'error',
        signal: AbortSignal.timeout(answerLimitMs),
        ...(body === undefined ? {} : { body }),
      });
    } catch (error) {
      throw this.#unreachable(reasonOf(error));
    }
    if (response.ok || accepted.includes(response.status)) return response;
    if (response.headers.get('content-type')?.startsWith('application/problem+json'))
      throw new ProblemError(await json<ProblemJson>(response));
    throw new CliError(
      exitCodes.failed,
      `${this.#server.origin} answered ${response.status} to ${method} ${path}, and not as Steady does; is --server right?`,
    );
  }

  #unreachable(reason: string): CliError {
    return new CliError(
      exitCodes.unreachable,
      `cannot reach the controller at ${this.#server.origin} (${reason}). ` +
        'Is it running (steady run)? Another address is given with --server URL or STEADY_SERVER.',
    );
  }
}

/** It stands in the audit. */
const reasonHeader = (reason: string | undefined): Record<string, string> =>
  reason === undefined ? {} : { 'steady-reason': reason };

function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new CliError(exitCodes.usage, `--server ${text}: not a URL like ${usualServer}`);
}

async function json<Answer>(response: Response): Promise<Answer> {
  try {
    return (await response.json()) as Answer;
  } catch {
    throw new CliError(exitCodes.failed, `${response.url} did not answer with JSON; is --server right?`);
  }
}

function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  if (name === 'TimeoutError') return `no answer in ${answerLimitMs / 1000} s`;
  if (cause?.code === 'ECONNREFUSED') return 'connection refused';
  return cause?.code ?? cause?.message ?? message;
}

interface MessageSource {
  on(event: 'message', listener: (data: { toString(): string }) => void): unknown;
  on(event: 'close' | 'error', listener: () => void): unknown;
  terminate(): void;
}

/** Messages of a WebSocket until it closes. Of what came meanwhile nothing is lost: deltas need one another. */
async function* messages(
  socket: MessageSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<StreamMessageJson> {
  const arrived: StreamMessageJson[] = [];
  let closed = false;
  let wake = () => {};
  socket.on('message', (data) => {
    arrived.push(JSON.parse(data.toString()) as StreamMessageJson);
    wake();
  });
  const close = () => {
    closed = true;
    wake();
  };
  for (const event of ['close', 'error'] as const) socket.on(event, close);
  signal?.addEventListener('abort', close);
  if (signal?.aborted) close();
  try {
    for (;;) {
      const next = arrived.shift();
      if (next !== undefined) yield next;
      else if (closed) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    signal?.removeEventListener('abort', close);
    socket.terminate();
  }
}
