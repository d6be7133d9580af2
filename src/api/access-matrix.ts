import type { FastifyInstance } from 'fastify';
import type { Scope } from './access-tokens.js';

/** `open`: without a token, for what carries no data of the network: the page's own files, the documentation, the probe of life. */
export type Access = Scope | 'open';

const readings = ['flows', 'ports', 'queues', 'meters', 'groups'];

/** Who may do what: every route is here, or the controller does not start. HEAD is as GET. */
const matrix: ReadonlyMap<string, Access> = new Map<string, Access>([
  ['GET /', 'open'],
  ['GET /*', 'open'],
  ['GET /docs', 'open'],
  ['GET /docs/', 'open'],
  ['GET /docs/json', 'open'],
  ['GET /docs/yaml', 'open'],
  ['GET /docs/static/*', 'open'],
  ['GET /docs/static/index.html', 'open'],
  ['GET /docs/static/swagger-initializer.js', 'open'],
  ['GET /livez', 'open'],
  ['GET /readyz', 'read'],
  ['GET /metrics', 'read'],
  ['GET /v1/access', 'read'],
  ['GET /v1/state', 'read'],
  ['GET /v1/stream', 'read'],
  ['GET /v1/audit', 'admin'],
  ['GET /v1/config', 'admin'],
  ['POST /v1/config:reload', 'admin'],
  ['GET /v1/links', 'read'],
  ['GET /v1/paths', 'read'],
  ['GET /v1/circuits', 'read'],
  ['GET /v1/vms', 'read'],
  ['GET /v1/switches', 'read'],
  ['GET /v1/switches/:dpid', 'read'],
  ['GET /v1/switches/:dpid/rules', 'read'],
  ...readings.map((what) => [`GET /v1/switches/:dpid/${what}`, 'read'] as const),
  ['GET /stats/switches', 'read'],
  ['GET /stats/flow/:dpid', 'read'],
  ['GET /stats/port/:dpid', 'read'],
  ['GET /stats/port/:dpid/:port', 'read'],
  ['GET /stats/queue/:dpid', 'read'],
  ['GET /stats/queue/:dpid/:port', 'read'],
  ['GET /stats/queue/:dpid/:port/:queue', 'read'],
  ['GET /stats/group/:dpid', 'read'],
  ['GET /stats/meter/:dpid', 'read'],
  ['GET /v1/migrations', 'read'],
  ['GET /v1/migrations/:id', 'read'],
  ['POST /v1/migrations', 'operate'],
  ['POST /v1/migrations/:id:cancel', 'operate'],
  ['POST /v1/migrations/:id:force-complete', 'operate'],
]);

/** `:id(^[^:/]+)::cancel`, as the router spells it, is `:id:cancel` here. */
const plainUrl = (url: string): string => url.replaceAll('(^[^:/]+)', '').replaceAll('::', ':');

/** @returns undefined: no such route is known */
export const accessOf = (method: string, url: string): Access | undefined =>
  matrix.get(`${method === 'HEAD' ? 'GET' : method} ${plainUrl(url)}`);

/** Makes a route that nobody has thought about an error of the start, and not a door. */
export function requireAccessForEveryRoute(app: FastifyInstance): void {
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat())
      if (accessOf(one, url) === undefined)
        throw new Error(`${one} ${url} is a route without a line in the access matrix (access-matrix.ts)`);
  });
}
