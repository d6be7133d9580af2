import { Type } from 'typebox';
import { matchingTags } from '../entity-tags.js';
import { ApiProblem } from '../problems.js';
import { received, sent } from '../schemas/common.js';
import { problems, type RouteContext, type Routes } from './route-context.js';

const tags = ['system'];
const ConfigSchema = sent('Config', {
  revision: Type.Integer({ description: 'counts the changes since the start; also in ETag' }),
  settings: Type.Object(
    {},
    { additionalProperties: true, description: 'path in steady.yaml to value; of secrets only the files' },
  ),
});
const ReloadSchema = sent('Reload', {
  revision: Type.Integer(),
  changes: Type.Array(
    sent('ConfigChange', {
      setting: Type.String(),
      effect: Type.Enum(['warm', 'cold', 'restart'], {
        description:
          'warm: at once; cold: the engine started anew, migrations go on from the journal; restart: with the next start of the process',
      }),
    }),
  ),
});
const tagOf = (revision: number): string => `"${revision}"`;

/** The configuration in force, and the same as SIGHUP: read the file again. */
export function configRoutes(app: Routes, { configuration }: RouteContext): void {
  const known = () => {
    if (configuration !== undefined) return configuration;
    throw new ApiProblem({
      slug: 'no-configuration',
      status: 409,
      title: 'No configuration',
      detail: 'This process was not started from a configuration that could be read again.',
    });
  };
  app.get(
    '/v1/config',
    {
      schema: {
        operationId: 'getConfig',
        summary: 'The configuration in force',
        tags,
        response: {
          200: {
            description: 'as it is in force',
            headers: { etag: Type.String() },
            content: { 'application/json': { schema: ConfigSchema } },
          },
          ...problems({ 409: 'there is none' }),
        },
      },
    },
    async (_request, reply) => {
      const { revision, settings } = known().read();
      return reply.header('etag', tagOf(revision)).send({ revision, settings });
    },
  );
  app.post(
    '/v1/config::reload',
    {
      preValidation: async (request) => {
        request.body ??= {};
      },
      schema: {
        operationId: 'reloadConfig',
        summary: 'Read the configuration file again and take up what can be, as SIGHUP does',
        tags,
        headers: Type.Object({
          'if-match': Type.Optional(
            Type.String({ description: 'ETag of GET /v1/config: refuse (412) if it changed' }),
          ),
        }),
        body: received({}, { title: 'EmptyBody' }),
        response: {
          200: ReloadSchema,
          ...problems({
            400: 'If-Match is no list of entity tags',
            409: 'there is none',
            412: 'another configuration is in force than that of If-Match',
            422: 'the file is wrong; the old configuration is in force',
          }),
        },
      },
    },
    async (request) => {
      const inForce = known();
      const wanted = matchingTags(request.headers['if-match']);
      const { revision } = inForce.read();
      if (wanted !== undefined && !wanted.includes(String(revision)))
        throw new ApiProblem({
          slug: 'precondition-failed',
          status: 412,
          title: 'Changed meanwhile',
          detail: `Revision ${revision} of the configuration is in force.`,
        });
      const changes = await inForce.reload().catch((error: Error) => {
        throw new ApiProblem({
          slug: 'invalid-configuration',
          status: 422,
          title: 'Configuration not taken up',
          detail: error.message,
        });
      });
      return { revision: inForce.read().revision, changes: [...changes] };
    },
  );
}
