import { backgroundPacket, Load, ownPacket, randomSource, step, videoPacket } from '../plant.js';

/** A carrier's path as a model: our gateway, a FIFO that nobody sees and a line behind it, the far gateway. */
export interface CarrierOptions {
  readonly seed: number;
  /** bytes/s at time 0 */
  readonly capacity: number;
  readonly bufferBytes: number;
  readonly baseDelaySeconds: number;
  /** our video and background; false: nothing but what migrates */
  readonly load: boolean;
  /** mean of hidden traffic of others in the same FIFO, bytes/s; it is on and off by turns of 1 s */
  readonly hiddenBytesPerSecond: number;
  /** never an instant without something to send: a constant stream of this many bytes/s */
  readonly constantBytesPerSecond: number;
  /** each of our packets is this much longer at the near counter: a tag that is stripped before the path, or added if negative */
  readonly tagBytes: number;
  /** of the constant stream's packets */
  readonly constantPacketBytes: number;
}
export const defaultCarrier: CarrierOptions = {
  seed: 1,
  capacity: 6_250_000,
  bufferBytes: 1_500_000,
  baseDelaySeconds: 0.02,
  load: true,
  hiddenBytesPerSecond: 0,
  constantBytesPerSecond: 0,
  tagBytes: 0,
  constantPacketBytes: ownPacket,
};

const probeBytes = 64;

interface Chunk {
  /** all traffic that had come in when this had, bytes */
  readonly through: number;
  readonly at: number;
  readonly ours: number;
  readonly video: boolean;
  /** a probe: told when it arrives at the far gateway */
  readonly arrived?: (at: number) => void;
}

/**
 * In steps of a quarter of a millisecond; first in, first out by total bytes, so that what waits behind others'
 * packets waits for them. Shares no code with the estimator.
 */
export class Carrier {
  readonly options: CarrierOptions;
  capacity: number;
  baseDelay: number;
  /** sent by our gateway, bytes */
  sent = 0;
  sentPackets = 0;
  ownSent = 0;
  ownRemaining = 0;
  lostBytes = 0;
  /** queueing delay of each video packet, s, and when it was sent */
  readonly videoDelays: { readonly at: number; readonly delay: number }[] = [];
  private readonly load: Load;
  private readonly random: () => number;
  private arrivedTotal = 0;
  private servedTotal = 0;
  private oursServed = 0;
  private packetsServed = 0;
  private fifo: Chunk[] = [];
  private head = 0;
  private ticks = 0;
  private ownRate = 0;
  private ownCredit = 0;
  private constantCredit = 0;
  private hiddenOn = true;
  private hiddenCredit = 0;
  private readonly pending: { at: number; rate: number }[] = [];
  /** our bytes that had come out at each tick */
  private readonly out: { readonly bytes: number; readonly packets: number }[] = [];

  constructor(options: Partial<CarrierOptions> = {}) {
    this.options = { ...defaultCarrier, ...options };
    this.capacity = this.options.capacity;
    this.baseDelay = this.options.baseDelaySeconds;
    this.load = new Load(this.options.seed);
    this.random = randomSource(this.options.seed * 31 + 5);
  }

  get now(): number {
    return this.ticks * step;
  }
  get queueBytes(): number {
    return this.arrivedTotal - this.servedTotal;
  }
  get queueDelay(): number {
    return this.queueBytes / this.capacity;
  }

  pace(at: number, rate: number): void {
    this.pending.push({ at: Math.max(at, this.pending.at(-1)?.at ?? 0), rate });
  }

  /** what the far gateway's counter shows at a time that has come */
  received(time: number): { readonly bytes: number; readonly packets: number } {
    const index = Math.round((time - this.baseDelay) / step) - 1;
    return index < 0 ? { bytes: 0, packets: 0 } : this.out[Math.min(index, this.out.length - 1)]!;
  }

  advance(to: number): void {
    while (this.now + step / 2 < to) this.tick();
  }

  private tick(): void {
    const { options, now } = this;
    while (this.pending.length > 0 && this.pending[0]!.at <= now) this.ownRate = this.pending.shift()!.rate;
    this.hide();
    const { videoPackets, backgroundPackets } = this.load.next();
    if (options.load) {
      for (let i = 0; i < videoPackets; i++) this.send(videoPacket, true);
      for (let i = 0; i < backgroundPackets; i++) this.send(backgroundPacket);
    }
    this.constantCredit += options.constantBytesPerSecond * step;
    const { constantPacketBytes } = options;
    for (; this.constantCredit >= constantPacketBytes; this.constantCredit -= constantPacketBytes)
      this.send(constantPacketBytes);
    this.ownCredit = this.ownRemaining > 0 ? this.ownCredit + this.ownRate * step : 0;
    for (; this.ownCredit >= ownPacket && this.ownRemaining > 0; this.ownCredit -= ownPacket) {
      this.ownSent += ownPacket + options.tagBytes;
      if (this.send(ownPacket)) this.ownRemaining -= ownPacket;
    }
    this.serve();
    this.ticks += 1;
    this.out.push({ bytes: this.oursServed, packets: this.packetsServed });
  }

  private hide(): void {
    const { hiddenBytesPerSecond } = this.options;
    if (hiddenBytesPerSecond === 0) return;
    if (this.ticks % Math.round(1 / step) === 0) this.hiddenOn = this.random() < 0.5;
    if (this.hiddenOn) this.hiddenCredit += 2 * hiddenBytesPerSecond * step;
    for (; this.hiddenCredit >= ownPacket; this.hiddenCredit -= ownPacket) this.enter(ownPacket, 0, false);
  }

  private send(size: number, video = false): boolean {
    this.sent += size + this.options.tagBytes;
    this.sentPackets += 1;
    return this.enter(size, size, video);
  }

  /** A small packet of our own; `arrived` is told when it is at the far gateway. */
  probe(arrived: (at: number) => void): void {
    this.sent += probeBytes + this.options.tagBytes;
    this.sentPackets += 1;
    this.enter(probeBytes, probeBytes, false, arrived);
  }

  private enter(size: number, ours: number, video: boolean, arrived?: (at: number) => void): boolean {
    if (this.queueBytes + size > this.options.bufferBytes) {
      this.lostBytes += ours;
      return false;
    }
    this.arrivedTotal += size;
    this.fifo.push({ through: this.arrivedTotal, at: this.now, ours, video, ...(arrived && { arrived }) });
    return true;
  }

  private serve(): void {
    this.servedTotal = Math.min(this.arrivedTotal, this.servedTotal + this.capacity * step);
    while (this.head < this.fifo.length && this.fifo[this.head]!.through <= this.servedTotal + 1e-6) {
      const { at, ours, video, arrived } = this.fifo[this.head]!;
      this.head += 1;
      this.oursServed += ours;
      if (ours > 0) this.packetsServed += 1;
      arrived?.(this.now + step + this.baseDelay);
      if (video) this.videoDelays.push({ at, delay: this.now + step - at });
    }
    if (this.head > 10_000) {
      this.fifo = this.fifo.slice(this.head);
      this.head = 0;
    }
  }
}
