import { randomUUID } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import websocket from '@fastify/websocket';
import {
  type FastifyBaseLogger,
  type FastifyHttpOptions,
  type FastifyInstance,
  fastify,
  LogController,
  type RawServerDefault,
} from 'fastify';
import { requireAccessForEveryRoute } from './access-matrix.js';
import type { AccessToken } from './access-tokens.js';
import type { Application } from './application.js';
import { noteChanges } from './audit-notes.js';
import { Commander } from './commands.js';
import type { Configuration } from './configuration.js';
import { ConnectionGuard } from './connection-guard.js';
import { builtDashboard, serveDashboard } from './dashboard.js';
import { chooseProtocol, Gate } from './gate.js';
import { acceptJsonBodies } from './json-body.js';
import { Metrics } from './metrics.js';
import { Migrations } from './migrations.js';
import { describeApi } from './openapi.js';
import { AddressNotAllowedError, isLoopback } from './origin.js';
import { ignoreOtherUpgrades } from './plain-upgrade.js';
import { answerBrokenHttp, errorHandler, notFoundHandler } from './problems.js';
import { defaultRateLimits, type RateLimits } from './rate-limits.js';
import { RouteMethods } from './route-methods.js';
import { configRoutes } from './routes/config.js';
import { migrationRoutes } from './routes/migrations.js';
import { networkRoutes } from './routes/network.js';
import { ofctlRoutes } from './routes/ofctl.js';
import type { RouteContext, Routes } from './routes/route-context.js';
import { streamRoute } from './routes/stream.js';
import { switchRoutes } from './routes/switches.js';
import { systemRoutes } from './routes/system.js';
import { defaultStreamLimits, StreamHub, type StreamLimits } from './stream-hub.js';
import { validatorCompiler } from './validation.js';

export interface ApiOptions {
  readonly application: Application;
  readonly logger?: FastifyBaseLogger;
  /** where index.html of the dashboard is; default: beside the compiled sources */
  readonly dashboardDirectory?: string;
  /** how long a request waits for the engine, ms */
  readonly commandTimeoutMs?: number;
  readonly streamLimits?: Partial<StreamLimits>;
  readonly access?: AccessOptions;
  /** undefined: there is no file to read again */
  readonly configuration?: Configuration;
  readonly rateLimits?: Partial<RateLimits>;
  /** ms since 1970, for the expiry of tokens and the limits on rates */
  readonly nowMs?: () => number;
}

/** What stands between the interface and those who can reach its address. */
export interface AccessOptions {
  /** PEM; `app.server` takes new ones with `setSecureContext` */
  readonly tls?: SecureContextOptions;
  /** who may come in, asked for at each request; undefined: a token is not asked for */
  readonly tokens?: () => readonly AccessToken[];
  /** names in Host besides those of loopback; they matter only where no token is asked for */
  readonly hostNames?: () => readonly string[];
  /** listen wherever it is told to: something else keeps others out */
  readonly insecure?: boolean;
}

const bodyLimitBytes = 65_536;
const connectionLimit = 2048;

/**
 * The HTTP interface: REST under /v1, live stream, metrics, health, documentation and dashboard.
 * `listen` rejects with AddressNotAllowedError for an address that others could reach, unless they need TLS and a
 * token there, or `insecure` was chosen.
 */
export function createApi(options: ApiOptions): FastifyInstance {
  const { access = {} } = options;
  const timeOuts = { headersTimeout: 10_000, maxHeaderSize: 16_384 };
  const app = fastify({
    ...(options.logger === undefined ? { logger: false } : { loggerInstance: options.logger }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    // slow senders, silent sockets and idle keep-alive connections are let go of
    requestTimeout: 15_000,
    connectionTimeout: 30_000,
    keepAliveTimeout: 10_000,
    ...(access.tls === undefined
      ? { http: timeOuts }
      : { https: { ...access.tls, ...timeOuts, handshakeTimeout: 10_000 } }),
    routerOptions: { maxParamLength: 200 },
    forceCloseConnections: true,
    genReqId: () => randomUUID(),
    frameworkErrors: errorHandler(bodyLimitBytes),
    clientErrorHandler: answerBrokenHttp,
  } as FastifyHttpOptions<RawServerDefault>);
  new ConnectionGuard(connectionLimit).watch(app.server);
  guardListen(app, access);
  requireAccessForEveryRoute(app);
  app.setValidatorCompiler(validatorCompiler);
  // schemas of answers document them; they do not filter what is sent
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler(errorHandler(bodyLimitBytes));
  const methods = new RouteMethods();
  methods.watch(app);
  app.setNotFoundHandler(notFoundHandler((path) => methods.of(path)));
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-content-type-options': 'nosniff', 'x-request-id': request.id });
  });
  new Gate({
    tokens: access.tokens,
    hostNames: access.hostNames ?? (() => []),
    limits: { ...defaultRateLimits, ...options.rateLimits },
    nowMs: options.nowMs ?? Date.now,
  }).guard(app);
  // a refused upgrade has left the care of the HTTP server: nobody else would ever close its socket
  app.addHook('onResponse', async (request) => {
    if (request.headers.upgrade !== undefined) request.raw.socket.destroySoon();
  });
  noteChanges(app, options.application);
  acceptJsonBodies(app);
  app.register(async (scope) => joinParts(scope, options));
  return app;
}

async function joinParts(app: FastifyInstance, options: ApiOptions): Promise<void> {
  const { application } = options;
  const view = () => application.view();
  const stream = new StreamHub(`urn:steady:stream:${randomUUID()}`, {
    ...defaultStreamLimits,
    ...options.streamLimits,
  });
  const context: RouteContext = {
    application,
    commander: new Commander(application, { timeoutMs: options.commandTimeoutMs ?? 10_000, inFlight: 256 }),
    migrations: new Migrations(view),
    metrics: new Metrics(),
    stream,
    configuration: options.configuration,
  };
  await describeApi(app, view().version);
  await app.register(websocket, {
    options: { maxPayload: 4_096, handleProtocols: chooseProtocol },
    preClose: async () => stream.stop(),
  });
  ignoreOtherUpgrades(app.server);
  await app.register(async (scope) => {
    const routes = scope as unknown as Routes;
    migrationRoutes(routes, context);
    switchRoutes(routes, context);
    networkRoutes(routes, context);
    ofctlRoutes(routes, context);
    systemRoutes(routes, context);
    configRoutes(routes, context);
    streamRoute(routes, context);
  });
  await serveDashboard(app, options.dashboardDirectory ?? builtDashboard());
  const unsubscribe = application.onView((published) => {
    context.metrics.observe(published);
    context.migrations.published(published);
    stream.publish(published);
  });
  context.metrics.observe(view());
  app.addHook('onClose', async () => unsubscribe());
}

/** Wraps `listen` rather than offering another: there is no way round it. */
function guardListen(app: FastifyInstance, { tls, tokens, insecure = false }: AccessOptions): void {
  const listen = app.listen.bind(app) as (options: object) => Promise<string>;
  const guarded = async (options: { host?: string } = {}): Promise<string> => {
    const { host = '127.0.0.1' } = options;
    const isProtected = tls !== undefined && tokens !== undefined;
    if (!isProtected && !insecure && !isLoopback(host)) throw new AddressNotAllowedError(host);
    return listen({ ...options, host });
  };
  app.listen = guarded as typeof app.listen;
}
