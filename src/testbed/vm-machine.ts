/**
 * A process that stands in for a virtual machine where a real one is not needed: it answers UDP questions at
 * the VM's address while it runs, is silent while it is paused, and its state - one counter - moves with it.
 * One stand-in waits at each host the VM may live on; at most one of them runs.
 */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { LineFramer } from '../hypervisor/index.js';
import { type VmStatus, vmLineLimitBytes } from './vm-control.js';
import { decodeQuestion, encodeAnswer } from './vm-packet.js';

export interface VmMachineOptions {
  /** where this stand-in is: the name of its host */
  readonly place: string;
  readonly address: string;
  readonly udpPort: number;
  /** unix socket for `controlVm` */
  readonly controlPath: string;
  readonly running: boolean;
}

const mostClients = 8;

export class VmMachine {
  readonly #options: VmMachineOptions;
  readonly #udp: UdpSocket = createSocket('udp4');
  readonly #control: Server;
  readonly #clients = new Set<Socket>();
  #running: boolean;
  #counter = 0;

  private constructor(options: VmMachineOptions) {
    this.#options = options;
    this.#running = options.running;
    this.#control = createServer((socket) => this.#accept(socket));
  }

  /** Opens both sockets. @throws the system's error when one cannot be opened */
  static async start(options: VmMachineOptions): Promise<VmMachine> {
    const machine = new VmMachine(options);
    await machine.#openUdp();
    try {
      await machine.#openControl();
    } catch (error) {
      machine.#udp.close();
      throw error;
    }
    return machine;
  }

  get status(): VmStatus {
    return { running: this.#running, counter: this.#counter };
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await new Promise<void>((resolve) => this.#control.close(() => resolve()));
    await new Promise<void>((resolve) => this.#udp.close(() => resolve()));
  }

  #openUdp(): Promise<void> {
    this.#udp.on('message', (bytes, from) => {
      // what arrives while it is paused is lost, as with a real machine whose place the packets left
      if (!this.#running) return;
      const question = decodeQuestion(bytes);
      if (question === undefined) return;
      this.#counter++;
      const answer = encodeAnswer({ ...question, counter: this.#counter, place: this.#options.place });
      this.#udp.send(answer, from.port, from.address, () => undefined);
    });
    return new Promise((resolve, reject) => {
      this.#udp.once('error', reject);
      this.#udp.bind(this.#options.udpPort, this.#options.address, () => resolve());
    });
  }

  async #openControl(): Promise<void> {
    const path = this.#options.controlPath;
    await rm(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#control.once('error', reject);
      this.#control.listen({ path }, () => resolve());
    });
    await chmod(path, 0o600);
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (this.#clients.size >= mostClients) {
      socket.destroy();
      return;
    }
    this.#clients.add(socket);
    socket.on('close', () => this.#clients.delete(socket));
    const framer = new LineFramer(vmLineLimitBytes);
    socket.on('data', (chunk) => {
      const error = framer.push(chunk, (line) => socket.write(`${JSON.stringify(this.#obey(line))}\n`));
      if (error !== undefined) socket.end(`${JSON.stringify({ error: error.detail })}\n`);
    });
  }

  #obey(line: string): VmStatus | { readonly error: string } {
    let command: { do?: unknown; counter?: unknown } | null;
    try {
      command = JSON.parse(line) as { do?: unknown; counter?: unknown } | null;
    } catch {
      return { error: 'a command is one JSON object a line' };
    }
    const counter = command?.counter;
    if (counter !== undefined && !(Number.isSafeInteger(counter) && (counter as number) >= 0))
      return { error: 'counter: must be a whole number from 0' };
    switch (command?.do) {
      case 'pause':
        this.#running = false;
        break;
      case 'resume':
        if (counter !== undefined) this.#counter = counter as number;
        this.#running = true;
        break;
      case 'status':
        break;
      default:
        return { error: 'do: must be pause, resume or status' };
    }
    return this.status;
  }
}
