/**
 * A process that stands in for a virtual machine where a real one is not needed: it answers UDP questions at
 * the VM's address while it runs, is silent while it is paused, and its state - one counter - moves with it.
 * One stand-in waits at each host the VM may live on; at most one of them runs. Where the machine is paused or
 * awaited, questions wait for it as packets do in the queue of a TAP device whose reader does not read.
 */

import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { LineFramer } from '../hypervisor/index.js';
import { type VmStatus, vmLineLimitBytes } from './vm-control.js';
import { decodeQuestion, encodeAnswer, type VmQuestion } from './vm-packet.js';

export interface VmMachineOptions {
  /** where this stand-in is: the name of its host */
  readonly place: string;
  readonly address: string;
  readonly udpPort: number;
  /** unix socket for `controlVm` */
  readonly controlPath: string;
  readonly running: boolean;
  /** how long a machine that moved here needs to start, ms: what a device state takes; default 0 */
  readonly resumeMs?: number;
}

interface Waiting {
  readonly question: VmQuestion;
  readonly from: RemoteInfo;
}

const mostClients = 8;
/** the queue of a TAP device: its default `txqueuelen`, which is a number of packets */
const tapQueuePackets = 1000;
/** answers to what waited before this looks at its sockets again */
const answersAtOnce = 20;
/** Linux grants what `net.core.rmem_max` allows; the socket is no queue of its own as long as this process keeps up. */
const receiveBufferBytes = 8_388_608;

export class VmMachine {
  readonly #options: VmMachineOptions;
  readonly #udp: UdpSocket = createSocket({ type: 'udp4', recvBufferSize: receiveBufferBytes });
  readonly #control: Server;
  readonly #clients = new Set<Socket>();
  #running: boolean;
  #changedAtMs = nowMs();
  #counter = 0;
  /** what waits, oldest first; undefined: the machine is not here and not awaited */
  #tap: Waiting[] | undefined;
  #waited = 0;
  #refused = 0;

  private constructor(options: VmMachineOptions) {
    this.#options = options;
    this.#running = options.running;
    this.#tap = options.running ? [] : undefined;
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
    return {
      running: this.#running,
      counter: this.#counter,
      waited: this.#waited,
      refused: this.#refused,
      changedAtMs: this.#changedAtMs,
    };
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await new Promise<void>((resolve) => this.#control.close(() => resolve()));
    await new Promise<void>((resolve) => this.#udp.close(() => resolve()));
  }

  #openUdp(): Promise<void> {
    this.#udp.on('message', (bytes, from) => {
      const question = decodeQuestion(bytes);
      if (question === undefined) return;
      // behind what still waits, or it would overtake
      if (this.#running && this.#tap?.length === 0) this.#answer({ question, from });
      else this.#hold({ question, from });
    });
    return new Promise((resolve, reject) => {
      this.#udp.once('error', reject);
      this.#udp.bind(this.#options.udpPort, this.#options.address, () => resolve());
    });
  }

  #answer({ question, from }: Waiting): void {
    this.#counter++;
    const answer = encodeAnswer({ ...question, counter: this.#counter, place: this.#options.place });
    this.#udp.send(answer, from.port, from.address, () => undefined);
  }

  #hold(waiting: Waiting): void {
    if (this.#tap === undefined || this.#tap.length >= tapQueuePackets) this.#refused++;
    else {
      this.#waited++;
      this.#tap.push(waiting);
    }
  }

  #openTap(waiting: Waiting[] = []): void {
    this.#tap = waiting;
    this.#waited = waiting.length;
    this.#refused = 0;
  }

  #resume(): void {
    if (!this.#running) this.#changedAtMs = nowMs();
    this.#running = true;
    this.#tap ??= [];
    this.#work();
  }

  /** A few at a time: a thousand answers at once would find no room at who asked. */
  #work(): void {
    if (!this.#running) return;
    for (const each of this.#tap?.splice(0, answersAtOnce) ?? []) this.#answer(each);
    if (this.#tap !== undefined && this.#tap.length > 0) setImmediate(() => this.#work());
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
      const error = framer.push(chunk, (line) => {
        void this.#obey(line).then((answer) => socket.write(`${JSON.stringify(answer)}\n`));
      });
      if (error !== undefined) socket.end(`${JSON.stringify({ error: error.detail })}\n`);
    });
  }

  async #obey(line: string): Promise<VmStatus | { readonly error: string }> {
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
        if (!this.#running) break;
        // What was there before the command has reached the machine: one whole look at the socket.
        await turn();
        await turn();
        this.#running = false;
        this.#changedAtMs = nowMs();
        this.#openTap(this.#tap);
        break;
      case 'resume':
        if (counter !== undefined) {
          this.#counter = counter as number;
          await new Promise((resolve) => setTimeout(resolve, this.#options.resumeMs ?? 0));
        }
        this.#resume();
        break;
      case 'await':
        if (!this.#running) this.#openTap();
        break;
      case 'leave':
        if (this.#running) return { error: 'the machine runs here' };
        this.#tap = undefined;
        break;
      case 'status':
        break;
      default:
        return { error: 'do: must be pause, resume, await, leave or status' };
    }
    return this.status;
  }
}

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
