import { Type } from 'typebox';
import type { MigrationRequest } from '../../engine/input.js';
import type { MigrationPreview } from '../../engine/migration-preview.js';
import type { MigrationView } from '../../engine/view.js';
import { etagOf, ifUnchanged } from '../entity-tags.js';
import { bodyDigest, IdempotentAnswers, idempotencyKey } from '../idempotency.js';
import { received } from '../schemas/common.js';
import {
  MigrationListQuerySchema,
  MigrationListSchema,
  MigrationRequestSchema,
  MigrationSchema,
  MigrationVerdictSchema,
} from '../schemas/migration.js';
import { problems, type RouteContext, type Routes } from './route-context.js';

const MigrationIdSchema = received({ id: Type.String({ minLength: 1, maxLength: 100 }) });
/** `:id(^[^:/]+)::cancel` is how the router spells `{id}:cancel`. */
const actionUrl = (action: string): string => `/v1/migrations/:id(^[^:/]+)::${action}`;
const tags = ['migrations'];

export function migrationRoutes(app: Routes, context: RouteContext): void {
  create(app, context);
  read(app, context);
  act(app, context, 'cancel', 'cancelMigration', 'Cancel a migration; the VM stays running at its source');
  act(
    app,
    context,
    'force-complete',
    'forceComplete',
    'End pre-copy now and switch over, whatever downtime that costs',
  );
}

function create(app: Routes, { application, commander, migrations }: RouteContext): void {
  const answers = new IdempotentAnswers<MigrationView>(1024);
  app.post(
    '/v1/migrations',
    {
      schema: {
        operationId: 'createMigration',
        summary: 'Start a migration, or with dryRun ask what admission would say',
        tags,
        headers: Type.Object({
          'idempotency-key': Type.Optional(
            Type.String({
              description: 'the same key and body get the same answer, however often they are sent',
            }),
          ),
        }),
        body: MigrationRequestSchema,
        response: {
          200: { ...MigrationVerdictSchema, description: 'dry run: the verdict of admission' },
          202: {
            description: 'admitted',
            headers: { location: Type.String({ description: 'where to follow it' }) },
            content: { 'application/json': { schema: MigrationSchema } },
          },
          ...problems({
            400: 'the body does not fit the schema',
            404: 'unknown VM or destination',
            409: 'refused by admission: the deadline is infeasible, the VM is busy, ...',
            413: 'the body is too large',
            415: 'the body is not JSON',
            422: 'the Idempotency-Key came before with another body',
            503: 'no answer in time, or the journal cannot be written',
          }),
        },
      },
    },
    async (request, reply) => {
      // the validator filled in the defaults
      const wanted = request.body as MigrationRequest;
      const digest = bodyDigest(wanted);
      const command = (key: string | null) => {
        const id = application.newId();
        const sent = {
          kind: 'createMigration',
          id,
          idempotencyKey: key,
          bodyDigest: digest,
          request: wanted,
        } as const;
        return commander.run(sent);
      };
      if (wanted.dryRun) return reply.send((await command(null)) as MigrationPreview);
      const key = idempotencyKey(request.headers['idempotency-key']);
      const migration = await answers.once(key, digest, async () => {
        const admitted = (await command(key)) as MigrationView;
        migrations.admitted(admitted);
        return admitted;
      });
      return reply
        .code(202)
        .header('location', `/v1/migrations/${encodeURIComponent(migration.id)}`)
        .send(migration);
    },
  );
}

function read(app: Routes, { migrations }: RouteContext): void {
  app.get(
    '/v1/migrations',
    {
      schema: {
        operationId: 'listMigrations',
        summary: 'Migrations, newest first, a page at a time',
        tags,
        querystring: MigrationListQuerySchema,
        response: { 200: MigrationListSchema, ...problems({ 400: 'invalid query' }) },
      },
    },
    // the validator filled in the limit
    async (request) => migrations.page(request.query as typeof request.query & { limit: number }),
  );
  app.get(
    '/v1/migrations/:id',
    {
      schema: {
        operationId: 'getMigration',
        summary: 'One migration',
        tags,
        params: MigrationIdSchema,
        response: {
          200: {
            description: 'the migration',
            headers: { etag: Type.String({ description: 'changes with each step, not with its progress' }) },
            content: { 'application/json': { schema: MigrationSchema } },
          },
          ...problems({ 404: 'unknown migration' }),
        },
      },
    },
    async (request, reply) => {
      const migration = migrations.one(request.params.id);
      return reply.header('etag', etagOf(migration)).send(migration);
    },
  );
}

function act(
  app: Routes,
  { commander }: RouteContext,
  action: string,
  kind: 'cancelMigration' | 'forceComplete',
  summary: string,
): void {
  app.post(
    actionUrl(action),
    {
      // a POST may come without a body, or with an empty object
      preValidation: async (request) => {
        request.body ??= {};
      },
      schema: {
        operationId: kind,
        summary,
        tags,
        params: MigrationIdSchema,
        headers: Type.Object({
          'if-match': Type.Optional(
            Type.String({
              description: 'ETag of the migration: refuse (412) if it has gone on to another step since',
            }),
          ),
        }),
        body: received({}, { title: 'EmptyBody' }),
        response: {
          202: { ...MigrationSchema, description: 'asked for; follow the migration to see it happen' },
          ...problems({
            400: 'If-Match is no list of entity tags',
            404: 'unknown migration',
            409: 'not possible in its present state',
            412: 'it has gone on to another step than that of If-Match',
            503: 'no answer in time',
          }),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const command = { kind, id, ...ifUnchanged(request.headers['if-match']) };
      return reply.code(202).send((await commander.run(command)) as MigrationView);
    },
  );
}
