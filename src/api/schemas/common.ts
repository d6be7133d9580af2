import { type Static, type TProperties, type TSchema, Type } from 'typebox';
import { problemTypes } from '../problem-types.js';

/**
 * Building blocks of every schema. Units are in the names; what may exceed 2^53 is a decimal string; an
 * object that is *received* admits no unknown member, so a misspelt option is an error and not a silent default.
 */

/** JSON is read, never written to: what the schema calls an array is a read-only one for those who take it. */
export type Immutable<T> = T extends readonly (infer Element)[]
  ? readonly Immutable<Element>[]
  : T extends object
    ? { readonly [Key in keyof T]: Immutable<T[Key]> }
    : T;
export type Json<Schema extends TSchema> = Immutable<Static<Schema>>;

export const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
/** An object that clients send: unknown members are refused. */
export const received = <Properties extends TProperties>(
  properties: Properties,
  options: { title?: string; description?: string } = {},
) => Type.Object(properties, { ...options, additionalProperties: false });
/** An object that clients get; `title` becomes its name among the components of the OpenAPI document. */
export const sent = <Properties extends TProperties>(
  title: string,
  properties: Properties,
  description?: string,
) => Type.Object(properties, description === undefined ? { title } : { title, description });
export const listOf = <Schema extends TSchema>(title: string, item: Schema) =>
  Type.Object({ items: Type.Array(item) }, { title });

export const Decimal64 = Type.String({
  pattern: '^(0|[1-9][0-9]*)$',
  description: '64-bit unsigned integer as a decimal string',
});
export const Dpid = Type.String({
  pattern: '^[0-9a-f]{16}$',
  description: 'datapath id, 16 hexadecimal digits',
});
export const Timestamp = Type.String({ description: 'RFC 3339' });

export const ErrorPointerSchema = sent('ErrorPointer', {
  pointer: Type.String({
    description: 'JSON pointer (RFC 6901) into the body, or `query`/`params` and a pointer',
  }),
  detail: Type.String(),
});
export const ProblemSchema = Type.Object(
  {
    type: Type.String({
      description: `stable: \`urn:steady:problem:\` and one of\n\n${Object.entries(problemTypes)
        .map(([slug, meaning]) => `* \`${slug}\`: ${meaning}`)
        .join('\n')}`,
    }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'what went wrong and what to do about it' }),
    instance: Type.String({ description: 'path of the request' }),
    requestId: Type.String({ description: 'also in the log' }),
    errors: Type.Optional(Type.Array(ErrorPointerSchema)),
  },
  { title: 'Problem', description: 'RFC 9457 problem details; members beyond these depend on the type' },
);
export type ProblemJson = Json<typeof ProblemSchema>;
