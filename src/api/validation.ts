import type { FastifySchemaCompiler } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Value } from 'typebox/value';
import { ApiProblem } from './problems.js';

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/**
 * Body, query and path parameters against their schemas. Only what comes as text (query, path) is converted; a
 * body with "5" for 5 is refused. Members left out take the schema's default. Nothing is ever dropped silently.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = validatorOf(schema, httpPart ?? 'body');
  return (input: unknown) => {
    try {
      return { value: check(input) };
    } catch (error) {
      return { error: error as Error };
    }
  };
};

/** @returns a function that gives the completed value or throws an ApiProblem with JSON pointers */
export function validatorOf<Schema extends TSchema>(
  schema: Schema,
  httpPart: string,
): (input: unknown) => Static<Schema> {
  const validator = Compile(schema);
  return (input) => {
    const typed = httpPart === 'body' ? input : Value.Convert(schema, { ...(input as object) });
    const completed = Value.Default(schema, typed);
    if (validator.Check(completed)) return completed as Static<Schema>;
    throw invalid(httpPart, pointers(validator.Errors(completed) as unknown as readonly SchemaError[]));
  };
}

function invalid(httpPart: string, errors: readonly { pointer: string; detail: string }[]): ApiProblem {
  const [slug, what] =
    httpPart === 'body'
      ? (['invalid-body', 'body'] as const)
      : httpPart === 'querystring'
        ? (['invalid-query', 'query'] as const)
        : (['invalid-path', 'path'] as const);
  const first = errors[0];
  const where =
    first === undefined ? '' : ` ${first.pointer === '' ? 'The whole' : first.pointer} ${first.detail}.`;
  return new ApiProblem({
    slug,
    status: 400,
    title: `Invalid ${what}`,
    detail: `The ${what} does not fit its schema.${where}`,
    errors,
  });
}

/** One entry a place, in the order in which they were found. */
export function pointers(errors: readonly SchemaError[]): { pointer: string; detail: string }[] {
  const found = new Map<string, { details: string[]; alternatives: boolean }>();
  const add = (pointer: string, detail: string | undefined) => {
    const entry = found.get(pointer) ?? { details: [], alternatives: false };
    if (detail === undefined) entry.alternatives = true;
    else if (!entry.details.includes(detail)) entry.details.push(detail);
    found.set(pointer, entry);
  };
  for (const { keyword, instancePath, params, message } of errors) {
    if (keyword === 'additionalProperties')
      for (const name of params.additionalProperties as string[])
        add(`${instancePath}/${escapeToken(name)}`, 'is not a known member');
    else if (keyword === 'required')
      for (const name of params.requiredProperties as string[])
        add(`${instancePath}/${escapeToken(name)}`, 'is required');
    else if (keyword === 'enum')
      add(instancePath, `must be one of ${(params.allowedValues as unknown[]).join(', ')}`);
    else if (keyword === 'anyOf') add(instancePath, undefined);
    // `additionalProperties: false` is reported twice: as such and as a schema that is never true
    else if (keyword !== 'boolean') add(instancePath, message);
  }
  return [...found].map(([pointer, { details, alternatives }]) => ({
    pointer,
    detail: details.join(alternatives ? ' or ' : '; ') || 'is not allowed here',
  }));
}

/** RFC 6901 */
const escapeToken = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
