import { readFileSync, writeFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../../src/api/index.js';
import {
  AccessSchema,
  AuditListSchema,
  CircuitListSchema,
  LinkListSchema,
  MigrationListSchema,
  MigrationSchema,
  PathListSchema,
  ProblemSchema,
  ReadinessSchema,
  RuleComparisonSchema,
  SwitchListSchema,
  SwitchReadingSchema,
  SwitchSchema,
  SystemViewSchema,
  VmListSchema,
} from '../../src/api/schemas/index.js';
import { FakeApplication, migrationOf } from './fake-application.js';

type Node = Record<string, unknown>;
interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  parameters?: { in: string; name: string; required: boolean; schema: Node }[];
  requestBody?: { required: boolean; content: Node };
  responses: Record<string, { description: string; content?: Record<string, { schema: Node }> }>;
}
interface Document {
  openapi: string;
  info: Node;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Node> };
}

/** routes of the contract; the dashboard and the documentation itself are not part of the interface */
const promised = [
  'GET /livez',
  'GET /metrics',
  'GET /readyz',
  'GET /stats/flow/{dpid}',
  'GET /stats/group/{dpid}',
  'GET /stats/meter/{dpid}',
  'GET /stats/port/{dpid}',
  'GET /stats/port/{dpid}/{port}',
  'GET /stats/queue/{dpid}',
  'GET /stats/queue/{dpid}/{port}',
  'GET /stats/queue/{dpid}/{port}/{queue}',
  'GET /stats/switches',
  'GET /v1/access',
  'GET /v1/audit',
  'GET /v1/circuits',
  'GET /v1/config',
  'GET /v1/links',
  'GET /v1/migrations',
  'GET /v1/migrations/{id}',
  'GET /v1/paths',
  'GET /v1/state',
  'GET /v1/stream',
  'GET /v1/switches',
  'GET /v1/switches/{dpid}',
  'GET /v1/switches/{dpid}/flows',
  'GET /v1/switches/{dpid}/groups',
  'GET /v1/switches/{dpid}/meters',
  'GET /v1/switches/{dpid}/ports',
  'GET /v1/switches/{dpid}/queues',
  'GET /v1/switches/{dpid}/rules',
  'GET /v1/vms',
  'POST /v1/config:reload',
  'POST /v1/migrations',
  'POST /v1/migrations/{id}:cancel',
  'POST /v1/migrations/{id}:force-complete',
];

let app: FastifyInstance;
let document: Document;
const application = new FakeApplication();
beforeAll(async () => {
  app = createApi({ application, dashboardDirectory: '/nonexistent' });
  document = (await app.inject('/docs/json')).json();
});
afterAll(() => app.close());
const operations = (): { name: string; path: string; operation: Operation }[] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      path,
      operation,
    })),
  );

describe('/docs/json', () => {
  it('is OpenAPI 3.1 and lists every route', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: 'Steady', version: '0.1.0' });
    expect(
      operations()
        .map((o) => o.name)
        .sort(),
    ).toEqual(promised);
  });
  it('names, describes and answers every operation', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { name, path, operation } of operations()) {
      expect(operation.summary, name).toMatch(/\S/);
      expect(operation.tags, name).toHaveLength(1);
      const inPath = (operation.parameters ?? []).filter((p) => p.in === 'path').map((p) => p.name);
      expect(inPath, name).toEqual([...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]));
      const statuses = Object.keys(operation.responses);
      expect(
        statuses.some((status) => /^(1|2)\d\d$/.test(status)),
        name,
      ).toBe(true);
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(response.description, `${name} ${status}`).toMatch(/\S/);
        if (status >= '400' && name !== 'GET /readyz')
          expect(Object.keys(response.content ?? {}), `${name} ${status}`).toEqual([
            'application/problem+json',
          ]);
      }
    }
  });
  it('has references that lead somewhere, and no schema twice', () => {
    const text = JSON.stringify(document);
    const references = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]));
    expect(references.size).toBeGreaterThan(20);
    for (const reference of references) {
      const name = String(reference).replace('#/components/schemas/', '');
      expect(document.components.schemas, name).toHaveProperty(name);
    }
    for (const name of Object.keys(document.components.schemas))
      expect([...text.matchAll(new RegExp(`"title":"${name}"`, 'g'))], name).toHaveLength(1);
  });
  it('knows which bodies may be left out', () => {
    expect(document.paths['/v1/migrations']?.post?.requestBody?.required).toBe(true);
    expect(document.paths['/v1/migrations/{id}:cancel']?.post?.requestBody?.required).toBe(false);
  });
  it('has a page to read it, which loads nothing from elsewhere', async () => {
    const page = await app.inject('/docs');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-type']).toContain('text/html');
    expect(String(page.headers['content-security-policy'])).not.toContain('http');
    expect([...page.body.matchAll(/(?:src|href)="https?:/g)]).toEqual([]);
  });
});

/**
 * The document that is in the repository. To renew it after a change:
 *   STEADY_WRITE_SCHEMAS=1 npx vitest run --project unit test/api/openapi.test.ts && npx biome format --write src/api/openapi.json
 */
describe('src/api/openapi.json', () => {
  it('is current', () => {
    const file = 'src/api/openapi.json';
    if (process.env.STEADY_WRITE_SCHEMAS) writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(document);
  });
});

describe('answers fit their schemas', () => {
  it.each([
    ['/v1/state', SystemViewSchema],
    ['/v1/migrations', MigrationListSchema],
    ['/v1/migrations/m-1', MigrationSchema],
    ['/v1/migrations/m-2', ProblemSchema],
    ['/v1/switches', SwitchListSchema],
    ['/v1/switches/1', SwitchSchema],
    ['/v1/switches/1/flows', SwitchReadingSchema],
    ['/v1/links', LinkListSchema],
    ['/v1/paths', PathListSchema],
    ['/v1/vms', VmListSchema],
    ['/v1/circuits', CircuitListSchema],
    ['/v1/access', AccessSchema],
    ['/v1/audit', AuditListSchema],
    ['/v1/switches/1/rules', RuleComparisonSchema],
    ['/readyz', ReadinessSchema],
    ['/nowhere', ProblemSchema],
  ])('%s', async (url, schema) => {
    application.current = { ...application.current, migrations: [migrationOf()] };
    application.noteAudit({
      actor: 'a',
      action: 'b',
      target: null,
      outcome: 'done',
      detail: '',
      requestId: null,
    });
    const body = (await app.inject(url)).json();
    expect([...Compile(schema).Errors(body)]).toEqual([]);
  });
});
