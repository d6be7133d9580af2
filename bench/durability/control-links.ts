import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Framer, typeAt } from '../../src/openflow/index.js';

const flowMod = 14;
const experimenter = 4;
/** ONF extension 230, "bundle add message"; its type is behind header and experimenter id */
const bundleAdd = 2301;

/** Between switches and controller: passes everything on, until it resets all connections at once. */
export class ControlLinks {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** changes of rules that went to switches, in bundles or not */
  flowMods = 0;
  /** when a switch was connected last; of `performance.now()` */
  lastConnectedAtMs = 0;
  /** from which the controller sees it */
  lastPort = 0;

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
      this.lastConnectedAtMs = performance.now();
      this.lastPort = 0;
      to.once('connect', () => {
        this.lastPort = to.localPort ?? 0;
      });
      const framer = new Framer();
      to.on('data', (chunk) => this.#count(framer, chunk));
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

  #count(framer: Framer, chunk: Uint8Array): void {
    framer.append(chunk);
    while (framer.next()) {
      const { bytes, offset, length } = framer;
      const type = typeAt(bytes, offset);
      const isAdd = type === experimenter && length >= 16 && numberAt(bytes, offset + 12) === bundleAdd;
      if (type === flowMod || isAdd) this.flowMods += 1;
    }
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

const numberAt = (bytes: Uint8Array, offset: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset);
