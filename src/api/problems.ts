import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '../engine/input.js';
import type { ProblemSlug } from './problem-types.js';

export type ApiProblemBody = Omit<Problem, 'slug'> & { readonly slug: ProblemSlug };

/** Thrown anywhere in a route; the error handler makes it the answer. */
export class ApiProblem extends Error {
  readonly problem: ApiProblemBody;
  readonly headers: Readonly<Record<string, string>>;
  constructor(problem: ApiProblemBody, headers: Readonly<Record<string, string>> = {}) {
    super(problem.detail);
    this.name = 'ApiProblem';
    this.problem = problem;
    this.headers = headers;
  }
}

export const problemContentType = 'application/problem+json';

/** RFC 9457 members in a fixed order, extras behind them; an extra never replaces a standard member. */
export function problemMembers(
  problem: ApiProblemBody,
  instance: string,
  requestId: string,
): Record<string, unknown> {
  const standard = {
    type: `urn:steady:problem:${problem.slug}`,
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    instance,
    requestId,
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  };
  return { ...standard, ...problem.extra, ...standard };
}

export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: ApiProblemBody,
): FastifyReply {
  const path = request.url.split('?', 1)[0] ?? request.url;
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .type(problemContentType)
    .serializer(JSON.stringify)
    .send(problemMembers(problem, path, request.id));
}

/** Errors that Fastify itself raises, by its stable codes. */
function fromFastify(error: FastifyError, bodyLimitBytes: number): ApiProblemBody | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return {
        slug: 'body-too-large',
        status: 413,
        title: 'Body too large',
        detail: `The body may have at most ${bodyLimitBytes} bytes.`,
      };
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return {
        slug: 'unsupported-media-type',
        status: 415,
        title: 'Unsupported media type',
        detail: 'Send the body as application/json.',
      };
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return {
        slug: 'malformed-request',
        status: 400,
        title: 'Malformed request',
        detail: 'The body does not have the length that Content-Length announces.',
      };
    case 'FST_ERR_BAD_URL':
      return {
        slug: 'malformed-request',
        status: 400,
        title: 'Malformed request',
        detail: 'The path is not a valid percent-encoded URL path.',
      };
    default:
      return undefined;
  }
}

/** Everything that is thrown ends here. What was not foreseen is logged whole and told in one neutral sentence. */
export function errorHandler(bodyLimitBytes: number) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof ApiProblem) {
      reply.headers(error.headers);
      return sendProblem(request, reply, error.problem);
    }
    const known = error instanceof Error ? fromFastify(error as FastifyError, bodyLimitBytes) : undefined;
    if (known !== undefined) return sendProblem(request, reply, known);
    const status = (error as { statusCode?: unknown } | null)?.statusCode;
    if (typeof status === 'number' && status >= 400 && status < 500)
      return sendProblem(request, reply, {
        slug: 'malformed-request',
        status,
        title: 'Malformed request',
        detail: error instanceof Error ? error.message : 'The request cannot be understood.',
      });
    request.log.error({ err: error }, 'request failed');
    return sendProblem(request, reply, {
      slug: 'internal',
      status: 500,
      title: 'Internal error',
      detail: `The controller failed to answer; its log has the reason under request ${request.id}.`,
    });
  };
}

/** @param methodsOf what a path has; empty: there is no such path */
export const notFoundHandler =
  (methodsOf: (path: string) => readonly string[]) =>
  (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.split('?', 1)[0] ?? '';
    const methods = methodsOf(path);
    if (methods.length === 0)
      return sendProblem(request, reply, {
        slug: 'not-found',
        status: 404,
        title: 'Not found',
        detail: `There is nothing at ${request.method} ${path}; /docs lists what there is.`,
      });
    return sendProblem(request, reply.header('allow', methods.join(', ')), {
      slug: 'method-not-allowed',
      status: 405,
      title: 'Method not allowed',
      detail: `${path} takes ${methods.join(', ')}, and not ${request.method}.`,
    });
  };

/** What is not HTTP, too slow or too large in its head never becomes a request: answered on the bare socket. */
export function answerBrokenHttp(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, title] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ([431, 'Request Header Fields Too Large'] as const)
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ([408, 'Request Timeout'] as const)
        : ([400, 'Bad Request'] as const);
  const type = 'urn:steady:problem:malformed-request';
  const body = JSON.stringify({
    type,
    title,
    status,
    detail: 'This is not an HTTP request that can be answered.',
  });
  if (socket.writable)
    socket.write(
      `HTTP/1.1 ${status} ${title}\r\ncontent-type: ${problemContentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  socket.destroySoon();
}
