import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import { ApiProblem } from './problems.js';

/** Somebody asked to listen where others could reach us, and there is no access control yet. */
export class AddressNotAllowedError extends Error {
  readonly host: string;
  constructor(host: string) {
    super(
      `refusing to listen on ${host}: anybody who reached that address could move virtual machines, because access ` +
        'control (TLS and tokens) is not there yet. Listen on 127.0.0.1 and use an SSH tunnel ' +
        '(ssh -L 8080:127.0.0.1:8080 HOST) to reach it from elsewhere',
    );
    this.name = 'AddressNotAllowedError';
    this.host = host;
  }
}

/** @throws AddressNotAllowedError unless the address is of this machine only */
export function assertLoopback(host: string): void {
  if (!isLoopback(host)) throw new AddressNotAllowedError(host);
}

export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  if (!ipaddr.isValid(host)) return false;
  return ipaddr.process(host).range() === 'loopback';
}

/**
 * Two doors that a web page in the user's own browser could try. A name of the attacker's that resolves to
 * 127.0.0.1 (DNS rebinding) shows in Host; a request sent across origins shows in Origin. GETs across origins are
 * harmless (the browser shows the answer to nobody), an upgrade or a POST is not.
 */
export function guardOrigin(request: FastifyRequest): void {
  const host = request.headers.host;
  const name = host === undefined ? undefined : hostName(host);
  if (name === undefined || !isLoopback(name))
    throw new ApiProblem({
      slug: 'host-not-allowed',
      status: 403,
      title: 'Host not allowed',
      detail: 'The Host header must name this machine: 127.0.0.1, [::1] or localhost.',
    });
  const origin = request.headers.origin;
  const changes = request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'OPTIONS';
  const upgrades = request.headers.upgrade !== undefined;
  if ((changes || upgrades) && origin !== undefined && origin !== `http://${host}`)
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
