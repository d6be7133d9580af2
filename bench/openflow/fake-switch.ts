import { connect, type Socket } from 'node:net';
import { LatencyHistogram } from './latency-histogram.js';
import {
  bufferAt,
  type Frame,
  type as kinds,
  packetInBytes,
  put32,
  putPacketIn,
  u16,
  u32,
  type Version,
  xidAt,
} from './packet-in-form.js';
import { type Fault, faultOf, flowBufferAt } from './reply-check.js';
import { answerTo, helloOf, ports } from './switch-life.js';

export interface FakeSwitchOptions {
  readonly host: string;
  readonly port: number;
  readonly version: Version;
  readonly datapath: number;
  /** packet-ins without an answer at any time */
  readonly window: number;
  /** hosts that send; every port has as many */
  readonly hosts: number;
  /** false: whatever comes back as a flow_mod counts; marks the ceiling of a responder that sends fixed bytes */
  readonly checks: boolean;
}

/** Frames of a turn of the ring; the hosts take turns to send, to hosts behind other ports. */
const ringFrames = 1024;
/** Sent in one piece, bytes. */
const pieceBytes = 65_536;
/** The first host behind each port is one that frames are sent to. */
const receivers = ports.length;
/** Buffer ids from here on are those of announcements. */
const announcements = 0x7fff_0000;
const noBuffer = 0xffff_ffff;

/** One switch: says what every switch says, then sends packet-ins and holds every answer against what it asked. */
export class FakeSwitch {
  readonly latency = new LatencyHistogram();
  readonly faults = new Map<Fault | 'buffer' | 'xid' | 'flood' | 'error' | 'noise', number>();
  answers = 0;
  closed: string | undefined;
  readonly #options: FakeSwitchOptions;
  readonly #socket: Socket;
  readonly #frames: Frame[] = [];
  readonly #ring: Uint8Array;
  /** by the low bits of a buffer id: the id plus one, while its answer is awaited; and when it was sent, us */
  readonly #awaited: Uint32Array;
  readonly #sentAt: Float64Array;
  #tail: Uint8Array | undefined;
  #nextBuffer = 0;
  #outstanding = 0;
  #lastXid = -1;
  /** receivers whose announcement was not flooded yet */
  readonly #unheard = new Set<number>();
  #isReady = false;
  #isRunning = false;
  #onReady: () => void = () => {};
  /** instant of the last look at the clock, us: one look serves a whole chunk */
  #now = 0;

