import type { EventQueue } from '../event-queue.js';
import type { FakeSwitch } from '../fake-switch.js';
import type { LineEvents } from '../switch-line.js';
import type { Draw } from './draw.js';

/** One TCP connection; each end has its own opinion on whether it stands. */
interface Connection {
  readonly number: number;
  openAtController: boolean;
  openAtSwitch: boolean;
  /** the network between the ends carries nothing any more, and tells nobody */
  swallowed: boolean;
  /** bytes keep their order, so nothing arrives before these instants */
  lastAtSwitch: number;
  lastAtController: number;
  /** what would arrive at the switch later than this was lost with the connection */
  truncatedAt: number;
  reading: boolean;
  readonly unread: Uint8Array[];
}

type ToSwitch = { readonly connection: Connection; readonly bytes: Uint8Array | 'close' };

/** A switch gives a silent connection up after this (Open vSwitch: probe of 5 s, closed after 8.5 s). */
const silenceSeconds = 8.5;
const longestSegmentGapSeconds = 0.03;

/**
 * The control channel of one switch in virtual time, as unkind as TCP may be: delays that differ from chunk to chunk and from switch to
 * switch, segments cut anywhere, resets that lose the end of what was sent, and silence. What was sent before a connection broke may
 * still arrive at the switch after the controller knows that it is broken, but always before the switch calls again.
 */
export class FaultLine {
  readonly name: string;
  readonly control: FakeSwitch;
  /** one way, seconds, without jitter */
  delaySeconds: number;
  /** more of it until an instant */
  private slow = { untilSeconds: 0, moreSeconds: 0 };
  /** chance that a chunk arrives in pieces */
  private readonly splits: number;
  private readonly events: EventQueue;
  private readonly draw: Draw;
  private readonly told: LineEvents;
  private readonly nextNumber: () => number;
  private readonly atController = new Map<number, Connection>();
  private atSwitch: Connection | undefined;
  private listening = false;
  private frozen = false;
  private off = false;
  private attempt = 0;
  /** what a frozen switch has not read, and what it could not write */
  private waitingIn: ToSwitch[] = [];
  private waitingOut: { readonly connection: Connection; readonly bytes: Uint8Array }[] = [];

  constructor(
    name: string,
    control: FakeSwitch,
    events: EventQueue,
    draw: Draw,
    nextNumber: () => number,
    told: LineEvents,
  ) {
    this.name = name;
    this.control = control;
    this.events = events;
    this.draw = draw;
    this.told = told;
    this.nextNumber = nextNumber;
    this.delaySeconds = draw.pick([0.0005, 0.002, 0.005, 0.02]);
    this.splits = draw.pick([0, 0.02, 0.2]);
  }

  // -------------------------------------------------------- the controller's end

  /** The controller listens from now on. */
  listen(): void {
    this.listening = true;
    this.callIn(this.draw.between(0, 0.2));
  }

  /** The controller's process is gone; what its kernel had taken still travels. */
  stopListening(): void {
    this.listening = false;
    for (const number of [...this.atController.keys()]) this.close(number);
  }

  send(number: number, bytes: Uint8Array): void {
    const connection = this.atController.get(number);
    if (connection !== undefined) this.toSwitch(connection, bytes);
  }

  close(number: number): void {
    const connection = this.atController.get(number);
    if (connection === undefined) return;
    this.forgetAtController(connection);
    this.toSwitch(connection, 'close');
  }

  setReading(number: number, on: boolean): void {
    const connection = this.atController.get(number);
    if (connection === undefined) return;
    connection.reading = on;
    if (on) this.events.call(this.events.now, () => this.readOn(connection));
  }

  /** Is this the connection over which the switch speaks, and does the controller know no better? */
  stands(): boolean {
    return this.atSwitch?.openAtController === true;
  }

  // --------------------------------------------------------------------- faults

  delay(moreSeconds: number, forSeconds: number): void {
    this.slow = { untilSeconds: this.events.now + forSeconds, moreSeconds };
  }

  /** RST: both ends hear of it; of what is on its way to the switch only the first part arrives. */
  reset(): void {
    const connection = this.atSwitch;
    if (connection === undefined) return;
    const left = Math.max(0, connection.lastAtSwitch - this.events.now);
    connection.truncatedAt = this.events.now + this.draw.between(0, 1.2) * left;
    this.tellLost(connection, 'connection reset');
    this.toSwitch(connection, 'close');
  }

  /** Nothing passes any more, and nobody is told. */
  swallow(): void {
    const connection = this.atSwitch;
    if (connection === undefined || connection.swallowed) return;
    connection.swallowed = true;
    this.events.call(this.events.now + silenceSeconds, () => this.closeAtSwitch(connection));
  }

  /** The switch's process stands still: it reads and says nothing, its tables go on forwarding. */
  freeze(): void {
    this.frozen = true;
  }

