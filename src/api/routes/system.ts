import { Type } from 'typebox';
import { AuditListSchema, LivenessSchema, ReadinessSchema } from '../schemas/network.js';
import { SystemViewSchema } from '../schemas/system-view.js';
import type { RouteContext, Routes } from './route-context.js';

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
    '/v1/audit',
    {
      schema: {
        operationId: 'listAudit',
        summary: 'Changes that were made, oldest first',
        tags,
        response: { 200: AuditListSchema },
      },
    },
    async () => ({
      items: application.audit().map(({ wallMs, what }) => ({ at: new Date(wallMs).toISOString(), what })),
    }),
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
