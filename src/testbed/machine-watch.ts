import { createConnection, type Socket } from 'node:net';
import { LineFramer } from '../hypervisor/index.js';

/** Lines of QMP are short here: nobody asks for long lists on this socket. */
const lineLimitBytes = 65_536;
const retryMs = 50;
const answerTimeoutMs = 5000;

/**
 * Looks at one QEMU by its second QMP socket, from its start to its end: hands on every event and knows whether the
 * machine runs. It gives no order, so it can never be in the way of whoever manages the machine.
 */
export class MachineWatch {
  readonly #path: string;
  readonly #onEvent: (event: object) => void;
  readonly #asked: { resolve: (status: string) => void; reject: (error: Error) => void }[] = [];
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(path: string, onEvent: (event: object) => void) {
    this.#path = path;
    this.#onEvent = onEvent;
    this.#connect();
  }

  /** Run state as QMP names it (`running`, `inmigrate`, `postmigrate`, ...). */
  status(): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#socket?.writable !== true) return reject(new Error(`${this.#path} is not connected`));
      // An answer that comes too late finds its question still in the row, so the next one is not mistaken for it.
      const timer = setTimeout(() => reject(new Error(`${this.#path} does not answer`)), answerTimeoutMs);
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer);
          settle(value);
        };
      this.#asked.push({ resolve: settled(resolve), reject: settled(reject) });
      this.#send('query-status');
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
    this.#fail();
  }

  #connect(): void {
    const socket = createConnection({ path: this.#path });
    const framer = new LineFramer(lineLimitBytes);
    socket.on('connect', () => {
      this.#socket = socket;
      this.#send('qmp_capabilities');
    });
    socket.on('data', (chunk) => {
      if (framer.push(chunk, (line) => this.#hear(line)) !== undefined) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#socket = undefined;
      this.#fail();
      if (!this.#closed) this.#retry = setTimeout(() => this.#connect(), retryMs);
    });
  }

  #send(execute: string): void {
    this.#socket?.write(`${JSON.stringify({ execute })}\n`);
  }

  #hear(text: string): void {
    let line: { event?: string; return?: { status?: string } };
    try {
      line = JSON.parse(text) as typeof line;
    } catch {
      return;
    }
    if (line.event !== undefined) this.#onEvent(line);
    else if (line.return?.status !== undefined) this.#asked.shift()?.resolve(line.return.status);
  }

  #fail(): void {
    for (const { reject } of this.#asked.splice(0)) reject(new Error(`${this.#path} was closed`));
  }
}
