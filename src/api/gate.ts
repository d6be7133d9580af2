import type { FastifyInstance, FastifyRequest } from 'fastify';
import { accessOf } from './access-matrix.js';
import { type AccessToken, covers, findToken, type Scope } from './access-tokens.js';
import { guardHost, guardOrigin } from './origin.js';
import { ApiProblem } from './problems.js';
import { RateLimiter, type RateLimits } from './rate-limits.js';

/** Who sends a request. */
export interface Caller {
  readonly name: string;
  readonly scope: Scope;
}
declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
  }
}

export interface GateOptions {
  /** undefined: no token is asked for, as on loopback */
  readonly tokens: (() => readonly AccessToken[]) | undefined;
  /** names, besides those of loopback, that the Host header may have where no token is asked for */
  readonly hostNames: () => readonly string[];
  readonly limits: RateLimits;
  readonly nowMs: () => number;
}

/** A browser cannot send an Authorization header with a WebSocket; it offers the token as a subprotocol instead. */
export const streamProtocol = 'steady.v1';
const tokenProtocol = 'steady.token.';
/** Whoever needs no token. */
export const localCaller: Caller = { name: 'local', scope: 'admin' };
const bearer = { 'www-authenticate': 'Bearer realm="steady"' };

/** The door that every request passes: where it comes from, whose it is, what he may, how often. */
export class Gate {
  readonly #options: GateOptions;
  readonly #reads: RateLimiter;
  readonly #changes: RateLimiter;
  readonly #refused: RateLimiter;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#reads = new RateLimiter(options.limits.read);
    this.#changes = new RateLimiter(options.limits.change);
    this.#refused = new RateLimiter(options.limits.refused);
  }

  guard(app: FastifyInstance): void {
    app.decorateRequest('caller', null);
    app.addHook('onRequest', async (request) => this.#pass(request));
  }

  /** @throws ApiProblem 401, 403 or 429 */
  #pass(request: FastifyRequest): void {
    const { tokens, hostNames, nowMs } = this.#options;
    // a name that an attacker makes point here is no danger where every request must bring a secret
    if (tokens === undefined) guardHost(request, hostNames());
    guardOrigin(request);
    const now = nowMs();
    const { url } = request.routeOptions;
    const access = (url === undefined ? undefined : accessOf(request.method, url)) ?? 'open';
    if (tokens === undefined) request.caller = localCaller;
    else if (access !== 'open') {
      request.caller = this.#identify(request, tokens(), now);
      if (!covers(request.caller.scope, access)) throw scopeTooSmall(request, request.caller, access);
    }
    const changes = request.method !== 'GET' && request.method !== 'HEAD';
    const who = request.caller === null || tokens === undefined ? `@${request.ip}` : request.caller.name;
    const wait = (changes ? this.#changes : this.#reads).take(who, now / 1000);
    if (wait > 0) throw tooMany(wait);
  }

  #identify(request: FastifyRequest, tokens: readonly AccessToken[], nowMs: number): Caller {
    const presented = presentedToken(request);
    const seconds = nowMs / 1000;
    if (!this.#refused.has(request.ip, seconds)) throw tooMany(1);
    const token = presented === undefined ? undefined : findToken(presented, tokens, nowMs);
    if (token === undefined) {
      this.#refused.take(request.ip, seconds);
      throw new ApiProblem(
        {
          slug: 'unauthenticated',
          status: 401,
          title: 'Token needed',
          detail:
            presented === undefined
              ? 'Send a token as `Authorization: Bearer TOKEN`; `steady token NAME --scope read` makes one on the controller.'
              : 'The token is unknown or has expired; `steady token NAME --scope read` makes one on the controller.',
        },
        presented === undefined
          ? bearer
          : { 'www-authenticate': `${bearer['www-authenticate']}, error="invalid_token"` },
      );
    }
    return { name: token.name, scope: token.scope };
  }
}

function presentedToken(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers;
  const [, token] = /^bearer +([\x21-\x7e]{1,512})$/i.exec(authorization ?? '') ?? [];
  if (token !== undefined || request.headers.upgrade === undefined) return token;
  return protocolsOf(request.headers['sec-websocket-protocol'])
    .find((protocol) => protocol.startsWith(tokenProtocol))
    ?.slice(tokenProtocol.length);
}

const protocolsOf = (header: string | undefined): string[] =>
  (header ?? '').split(',').map((name) => name.trim());

/** The subprotocol that is answered is never the one with the token. */
export const chooseProtocol = (offered: ReadonlySet<string>): string | false =>
  offered.has(streamProtocol) ? streamProtocol : false;

const scopeTooSmall = (request: FastifyRequest, { name, scope }: Caller, needed: Scope): ApiProblem =>
  new ApiProblem(
    {
      slug: 'scope-too-small',
      status: 403,
      title: 'Not allowed with this token',
      detail: `${request.method} ${request.url.split('?', 1)[0]} needs the scope ${needed}; the token of ${JSON.stringify(name)} has ${scope}.`,
      extra: { neededScope: needed },
    },
    {
      'www-authenticate': `${bearer['www-authenticate']}, error="insufficient_scope", scope="${needed}"`,
    },
  );

const tooMany = (waitSeconds: number): ApiProblem =>
  new ApiProblem(
    {
      slug: 'rate-limited',
      status: 429,
      title: 'Too many requests',
      detail:
        'This caller asks more often than it may; slow down, or open the live stream instead of polling.',
    },
    { 'retry-after': `${Math.max(1, Math.ceil(waitSeconds))}` },
  );
