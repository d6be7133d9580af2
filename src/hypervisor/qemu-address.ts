import { type Endpoint, EndpointError, parseEndpoint } from './endpoint.js';

/** Where a monitor listens: as agents do, or `tls:HOST:PORT`. */
export type MonitorAddress =
  | Endpoint
  | { readonly kind: 'tls'; readonly host: string; readonly port: number };

/** @throws EndpointError */
export function parseMonitor(text: string): MonitorAddress {
  if (!text.startsWith('tls:')) return parseEndpoint(text);
  const endpoint = parseEndpoint(`tcp:${text.slice('tls:'.length)}`);
  if (endpoint.kind !== 'tcp') throw new EndpointError(text, 'it is no address of a host');
  return { ...endpoint, kind: 'tls' };
}
