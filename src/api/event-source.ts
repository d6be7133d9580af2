import type { ServerResponse } from 'node:http';
import type { StreamSocket } from './stream-hub.js';

/**
 * The stream as server-sent events (HTML Living Standard, 9.2), for `curl -N` and EventSource: `event` is the type of
 * the message, `id` its seq, `data` the same envelope as over WebSocket. Before it is closed an event `close` has code and reason.
 * @param pong called for each ping: a comment is written, and whether the peer is there TCP says
 */
export function eventSource(response: ServerResponse, pong: () => void): StreamSocket {
  const event = (type: string, data: string, id = ''): void => {
    response.write(`event: ${type}\n${id}data: ${data}\n\n`);
  };
  return {
    get bufferedAmount() {
      return response.writableLength;
    },
    send(text) {
      const { type, seq } = headOf(text);
      event(type, text, `id: ${seq}\n`);
    },
    ping() {
      response.write(': still here\n\n');
      pong();
    },
    close(code, reason) {
      event('close', JSON.stringify({ code, reason }));
      response.end();
    },
    terminate() {
      response.destroy();
    },
  };
}

/** The envelope begins with its head, which is short; its data is not parsed for this. */
function headOf(text: string): { type: string; seq: number } {
  const head = text.slice(0, text.indexOf(',"data":'));
  return JSON.parse(`${head}}`) as { type: string; seq: number };
}
