import { Type } from 'typebox';
import { localCaller } from '../gate.js';
import {
  AccessSchema,
  AuditListSchema,
  AuditQuerySchema,
  LivenessSchema,
  ReadinessSchema,
} from '../schemas/network.js';
import { SystemViewSchema } from '../schemas/system-view.js';
import { problems, type RouteContext, type Routes } from './route-context.js';

const tags = ['system'];

export function systemRoutes(app: Routes, context: RouteContext): void {
  const { application } = context;
  app.get(
    '/v1/state',
    {
      schema: {
        operationId: 'getState',
        summary: 'Everything, as of one instant',
        tags,
        response: { 200: SystemViewSchema },
      },
    },
    async () => application.view(),
  );
  app.get(
    '/v1/access',
    {
      schema: {
        operationId: 'getAccess',
        summary: 'What the sender of this request may do',
        tags,
        response: { 200: AccessSchema },
      },
    },
    async ({ caller }) => {
      // the gate lets nobody to a route of scope read whom it does not know
      const { name, scope } = caller ?? localCaller;
      const source = application.recorded === true ? ('recording' as const) : ('controller' as const);
      return { name, scope, tokenNeeded: caller !== localCaller, source };
    },
  );
  app.get(
    '/v1/audit',
    {
      schema: {
        operationId: 'listAudit',
        summary: 'What was done or refused, by whom and why; newest first, a page at a time',
        tags,
        querystring: AuditQuerySchema,
        response: { 200: AuditListSchema, ...problems({ 400: 'invalid query' }) },
      },
    },
    async (request) => {
      // the validator filled in the limit
      const { limit, cursor } = request.query as typeof request.query & { limit: number };
      const entries = application.audit(Number(cursor ?? Number.MAX_SAFE_INTEGER), limit + 1);
      const shown = entries.slice(0, limit);
      return {
        items: shown.map(({ wallMs, number, ...entry }) => ({
          number,
          at: new Date(wallMs).toISOString(),
          ...entry,
        })),
        nextCursor: entries.length > limit ? `${shown.at(-1)?.number}` : null,
      };
    },
  );
  health(app, context);
}

function health(app: Routes, { application, metrics, stream }: RouteContext): void {
  app.get(
    '/livez',
    {
      schema: {
        operationId: 'getLiveness',
        summary: 'The process answers',
        tags,
        response: { 200: LivenessSchema },
      },
    },
    async () => ({ status: 'alive' as const }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'getReadiness',
        summary: 'The controller can do its work; if not, why',
        tags,
        response: { 200: ReadinessSchema, 503: { ...ReadinessSchema, description: 'not ready' } },
      },
    },
    async (_request, reply) => {
      const { ready, reasons } = application.ready();
      return reply.code(ready ? 200 : 503).send({ ready, reasons: [...reasons] });
    },
  );
  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'getMetrics',
        summary: 'Prometheus metrics',
        tags,
        response: {
          200: { description: 'text format 0.0.4', content: { 'text/plain': { schema: Type.String() } } },
        },
      },
    },
    async (_request, reply) => {
      const text = await metrics.text(application.view(), stream.size);
      return reply.type(metrics.contentType).send(text);
    },
  );
}
