import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';

/** OpenAPI 3.1 made from the schemas that validate, at /docs/json; a page to try it, at /docs. */
export async function describeApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Steady',
        version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        description:
          'Moves virtual machines between data centres while the network stays steady. 64-bit values are decimal ' +
          'strings, datapath ids 16 hexadecimal digits, units are in the names. Errors are RFC 9457 problem details ' +
          'with a stable `type`.',
      },
      tags: [
        { name: 'migrations', description: 'start, follow and stop migrations' },
        { name: 'network', description: 'switches, links, paths, circuits, VMs' },
        {
          name: 'ofctl',
          description: 'read-only, in the shape of ofctl_rest of Ryu, for scripts that were written for it',
        },
        { name: 'system', description: 'whole state, live stream, audit, health, metrics' },
      ],
    },
    transformObject: (document) =>
      'openapiObject' in document
        ? (withComponents(document.openapiObject) as object)
        : document.swaggerObject,
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    // nothing from elsewhere: it works without a network
    transformStaticCSP: () =>
      "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; " +
      "base-uri 'self'; frame-ancestors 'none'",
    uiConfig: { validatorUrl: null },
  });
}

type Node = Record<string, unknown>;

/** Moves each schema that has a title to the components, once, and leaves references behind. */
export function withComponents(document: object): object {
  const schemas: Node = {};
  const visit = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(visit);
    if (node === null || typeof node !== 'object') return node;
    const copy: Node = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, visit(value)]));
    // an empty body may be left out
    if (isReference(copy, 'EmptyBody')) copy.required = false;
    const { title } = copy;
    const isNamedSchema = typeof title === 'string' && /^[A-Z][A-Za-z]+$/.test(title) && 'type' in copy;
    if (!isNamedSchema) return copy;
    schemas[title] = copy;
    return { $ref: `#/components/schemas/${title}` };
  };
  const { paths, components, ...rest } = document as { paths: Node; components?: Node };
  const visited = visit(paths);
  return { ...rest, paths: visited, components: { ...components, schemas } };
}

/** Is this a request body of that schema? */
const isReference = (node: Node, title: string): boolean =>
  'required' in node && JSON.stringify(node.content)?.includes(`"#/components/schemas/${title}"`) === true;
