import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import { ApiProblem } from './problems.js';

/** Somebody asked to listen where others could reach us, without what would keep them from moving machines. */
export class AddressNotAllowedError extends Error {
  readonly host: string;
  constructor(host: string) {
    super(
      `refusing to listen on ${host}: anybody who reached that address could move virtual machines. Give \`http\` in ` +
        'steady.yaml both `tls: { key, certificate }` and `tokens: FILE` (`steady token NAME --scope operate` makes one), ' +
        'or listen on 127.0.0.1 and use an SSH tunnel (ssh -L 8080:127.0.0.1:8080 HOST). `insecure: true` says that ' +
        'something else keeps others out',
    );
    this.name = 'AddressNotAllowedError';
    this.host = host;
  }
}

export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  if (!ipaddr.isValid(host)) return false;
  return ipaddr.process(host).range() === 'loopback';
}

/**
 * A name of an attacker's that resolves to 127.0.0.1 (DNS rebinding) makes a page in the user's own browser speak to
 * us as if it were ours; it shows in Host. @throws ApiProblem 403
 */
export function guardHost(request: FastifyRequest, names: readonly string[]): void {
  const host = request.headers.host;
  const name = host === undefined ? undefined : hostName(host);
  if (name === undefined || !(isLoopback(name) || names.includes(name)))
    throw new ApiProblem({
      slug: 'host-not-allowed',
      status: 403,
      title: 'Host not allowed',
      detail:
        'The Host header must name this machine: 127.0.0.1, [::1], localhost, or one of `http.names` in steady.yaml.',
    });
}

/**
 * A request sent across origins shows in Origin. GETs are harmless (the browser shows the answer to nobody), an
 * upgrade or a change is not. @throws ApiProblem 403
 */
export function guardOrigin(request: FastifyRequest): void {
  const { host, origin } = request.headers;
  const changes = request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'OPTIONS';
  const upgrades = request.headers.upgrade !== undefined;
  if ((changes || upgrades) && origin !== undefined && origin !== `${request.protocol}://${host}`)
    throw new ApiProblem({
      slug: 'origin-not-allowed',
      status: 403,
      title: 'Origin not allowed',
      detail: `A page from ${JSON.stringify(origin)} may not use this controller; open its own dashboard instead.`,
    });
}

/** `name`, `name:port`, `[v6]:port` -> name */
function hostName(host: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+))(?::[0-9]{1,5})?$/.exec(host);
  return match?.[1] ?? match?.[2]?.toLowerCase();
}
