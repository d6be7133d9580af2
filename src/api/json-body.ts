import type { FastifyInstance } from 'fastify';
import { jsonErrorOffset, lineAndColumn } from './json-error-position.js';
import { ApiProblem } from './problems.js';

/**
 * JSON bodies: a syntax error is answered with its line and column, a `__proto__` member is refused, an empty
 * body is `undefined` (the schema of the route says whether that will do).
 */
export function acceptJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = body.toString();
    if (text === '') {
      done(null, undefined);
      return;
    }
    parse(request, text, (error: Error | null, value?: unknown) => {
      if (error === null) done(null, value);
      else done(explain(text), undefined);
    });
  });
}

function explain(text: string): ApiProblem {
  const offset = jsonErrorOffset(text);
  const common = { slug: 'malformed-json', status: 400, title: 'Malformed JSON' } as const;
  if (offset === undefined)
    return new ApiProblem({
      ...common,
      detail: 'The body has a member named "__proto__" or "constructor.prototype", which is never accepted.',
    });
  const { line, column } = lineAndColumn(text, offset);
  const found =
    offset === text.length ? 'the body ends too early' : `${JSON.stringify(text[offset])} cannot be there`;
  return new ApiProblem({
    ...common,
    detail: `Line ${line}, column ${column}: ${found}.`,
    extra: { position: { offset, line, column } },
  });
}
