import { OvsdbError } from './errors.js';

export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** sun_path has 108 bytes with its terminator (unix(7)); a longer path fails with a message that does not say so. */
export const unixPathLimitBytes = 107;

/**
 * Reads `unix:PATH`, `tcp:HOST:PORT` or `tcp:[IPV6]:PORT`, the notation of ovsdb(7).
 * @throws OvsdbError bad-endpoint
 */
export function parseEndpoint(text: string): Endpoint {
  const bad = (why: string): never => {
    throw new OvsdbError('bad-endpoint', `${JSON.stringify(text)}: ${why}; write unix:PATH or tcp:HOST:PORT`);
  };
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path === '' || path.includes('\0')) return bad('no path');
    if (Buffer.byteLength(path) > unixPathLimitBytes)
      return bad(`the path is longer than ${unixPathLimitBytes} bytes`);
    return { kind: 'unix', path };
  }
  const tcp = /^tcp:(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (tcp === null) return bad('not an endpoint');
  const port = Number(tcp[3]);
  if (port < 1 || port > 65535) return bad(`${port} is not a port`);
  return { kind: 'tcp', host: tcp[1] ?? tcp[2]!, port };
}