  thaw(): void {
    if (!this.frozen) return;
    this.frozen = false;
    const waitingIn = this.waitingIn;
    const waitingOut = this.waitingOut;
    this.waitingIn = [];
    this.waitingOut = [];
    for (const { connection, bytes } of waitingOut) this.toController(connection, bytes);
    for (const item of waitingIn) this.arriveAtSwitch(item);
    if (this.atSwitch === undefined) this.callIn(this.reconnectSeconds());
  }

  /** Power fails and comes back. `told`: the connection is reset; else the controller has to find out. */
  reboot(offSeconds: number, told: boolean): void {
    const connection = this.atSwitch;
    this.frozen = false;
    this.waitingIn = [];
    this.waitingOut = [];
    this.atSwitch = undefined;
    this.control.reboot();
    this.off = true;
    this.attempt += 1;
    if (connection !== undefined) {
      connection.openAtSwitch = false;
      if (told) this.tellLost(connection, 'connection reset');
      else connection.swallowed = true;
    }
    this.events.call(this.events.now + offSeconds, () => {
      this.off = false;
      this.callIn(0);
    });
  }

  // -------------------------------------------------------------------- carrying

  private delayNow(): number {
    const more = this.events.now < this.slow.untilSeconds ? this.slow.moreSeconds : 0;
    return (this.delaySeconds + more) * this.draw.between(0.7, 1.6);
  }

  private toSwitch(connection: Connection, bytes: Uint8Array | 'close'): void {
    if (connection.swallowed) return;
    for (const piece of bytes === 'close' ? [bytes] : this.segments(bytes)) {
      const at = Math.max(connection.lastAtSwitch, this.events.now + this.delayNow());
      connection.lastAtSwitch = at + (bytes === 'close' ? 0 : this.gap());
      this.events.call(at, () => {
        if (connection.swallowed || (piece !== 'close' && at > connection.truncatedAt)) return;
        const item = { connection, bytes: piece };
        if (this.frozen) this.waitingIn.push(item);
        else this.arriveAtSwitch(item);
      });
    }
  }

  private arriveAtSwitch({ connection, bytes }: ToSwitch): void {
    if (connection !== this.atSwitch) return;
    if (bytes === 'close') this.closeAtSwitch(connection);
    else if (!this.control.receive(bytes)) {
      this.tellLost(connection, 'the switch could not read the stream');
      this.closeAtSwitch(connection);
    }
  }

  private toController(connection: Connection, bytes: Uint8Array): void {
    if (this.frozen) {
      this.waitingOut.push({ connection, bytes });
      return;
    }
    if (connection.swallowed) return;
    for (const piece of this.segments(bytes)) {
      const at = Math.max(connection.lastAtController, this.events.now + this.delayNow());
      connection.lastAtController = at + this.gap();
      this.events.call(at, () => {
        if (connection.swallowed || !connection.openAtController) return;
        connection.unread.push(piece);
        this.readOn(connection);
      });
    }
  }

  private readOn(connection: Connection): void {
    while (connection.openAtController && connection.reading && connection.unread.length > 0)
      this.told.bytes(connection.number, connection.unread.shift()!);
  }

  private segments(bytes: Uint8Array): Uint8Array[] {
    if (bytes.length < 2 || !this.draw.chance(this.splits)) return [bytes];
    const cut = this.draw.whole(1, bytes.length - 1);
    return [bytes.subarray(0, cut), ...this.segments(bytes.subarray(cut))];
  }

  private gap(): number {
    return this.splits > 0 && this.draw.chance(this.splits)
      ? this.draw.between(0, longestSegmentGapSeconds)
      : 0;
  }

  private tellLost(connection: Connection, reason: string): void {
    if (!connection.openAtController) return;
    this.forgetAtController(connection);
    this.told.lost(connection.number, reason);
  }

  private forgetAtController(connection: Connection): void {
    connection.openAtController = false;
    this.atController.delete(connection.number);
  }

  // ------------------------------------------------------------ the switch's end

  private closeAtSwitch(connection: Connection): void {
    if (connection !== this.atSwitch) return;
    connection.openAtSwitch = false;
    this.atSwitch = undefined;
    this.control.disconnect();
    this.callIn(this.reconnectSeconds());
  }

  private reconnectSeconds(): number {
    return this.draw.between(0.2, 1.6);
  }

  private callIn(seconds: number): void {
    this.attempt += 1;
    const { attempt } = this;
    this.events.call(this.events.now + seconds, () => {
      if (attempt !== this.attempt || this.off || this.frozen || this.atSwitch !== undefined) return;
      if (this.listening) this.connect();
    });
  }

  private connect(): void {
    const { now } = this.events;
    const connection: Connection = {
      number: this.nextNumber(),
      openAtController: true,
      openAtSwitch: true,
      swallowed: false,
      lastAtSwitch: now,
      lastAtController: now,
      truncatedAt: Number.POSITIVE_INFINITY,
      reading: true,
      unread: [],
    };
    this.atSwitch = connection;
    this.atController.set(connection.number, connection);
    this.told.connected(connection.number, `simulated:${this.name}`);
    this.control.connect((bytes) => this.toController(connection, bytes));
  }
}
