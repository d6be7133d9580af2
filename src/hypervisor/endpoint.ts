/** Where an agent listens: `unix:PATH` or `tcp:HOST:PORT` (`tcp:[2001:db8::1]:4500` for IPv6). */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** A text that is no endpoint. */
export class EndpointError extends Error {
  constructor(text: string, problem: string) {
    super(`endpoint "${text}": ${problem}; write unix:PATH or tcp:HOST:PORT`);
    this.name = 'EndpointError';
  }
}

/** sockaddr_un holds 108 bytes with the final zero (unix(7)). */
const longestUnixPath = 107;

/** @throws EndpointError */
export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path === '') throw new EndpointError(text, 'the path is missing');
    if (Buffer.byteLength(path) > longestUnixPath)
      throw new EndpointError(text, `the path is longer than ${longestUnixPath} bytes`);
    return { kind: 'unix', path };
  }
  const parts = /^tcp:(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = parts?.[1] ?? parts?.[2];
  if (host === undefined) throw new EndpointError(text, 'it is neither');
  const port = Number(parts![3]);
  if (port < 1 || port > 65_535) throw new EndpointError(text, `${port} is not a port`);
  return { kind: 'tcp', host, port };
}

/** What `net.connect` and `server.listen` take. */
export const socketAddress = (endpoint: Endpoint): { path: string } | { host: string; port: number } =>
  endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
