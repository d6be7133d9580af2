import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { WebSocket } from 'ws';
import { preferred } from '../accept.js';
import { eventSource } from '../event-source.js';
import { ApiProblem } from '../problems.js';
import { StreamDeltaSchema, StreamQuerySchema, StreamSnapshotSchema } from '../schemas/stream.js';
import type { StreamHub, StreamReader, Subscription } from '../stream-hub.js';
import { problems, type RouteContext, type Routes } from './route-context.js';

const eventStream = 'text/event-stream';

/** `GET /v1/stream`: with an upgrade a WebSocket, with `Accept: text/event-stream` server-sent events. */
export function streamRoute(app: Routes, { application, stream }: RouteContext): void {
  app.route({
    method: 'GET',
    url: '/v1/stream',
    exposeHeadRoute: false,
    schema: {
      operationId: 'stream',
      summary: 'Live view over WebSocket or as server-sent events: a snapshot, then deltas',
      tags: ['system'],
      querystring: StreamQuerySchema,
      response: {
        101: {
          description: 'JSON text messages, each a StreamSnapshot or a StreamDelta',
          content: { 'application/json': { schema: { anyOf: [StreamSnapshotSchema, StreamDeltaSchema] } } },
        },
        200: {
          description: 'with Accept: text/event-stream; `data` of each event is the same message',
          content: { [eventStream]: { schema: Type.String() } },
        },
        ...problems({
          400: 'no such topic',
          403: 'a page from elsewhere',
          426: 'neither an upgrade to WebSocket nor server-sent events',
          503: 'too many readers',
        }),
      },
    },
    preHandler: async (request) => {
      if (!request.ws && !wantsEvents(request)) throw upgradeRequired();
      if (stream.full) throw tooMany(stream);
    },
    handler: (request, reply) => {
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        'content-type': `${eventStream}; charset=utf-8`,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-request-id': request.id,
      });
      let reader: StreamReader | undefined;
      const socket = eventSource(raw, () => reader?.pong());
      reader = stream.add(socket, application.view(), subscriptionOf(request));
      raw.on('close', reader.gone);
      raw.on('error', () => {});
    },
    wsHandler: (socket: WebSocket, request) => {
      const reader = stream.add(socket, application.view(), subscriptionOf(request));
      socket.on('close', reader.gone);
      socket.on('pong', reader.pong);
      socket.on('message', (data: Buffer) => {
        if (isResync(data)) reader.resync();
      });
      // 'close' follows every 'error'; without a listener it would end the process
      socket.on('error', () => {});
    },
  });
}

const wantsEvents = ({ headers }: FastifyRequest): boolean =>
  headers.accept !== undefined &&
  preferred(headers.accept, ['application/json', eventStream]) === eventStream;

function subscriptionOf({ query }: FastifyRequest): Subscription {
  const { topics, intervalMs } = query as { topics?: string; intervalMs?: number };
  return {
    ...(topics === undefined ? {} : { topics: new Set(topics.split(',')) }),
    ...(intervalMs === undefined ? {} : { intervalMs }),
  };
}

/** The one thing that is understood; what else a reader sends is not looked at. */
function isResync(data: Buffer): boolean {
  try {
    return (JSON.parse(data.toString()) as { type?: unknown } | null)?.type === 'resync';
  } catch {
    return false;
  }
}

const upgradeRequired = (): ApiProblem =>
  new ApiProblem(
    {
      slug: 'upgrade-required',
      status: 426,
      title: 'Upgrade required',
      detail:
        'Connect with a WebSocket client, ask for server-sent events (curl -N -H "Accept: text/event-stream"), or poll GET /v1/state.',
    },
    { upgrade: 'websocket', connection: 'upgrade' },
  );

const tooMany = ({ size }: StreamHub): ApiProblem =>
  new ApiProblem(
    {
      slug: 'too-many-streams',
      status: 503,
      title: 'Too many readers',
      detail: `${size} readers have the stream open; close one, or poll GET /v1/state.`,
    },
    { 'retry-after': '10' },
  );