  constructor(options: FakeSwitchOptions) {
    this.#options = options;
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, options.window)));
    this.#awaited = new Uint32Array(slots);
    this.#sentAt = new Float64Array(slots);
    this.#ring = this.#makeRing();
    this.#socket = connect({ host: options.host, port: options.port, noDelay: true });
    this.#socket.on('connect', () => this.#socket.write(helloOf(options.version)));
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('drain', () => this.#topUp());
    this.#socket.on('error', (error) => {
      this.closed = error.message;
    });
    this.#socket.on('close', () => {
      this.closed ??= 'closed by the controller';
    });
  }

  /** Host h sits behind port 1 + h mod 16; the first of each port are who frames are sent to. */
  #makeRing(): Uint8Array {
    const { version, hosts } = this.#options;
    const each = packetInBytes(version);
    const count = Math.max(ringFrames, hosts);
    const ring = new Uint8Array(count * each);
    for (let i = 0; i < count; i += 1) {
      const source = receivers + (i % hosts);
      const inPort = ports[source % receivers]!;
      const first = (i * 7 + 3) % receivers;
      const destination = ports[first] === inPort ? (first + 1) % receivers : first;
      this.#frames.push({ inPort, source, destination });
      putPacketIn(ring, i * each, version, this.#frames[i]!);
    }
    return ring;
  }

  /** Resolves when the controller has asked what switch this is. */
  ready(): Promise<void> {
    return this.#isReady ? Promise.resolve() : new Promise((resolve) => (this.#onReady = resolve));
  }

  /** Every receiver announces itself to everybody, again until it was answered by a flood: the controller is ready then. */
  async announce(): Promise<void> {
    const { version } = this.#options;
    const each = packetInBytes(version);
    for (const host of ports.keys()) this.#unheard.add(host);
    while (this.#unheard.size > 0 && this.closed === undefined) {
      const bytes = new Uint8Array(this.#unheard.size * each);
      for (const [i, host] of [...this.#unheard].entries()) {
        putPacketIn(bytes, i * each, version, { inPort: ports[host]!, source: host });
        put32(bytes, i * each + bufferAt, announcements + host);
      }
      this.#socket.write(bytes);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  start(): void {
    this.#isRunning = true;
    this.#topUp();
  }

  /** No more packet-ins from now on. */
  stop(): void {
    this.#isRunning = false;
  }

  close(): void {
    this.#socket.destroy();
  }

  #topUp(): void {
    if (!this.#isRunning || this.#socket.writableNeedDrain || this.closed !== undefined) return;
    const { version, window } = this.#options;
    const each = packetInBytes(version);
    const free = window - this.#outstanding;
    // A window that is nearly full is not topped up packet by packet: that would measure system calls.
    if (free <= 0 || (window >= 64 && free < window / 4)) return;
    const at = performance.now() * 1000;
    for (let left = free; left > 0; ) {
      const count = Math.min(left, Math.floor(pieceBytes / each));
      left -= count;
      if (!this.#socket.write(this.#piece(count, each, at))) return;
    }
  }

  #piece(count: number, each: number, at: number): Uint8Array {
    const bytes = new Uint8Array(count * each);
    const frames = this.#frames.length;
    const mask = this.#awaited.length - 1;
    let id = this.#nextBuffer;
    for (let i = 0, to = 0; i < count; i += 1, to += each) {
      const from = (id % frames) * each;
      bytes.set(this.#ring.subarray(from, from + each), to);
      put32(bytes, to + xidAt, id);
      put32(bytes, to + bufferAt, id);
      this.#awaited[id & mask] = id + 1;
      this.#sentAt[id & mask] = at;
      id = id + 1 === announcements ? 0 : id + 1;
    }
    this.#nextBuffer = id;
    this.#outstanding += count;
    return bytes;
  }

  #receive(chunk: Uint8Array): void {
    this.#now = performance.now() * 1000;
    let bytes = chunk;
    if (this.#tail !== undefined) {
      bytes = new Uint8Array(this.#tail.length + chunk.length);
      bytes.set(this.#tail, 0);
      bytes.set(chunk, this.#tail.length);
      this.#tail = undefined;
    }
    let at = 0;
    while (bytes.length - at >= 8) {
      const length = u16(bytes, at + 2);
      if (length < 8) {
        this.#fault('noise');
        this.#socket.destroy();
        return;
      }
      if (bytes.length - at < length) break;
      this.#onMessage(bytes, at, length);
      at += length;
    }
    if (at < bytes.length) this.#tail = bytes.slice(at);
    if (this.#isRunning) this.#topUp();
  }

  #onMessage(b: Uint8Array, at: number, length: number): void {
    const { version, datapath } = this.#options;
    const kind = b[at + 1]!;
    if (kind === kinds.flowMod) {
      if (this.#nextBuffer > 0) this.#onFlow(b, at, length);
      else if (u32(b, at + flowBufferAt(version)) !== noBuffer) this.#onEarlyFlow();
      return;
    }
    if (kind === kinds.packetOut) {
      this.#onPacketOut(b, at);
      return;
    }
    if (kind === kinds.error) this.#fault('error');
    const answer = answerTo(b, at, length, version, datapath);
    if (answer === undefined) return;
    this.#socket.write(answer);
    if (kind !== kinds.featuresRequest) return;
    this.#isReady = true;
    this.#onReady();
  }

  #onPacketOut(b: Uint8Array, at: number): void {
    const buffer = u32(b, at + bufferAt);
    if (buffer >= announcements) {
      this.#unheard.delete(buffer - announcements);
      return;
    }
    // A flood where the port is known answers the packet-in, but wrongly.
    const slot = buffer & (this.#awaited.length - 1);
    if (this.#awaited[slot] !== buffer + 1) return;
    this.#settle(slot);
    this.#fault('flood');
  }

  /** Whoever answers an announcement with a flow does not learn: it is not waited for, and its answers will show it. */
  #onEarlyFlow(): void {
    this.#unheard.clear();
  }

  #onFlow(b: Uint8Array, at: number, length: number): void {
    const { version, checks } = this.#options;
    if (!checks) {
      this.#outstanding -= 1;
      this.answers += 1;
      return;
    }
    const buffer = u32(b, at + flowBufferAt(version));
    const slot = buffer & (this.#awaited.length - 1);
    if (this.#awaited[slot] !== buffer + 1) {
      this.#fault('buffer');
      return;
    }
    const xid = u32(b, at + xidAt);
    if (xid === this.#lastXid) this.#fault('xid');
    this.#lastXid = xid;
    const frame = this.#frames[buffer % this.#frames.length]!;
    const fault = faultOf(b, at, length, version, frame, ports[frame.destination]!);
    this.latency.add(this.#now - this.#sentAt[slot]!);
    this.#settle(slot);
    if (fault === undefined) this.answers += 1;
    else this.#fault(fault);
  }

  #settle(slot: number): void {
    this.#awaited[slot] = 0;
    this.#outstanding -= 1;
  }

  #fault(fault: Fault | 'buffer' | 'xid' | 'flood' | 'error' | 'noise'): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }
}
