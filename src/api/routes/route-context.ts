import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyTypeProvider, RawServerDefault } from 'fastify';
import type { Static, TSchema } from 'typebox';
import type { Application } from '../application.js';
import type { Commander } from '../commands.js';
import type { Configuration } from '../configuration.js';
import type { Metrics } from '../metrics.js';
import type { Migrations } from '../migrations.js';
import { problemContentType } from '../problems.js';
import { type Json, ProblemSchema } from '../schemas/common.js';
import type { StreamHub } from '../stream-hub.js';

/** What comes in is typed by its schema; what goes out must fit its schema, read-only or not. */
interface SchemaTypes extends FastifyTypeProvider {
  validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
  serializer: this['schema'] extends TSchema ? Json<this['schema']> : unknown;
}
export type Routes = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  SchemaTypes
>;

export interface RouteContext {
  readonly application: Application;
  readonly commander: Commander;
  readonly migrations: Migrations;
  readonly metrics: Metrics;
  readonly stream: StreamHub;
  readonly configuration: Configuration | undefined;
}

/** For the OpenAPI document: what the statuses mean; every one of them is a problem. */
export const problems = (descriptions: Readonly<Record<number, string>>) =>
  Object.fromEntries(
    Object.entries(descriptions).map(([status, description]) => [
      status,
      { description, content: { [problemContentType]: { schema: ProblemSchema } } },
    ]),
  );
