import type { EventQueue } from './event-queue.js';
import type { FakeSwitch } from './fake-switch.js';

/** What the controller's end of a line is told. */
export interface LineEvents {
  connected(connection: number, address: string): void;
  bytes(connection: number, chunk: Uint8Array): void;
  lost(connection: number, reason: string): void;
}

export interface LineOptions {
  /** each way */
  readonly delaySeconds: number;
  readonly reconnectSeconds: number;
  readonly nextConnection: () => number;
}

/**
 * The control channel of one switch in virtual time: a reliable, ordered byte stream with delay, which can be
 * cut. The switch calls again a while after it was cut, for as long as somebody listens.
 */
export class SwitchLine {
  readonly name: string;
  /** number of the present connection; undefined: none */
  connection: number | undefined;
  private readonly control: FakeSwitch;
  private readonly events: EventQueue;
  private readonly options: LineOptions;
  private readonly told: LineEvents;
  private listening = false;
  private reading = true;
  private readonly unread: Uint8Array[] = [];
  private attempt = 0;

  constructor(name: string, control: FakeSwitch, events: EventQueue, options: LineOptions, told: LineEvents) {
    this.name = name;
    this.control = control;
    this.events = events;
    this.options = options;
    this.told = told;
  }

  /** The controller listens: the switch connects after one delay. */
  listen(): void {
    this.listening = true;
    this.call(this.options.delaySeconds);
  }

  /** The controller's process is gone. */
  stopListening(): void {
    this.listening = false;
    this.attempt++;
    this.hangUp();
  }

  /** The connection breaks: each end notices after a delay, and the switch calls again. */
  cut(reason: string): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.hangUp();
    this.told.lost(connection, reason);
    this.call(this.options.reconnectSeconds);
  }

  send(connection: number, bytes: Uint8Array): void {
    if (connection !== this.connection) return;
    this.events.call(this.events.now + this.options.delaySeconds, () => {
      if (connection !== this.connection) return;
      if (!this.control.receive(bytes)) this.cut('the switch could not read the stream');
    });
  }

  /** Closed by the controller, which therefore hears no more of it. */
  close(connection: number): void {
    if (connection !== this.connection) return;
    this.hangUp();
    this.call(this.options.reconnectSeconds);
  }

  setReading(connection: number, on: boolean): void {
    if (connection !== this.connection) return;
    this.reading = on;
    if (on) this.events.call(this.events.now, () => this.deliverUnread(connection));
  }

  private deliverUnread(connection: number): void {
    while (connection === this.connection && this.reading && this.unread.length > 0)
      this.told.bytes(connection, this.unread.shift()!);
  }

  private call(inSeconds: number): void {
    const attempt = ++this.attempt;
    this.events.call(this.events.now + inSeconds, () => {
      if (attempt !== this.attempt || !this.listening || this.connection !== undefined) return;
      const connection = this.options.nextConnection();
      this.connection = connection;
      this.told.connected(connection, `simulated:${this.name}`);
      this.control.connect((bytes) => this.carry(connection, bytes));
    });
  }

  private carry(connection: number, bytes: Uint8Array): void {
    this.events.call(this.events.now + this.options.delaySeconds, () => {
      if (connection !== this.connection) return;
      this.unread.push(bytes);
      this.deliverUnread(connection);
    });
  }

  private hangUp(): void {
    if (this.connection === undefined) return;
    this.connection = undefined;
    this.reading = true;
    this.unread.length = 0;
    this.control.disconnect();
  }
}
