import { connect, type Socket } from 'node:net';
import type { FakeSwitch } from './fake-switch.js';

const firstPauseMs = 200;
const longestPauseMs = 2000;
const unsentLimitBytes = 8_388_608;

/** The TCP connection of one simulated switch to its controller: made, and made again when it breaks. */
export class OpenflowConnector {
  private readonly control: FakeSwitch;
  private readonly address: { host: string; port: number };
  private readonly before: () => void;
  private socket: Socket | undefined;
  private retry: NodeJS.Timeout | undefined;
  private pauseMs = firstPauseMs;
  private closed = false;

  /** `before` is called ahead of everything that comes: the plant's clock must be at the present. */
  constructor(control: FakeSwitch, address: { host: string; port: number }, before: () => void) {
    this.control = control;
    this.address = address;
    this.before = before;
  }

  start(): void {
    if (this.closed) return;
    const socket = connect({ ...this.address, noDelay: true });
    this.socket = socket;
    socket.on('connect', () => {
      this.pauseMs = firstPauseMs;
      this.before();
      this.control.connect((bytes) => {
        if (socket.writableLength > unsentLimitBytes) socket.destroy();
        else socket.write(bytes);
      });
    });
    socket.on('data', (chunk) => {
      this.before();
      if (!this.control.receive(chunk)) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.lost(socket));
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retry);
    this.socket?.destroy();
  }

  private lost(socket: Socket): void {
    if (socket !== this.socket) return;
    this.socket = undefined;
    this.control.disconnect();
    if (this.closed) return;
    this.retry = setTimeout(() => this.start(), this.pauseMs);
    this.pauseMs = Math.min(2 * this.pauseMs, longestPauseMs);
  }
}
