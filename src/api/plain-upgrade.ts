import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/**
 * Some clients offer an upgrade to HTTP/2 with each request (`curl --http2`, Java's HttpClient). RFC 9110 (7.8)
 * lets a server ignore an upgrade that it does not want, but Node hands over every one of them once WebSockets
 * are served. Such a request goes back to the HTTP server as if it had come without the offer.
 * Call it when the listener for WebSockets is in place.
 */
export function ignoreOtherUpgrades(server: Server): void {
  const toWebSocket = server.listeners('upgrade') as ((
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ) => void)[];
  server.removeAllListeners('upgrade');
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.headers.upgrade?.toLowerCase() === 'websocket')
      for (const listener of toWebSocket) listener(request, socket, head);
    else {
      socket.unshift(Buffer.concat([Buffer.from(headWithoutOffer(request), 'latin1'), head]));
      // a TLS server would take 'connection' for the start of another handshake
      server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket);
    }
  });
}

function headWithoutOffer(request: IncomingMessage): string {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  const { rawHeaders } = request;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (!['upgrade', 'connection', 'http2-settings'].includes(name.toLowerCase()))
      lines.push(`${name}: ${rawHeaders[i + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}
