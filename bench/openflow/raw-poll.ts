import { createServer, type Socket } from 'node:net';
import { header, type as kinds, message, put16, u16, u32 } from './packet-in-form.js';

/** Columns of one poll without any library: one socket, one loop, typed arrays that are large enough. */
export class RawPoll {
  readonly #server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  readonly #words: Uint32Array[];
  #socket: Socket | undefined;
  #tail: Uint8Array = new Uint8Array(0);
  #rows = 0;
  #done: (rows: number) => void = () => {};
  #ready: () => void = () => {};

  constructor(capacity: number) {
    this.#words = Array.from({ length: 8 }, () => new Uint32Array(capacity));
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  ready(): Promise<void> {
    return new Promise((resolve) => (this.#ready = resolve));
  }

  #accept(socket: Socket): void {
    this.#socket = socket;
    socket.write(message(4, kinds.hello, 1, new Uint8Array(0)));
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', () => {});
    this.#ready();
  }

  /** Resolves with the number of entries. */
  poll(): Promise<number> {
    this.#rows = 0;
    const request = new Uint8Array(56);
    header(request, 0, 4, 18, request.length, 2);
    put16(request, 8, 1);
    request[16] = 0xff;
    request.fill(0xff, 20, 28);
    put16(request, 48, 1);
    put16(request, 50, 4);
    this.#socket!.write(request);
    return new Promise((resolve) => (this.#done = resolve));
  }

  #receive(chunk: Uint8Array): void {
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    let at = 0;
    while (bytes.length - at >= 8) {
      const length = u16(bytes, at + 2);
      if (bytes.length - at < length) break;
      if (bytes[at + 1] === 19) {
        this.#read(bytes, at, length);
        if ((bytes[at + 11]! & 1) === 0) this.#done(this.#rows);
      }
      at += length;
    }
    this.#tail = bytes.slice(at);
  }

  #read(b: Uint8Array, from: number, length: number): void {
    const [meta, duration, cookieHigh, cookieLow, packetsHigh, packetsLow, bytesHigh, bytesLow] = this.#words;
    let row = this.#rows;
    for (let at = from + 16; at < from + length; at += u16(b, at)) {
      meta![row] = (b[at + 2]! << 16) | u16(b, at + 12);
      duration![row] = u32(b, at + 4);
      cookieHigh![row] = u32(b, at + 24);
      cookieLow![row] = u32(b, at + 28);
      packetsHigh![row] = u32(b, at + 32);
      packetsLow![row] = u32(b, at + 36);
      bytesHigh![row] = u32(b, at + 40);
      bytesLow![row] = u32(b, at + 44);
      row += 1;
    }
    this.#rows = row;
  }

  stop(): void {
    this.#socket?.destroy();
    this.#server.close();
  }
}
