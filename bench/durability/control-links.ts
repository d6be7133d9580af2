import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Between switches and controller: passes everything on, until it resets all connections at once. */
export class ControlLinks {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async open(controllerPort: number): Promise<ControlLinks> {
    const links = new ControlLinks(controllerPort);
    await new Promise<void>((resolve, reject) => {
      links.#server.once('error', reject);
      links.#server.listen(0, '127.0.0.1', resolve);
    });
    return links;
  }

  private constructor(controllerPort: number) {
    this.#server = createServer((from) => {
      const to = connect({ host: '127.0.0.1', port: controllerPort, noDelay: true });
      from.setNoDelay(true);
      for (const [a, b] of [
        [from, to],
        [to, from],
      ] as const) {
        this.#sockets.add(a);
        a.pipe(b);
        a.on('error', () => a.destroy());
        a.on('close', () => {
          this.#sockets.delete(a);
          b.destroy();
        });
      }
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** RST to both ends; what was on its way is lost. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
