import type { WebSocket } from 'ws';
import { ApiProblem } from '../problems.js';
import { StreamDeltaSchema, StreamSnapshotSchema } from '../schemas/stream.js';
import { problems, type RouteContext, type Routes } from './route-context.js';

/** `GET /v1/stream` with an upgrade to WebSocket. What readers send is not looked at. */
export function streamRoute(app: Routes, { application, stream }: RouteContext): void {
  app.route({
    method: 'GET',
    url: '/v1/stream',
    exposeHeadRoute: false,
    schema: {
      operationId: 'stream',
      summary: 'Live view over WebSocket: a snapshot, then deltas',
      tags: ['system'],
      response: {
        101: {
          description: 'JSON text messages, each a StreamSnapshot or a StreamDelta',
          content: { 'application/json': { schema: { anyOf: [StreamSnapshotSchema, StreamDeltaSchema] } } },
        },
        ...problems({
          403: 'a page from elsewhere',
          426: 'not an upgrade to WebSocket',
          503: 'too many readers',
        }),
      },
    },
    preValidation: async (request) => {
      if (request.ws && stream.full)
        throw new ApiProblem(
          {
            slug: 'too-many-streams',
            status: 503,
            title: 'Too many readers',
            detail: `${stream.size} readers have the stream open; close one, or poll GET /v1/state.`,
          },
          { 'retry-after': '10' },
        );
    },
    handler: () => {
      throw new ApiProblem(
        {
          slug: 'upgrade-required',
          status: 426,
          title: 'Upgrade required',
          detail: 'This is a WebSocket; connect with a WebSocket client, or poll GET /v1/state.',
        },
        { upgrade: 'websocket', connection: 'upgrade' },
      );
    },
    wsHandler: (socket: WebSocket) => {
      const reader = stream.add(socket, application.view());
      socket.on('close', reader.gone);
      socket.on('pong', reader.pong);
      // 'close' follows every 'error'; without a listener it would end the process
      socket.on('error', () => {});
    },
  });
}
