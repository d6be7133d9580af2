import { randomUUID } from 'node:crypto';
import websocket from '@fastify/websocket';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { Application } from './application.js';
import { Commander } from './commands.js';
import { builtDashboard, serveDashboard } from './dashboard.js';
import { acceptJsonBodies } from './json-body.js';
import { Metrics } from './metrics.js';
import { Migrations } from './migrations.js';
import { describeApi } from './openapi.js';
import { assertLoopback, guardOrigin } from './origin.js';
import { ignoreOtherUpgrades } from './plain-upgrade.js';
import { answerBrokenHttp, errorHandler, notFoundHandler } from './problems.js';
import { migrationRoutes } from './routes/migrations.js';
import { networkRoutes } from './routes/network.js';
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
}

const bodyLimitBytes = 65_536;

/**
 * The HTTP interface: REST under /v1, live stream, metrics, health, documentation and dashboard.
 * `listen` rejects with AddressNotAllowedError for any address that others could reach.
 */
export function createApi(options: ApiOptions): FastifyInstance {
  const app = fastify({
    ...(options.logger === undefined ? { logger: false } : { loggerInstance: options.logger }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    // slow senders, silent sockets and idle keep-alive connections are let go of
    requestTimeout: 15_000,
    connectionTimeout: 30_000,
    keepAliveTimeout: 10_000,
    http: { headersTimeout: 10_000, maxHeaderSize: 16_384 },
    routerOptions: { maxParamLength: 200 },
    forceCloseConnections: true,
    genReqId: () => randomUUID(),
    frameworkErrors: errorHandler(bodyLimitBytes),
    clientErrorHandler: answerBrokenHttp,
  });
  app.server.maxConnections = 512;
  guardListen(app);
  app.setValidatorCompiler(validatorCompiler);
  // schemas of answers document them; they do not filter what is sent
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler(errorHandler(bodyLimitBytes));
  app.setNotFoundHandler(notFoundHandler);
  app.addHook('onRequest', async (request, reply) => {
    guardOrigin(request);
    reply.headers({ 'x-content-type-options': 'nosniff', 'x-request-id': request.id });
  });
  // a refused upgrade has left the care of the HTTP server: nobody else would ever close its socket
  app.addHook('onResponse', async (request) => {
    if (request.headers.upgrade !== undefined) request.raw.socket.destroySoon();
  });
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
  };
  await describeApi(app, view().version);
  await app.register(websocket, { options: { maxPayload: 4_096 }, preClose: async () => stream.stop() });
  ignoreOtherUpgrades(app.server);
  await app.register(async (scope) => {
    const routes = scope as unknown as Routes;
    migrationRoutes(routes, context);
    switchRoutes(routes, context);
    networkRoutes(routes, context);
    systemRoutes(routes, context);
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
function guardListen(app: FastifyInstance): void {
  const listen = app.listen.bind(app) as (options: object) => Promise<string>;
  const guarded = async (options: { host?: string; path?: string } = {}): Promise<string> => {
    assertLoopback(options.host ?? '127.0.0.1');
    return listen({ host: '127.0.0.1', ...options });
  };
  app.listen = guarded as typeof app.listen;
}
