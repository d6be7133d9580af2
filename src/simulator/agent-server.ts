import { createServer, type Server, type Socket } from 'node:net';
import { agentLineLimitBytes, LineFramer, parseRequestLine } from '../hypervisor/index.js';
import type { AgentLine } from '../hypervisor/protocol.js';
import type { HypervisorAgent } from './hypervisor-agent.js';
import { listenOn } from './ovsdb-server.js';

const unsentLimitBytes = 1_048_576;

/** One simulated hypervisor agent behind a TCP port, in the words of `src/hypervisor/protocol.ts`. */
export class AgentServer {
  private readonly agent: HypervisorAgent;
  private readonly before: () => void;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  /** `before` is called ahead of every command: the plant's clock must be at the present. */
  constructor(agent: HypervisorAgent, before: () => void) {
    this.agent = agent;
    this.before = before;
    this.server = createServer((socket) => this.accept(socket));
    agent.onEvent = (line) => {
      for (const socket of this.sockets) write(socket, line);
    };
  }

  /** @returns the endpoint, `tcp:HOST:PORT`; rejects when it cannot listen */
  listen(host = '127.0.0.1'): Promise<string> {
    return listenOn(this.server, host);
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    const framer = new LineFramer(agentLineLimitBytes);
    socket.on('data', (chunk) => {
      const error = framer.push(chunk, (line) => this.take(socket, line));
      if (error !== undefined) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
  }

  private take(socket: Socket, line: string): void {
    const parsed = parseRequestLine(line);
    if (!parsed.ok) {
      if (parsed.id === undefined) socket.destroy();
      else write(socket, { id: parsed.id, error: parsed.error });
      return;
    }
    this.before();
    write(socket, { id: parsed.request.id, ...this.agent.handle(parsed.request.command) });
  }
}

function write(socket: Socket, line: AgentLine): void {
  if (socket.writableLength > unsentLimitBytes) socket.destroy();
  else socket.write(`${JSON.stringify(line)}\n`);
}
