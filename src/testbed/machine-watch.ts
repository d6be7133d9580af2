import { createConnection, type Socket } from 'node:net';
import { LineFramer } from '../hypervisor/index.js';

/** Lines of QMP are short here: nobody asks anything on this socket. */
const lineLimitBytes = 65_536;
const retryMs = 50;

/**
 * Looks at one QEMU by its second QMP socket, from its start to its end, and hands on every event. It gives no order, so
 * it can never be in the way of whoever manages the machine.
 */
export class MachineWatch {
  readonly #path: string;
  readonly #onEvent: (event: object) => void;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(path: string, onEvent: (event: object) => void) {
    this.#path = path;
    this.#onEvent = onEvent;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = createConnection({ path: this.#path });
    this.#socket = socket;
    const framer = new LineFramer(lineLimitBytes);
    socket.on('connect', () => socket.write(`${JSON.stringify({ execute: 'qmp_capabilities' })}\n`));
    socket.on('data', (chunk) => {
      if (framer.push(chunk, (line) => this.#hear(line)) !== undefined) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (!this.#closed) this.#retry = setTimeout(() => this.#connect(), retryMs);
    });
  }

  #hear(text: string): void {
    try {
      const line = JSON.parse(text) as { event?: string };
      if (line.event !== undefined) this.#onEvent(line);
    } catch {
      // QEMU writes JSON; whatever else this is, it is no event.
    }
  }
}
