import { circuitsOf, pathsOf } from '../paths.js';
import { CircuitListSchema, LinkListSchema, PathListSchema, VmListSchema } from '../schemas/network.js';
import type { RouteContext, Routes } from './route-context.js';

export function networkRoutes(app: Routes, { application }: RouteContext): void {
  const tags = ['network'];
  app.get(
    '/v1/links',
    { schema: { operationId: 'listLinks', summary: 'Links', tags, response: { 200: LinkListSchema } } },
    async () => ({ items: application.view().links }),
  );
  app.get(
    '/v1/paths',
    {
      schema: {
        operationId: 'listPaths',
        summary: 'Ways between sites and their bottlenecks',
        tags,
        response: { 200: PathListSchema },
      },
    },
    async () => ({ items: pathsOf(application.view()) }),
  );
  app.get(
    '/v1/circuits',
    {
      schema: {
        operationId: 'listCircuits',
        summary: 'On-demand circuits',
        tags,
        response: { 200: CircuitListSchema },
      },
    },
    async () => circuitsOf(application.view()),
  );
  app.get(
    '/v1/vms',
    {
      schema: {
        operationId: 'listVms',
        summary: 'Virtual machines and where they live',
        tags,
        response: { 200: VmListSchema },
      },
    },
    async () => ({ items: application.view().vms }),
  );
}
