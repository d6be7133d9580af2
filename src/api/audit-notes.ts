import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Application } from './application.js';

/** A request may say why: `Steady-Reason: maintenance of hyp-a`. */
const reasonHeader = 'steady-reason';
/** Requests that were not understood, or came too fast, changed nothing and tell nothing about whoever is known. */
const notNoted = new Set([400, 401, 406, 413, 415, 429]);

/** Notes every request that changes something, or was refused it, in the audit. */
export function noteChanges(app: FastifyInstance, application: Application): void {
  app.addHook('onResponse', async (request, reply) => {
    const { url, schema } = request.routeOptions;
    const { caller } = request;
    if (['GET', 'HEAD', 'OPTIONS'].includes(request.method) || url === undefined || caller === null) return;
    if (notNoted.has(reply.statusCode) || isDryRun(request)) return;
    application.noteAudit({
      actor: caller.name,
      action: (schema as { operationId?: string } | undefined)?.operationId ?? `${request.method} ${url}`,
      target: targetOf(request, reply),
      outcome: reply.statusCode < 400 ? 'done' : String(reply.statusCode),
      detail: reasonOf(request),
      requestId: request.id,
    });
  });
}

const isDryRun = ({ body }: FastifyRequest): boolean =>
  typeof body === 'object' && body !== null && 'dryRun' in body && body.dryRun === true;

/** What the path names, or what was made: the end of Location. */
function targetOf({ params }: FastifyRequest, reply: FastifyReply): string | null {
  const id = (params as { id?: unknown } | undefined)?.id;
  if (typeof id === 'string') return id;
  const location = reply.getHeader('location');
  return typeof location === 'string'
    ? decodeURIComponent(location.slice(location.lastIndexOf('/') + 1))
    : null;
}

function reasonOf({ headers }: FastifyRequest): string {
  const text = headers[reasonHeader];
  return typeof text === 'string' ? text.slice(0, 200) : '';
}
