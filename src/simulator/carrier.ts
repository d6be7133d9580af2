import type { CarrierStatistics } from '../network/carrier.js';
import type { HiddenPattern } from '../traffic/index.js';
import { HiddenPhases, hiddenFrameBytes } from '../traffic/index.js';
import type { EventHandler, EventQueue } from './event-queue.js';
import { Packet } from './packet.js';
import { PacketRing } from './packet-ring.js';
import type { PacketReceiver, Wire } from './wire.js';

const departure = -1;

const nowhere = -1;
/** Takes the place of every packet of the hidden traffic; it is of no flow and goes nowhere. */
const stranger = new Packet();
stranger.frameBytes = hiddenFrameBytes;

/**
 * One direction of a carrier's path, which nobody can look into: policer, FIFO, serialiser, then the wire's delay
 * (the law is at `CarrierStatistics`). What it has is changed at run time; a packet in service keeps its rate.
 * Several links may lead through it: each has an entrance and comes out at its own wire.
 */
export class Carrier implements EventHandler {
  private readonly events: EventQueue;
  private readonly wires: Wire[] = [];
  private readonly lose: (packet: Packet) => void;
  /** each with the index of its wire beside it */
  private readonly waiting = new PacketRing();
  private inService: Packet | undefined;
  private wireOfService = 0;
  private rateBitsPerSecond = Infinity;
  private limitPackets = Infinity;
  private headerBytes = 0;
  private policer: TokenBucket | undefined;
  private hiddenSpacingSeconds = Infinity;
  private hiddenPhases: HiddenPhases | undefined;
  private hiddenUntilSeconds = Infinity;
  private hiddenGeneration = 0;
  private counts = zero();

  constructor(
    events: EventQueue,
    lose: (packet: Packet) => void,
    spec: { readonly capacityBitsPerSecond: number; readonly bufferPackets: number },
  ) {
    this.events = events;
    this.lose = lose;
    this.setRate(spec.capacityBitsPerSecond);
    this.setLimit(spec.bufferPackets);
  }

  /** waiting or in service, hidden traffic included */
  get backlogBytes(): number {
    return this.counts.backlogBytes;
  }
  get capacityBitsPerSecond(): number {
    return this.rateBitsPerSecond;
  }
  statistics(): CarrierStatistics {
    return { ...this.counts };
  }

  /** Where the packets of one more link come in; they leave by `wire`. */
  entrance(wire: Wire): PacketReceiver {
    const index = this.wires.push(wire) - 1;
    return { receive: (packet, now) => this.arrive(packet, index, now) };
  }

  setRate(bitsPerSecond: number): void {
    if (!(bitsPerSecond > 0)) throw new RangeError(`a rate must be above 0 bit/s, not ${bitsPerSecond}`);
    this.rateBitsPerSecond = bitsPerSecond;
  }

  /** One-way delay behind the queue, for packets that leave it from now on. */
  setDelay(milliseconds: number): void {
    for (const wire of this.wires) wire.setDelay(milliseconds / 1000);
  }

  /** What is there already stays. */
  setLimit(packets: number): void {
    if (!(packets >= 1)) throw new RangeError(`a queue holds at least 1 packet, not ${packets}`);
    this.limitPackets = packets;
  }

  /** Each packet leaves so much longer (a tag is added) or, if negative, shorter (one is stripped) than it came. */
  setHeader(bytes: number): void {
    this.headerBytes = bytes;
  }

  /** Loss without delay above a rate; null: no policer. The bucket is full at first. Hidden traffic is not policed. */
  police(bitsPerSecond: number | null, burstBytes = 0): void {
    this.policer =
      bitsPerSecond === null ? undefined : new TokenBucket(bitsPerSecond, burstBytes, this.events.now);
  }

  /** Traffic of others through the same queue from now on; 0: none. Without a pattern it never pauses. */
  hidden(bitsPerSecond: number, pattern?: HiddenPattern): void {
    if (!(bitsPerSecond >= 0)) throw new RangeError(`a rate must be 0 bit/s or more, not ${bitsPerSecond}`);
    this.hiddenGeneration++;
    if (bitsPerSecond === 0) return;
    this.hiddenSpacingSeconds = (hiddenFrameBytes * 8) / bitsPerSecond;
    this.hiddenPhases = pattern && new HiddenPhases(pattern);
    this.hiddenUntilSeconds = this.events.now + (this.hiddenPhases?.next().seconds ?? Infinity);
    this.planHidden(this.events.now + this.hiddenSpacingSeconds);
  }

  fire(nowSeconds: number, argument: number): void {
    if (argument === departure) this.depart(nowSeconds);
    else if (argument === this.hiddenGeneration) this.hiddenArrives(nowSeconds);
  }

  private arrive(packet: Packet, wire: number, nowSeconds: number): void {
    const { counts } = this;
    counts.arrivedPackets++;
    counts.arrivedBytes += packet.frameBytes;
    if (this.policer?.takes(packet.frameBytes, nowSeconds) === false) {
      counts.policedPackets++;
      counts.policedBytes += packet.frameBytes;
      this.lose(packet);
    } else if (counts.backlogPackets >= this.limitPackets) {
      counts.droppedPackets++;
      counts.droppedBytes += packet.frameBytes;
      this.lose(packet);
    } else this.enqueue(packet, wire, nowSeconds);
  }

  private enqueue(packet: Packet, wire: number, nowSeconds: number): void {
    this.counts.backlogPackets++;
    this.counts.backlogBytes += packet.frameBytes;
    this.waiting.push(packet, wire);
    if (this.inService === undefined) this.serveNext(nowSeconds);
  }

  private serveNext(nowSeconds: number): void {
    this.wireOfService = this.waiting.headStamp();
    const packet = this.waiting.shift();
    this.inService = packet;
    this.events.schedule(nowSeconds + (packet.frameBytes * 8) / this.rateBitsPerSecond, this, departure);
  }

  private depart(nowSeconds: number): void {
    const packet = this.inService!;
    const wire = this.wires[this.wireOfService];
    const { counts } = this;
    this.inService = undefined;
    counts.backlogPackets--;
    counts.backlogBytes -= packet.frameBytes;
    if (this.waiting.length > 0) this.serveNext(nowSeconds);
    if (packet === stranger) {
      counts.hiddenBacklogPackets--;
      counts.hiddenForwardedPackets++;
      return;
    }
    counts.forwardedPackets++;
    counts.forwardedBytes += packet.frameBytes;
    packet.frameBytes += this.headerBytes;
    wire!.send(packet, nowSeconds);
  }

  private hiddenArrives(nowSeconds: number): void {
    const { counts } = this;
    counts.hiddenArrivedPackets++;
    if (counts.backlogPackets >= this.limitPackets) counts.hiddenDroppedPackets++;
    else {
      counts.hiddenBacklogPackets++;
      this.enqueue(stranger, nowhere, nowSeconds);
    }
    this.planHidden(nowSeconds + this.hiddenSpacingSeconds);
  }

  /** The next arrival; one that would fall behind the end of its phase comes one spacing after the next phase begins. */
  private planHidden(wantedSeconds: number): void {
    let atSeconds = wantedSeconds;
    while (this.hiddenPhases !== undefined && atSeconds > this.hiddenUntilSeconds) {
      const onAgainAt = this.hiddenUntilSeconds + this.hiddenPhases.next().seconds;
      this.hiddenUntilSeconds = onAgainAt + this.hiddenPhases.next().seconds;
      atSeconds = onAgainAt + this.hiddenSpacingSeconds;
    }
    this.events.schedule(atSeconds, this, this.hiddenGeneration);
  }
}

class TokenBucket {
  private readonly bytesPerSecond: number;
  private readonly burstBytes: number;
  private tokens: number;
  private atSeconds: number;

  constructor(bitsPerSecond: number, burstBytes: number, nowSeconds: number) {
    if (!(bitsPerSecond > 0 && burstBytes > 0))
      throw new RangeError('a policer needs a rate above 0 bit/s and a burst above 0 bytes');
    this.bytesPerSecond = bitsPerSecond / 8;
    this.burstBytes = burstBytes;
    this.tokens = burstBytes;
    this.atSeconds = nowSeconds;
  }

  takes(frameBytes: number, nowSeconds: number): boolean {
    const earned = (nowSeconds - this.atSeconds) * this.bytesPerSecond;
    this.tokens = Math.min(this.burstBytes, this.tokens + earned);
    this.atSeconds = nowSeconds;
    if (this.tokens < frameBytes) return false;
    this.tokens -= frameBytes;
    return true;
  }
}

const zero = (): { -readonly [Key in keyof CarrierStatistics]: number } => ({
  arrivedPackets: 0,
  arrivedBytes: 0,
  forwardedPackets: 0,
  forwardedBytes: 0,
  droppedPackets: 0,
  droppedBytes: 0,
  policedPackets: 0,
  policedBytes: 0,
  hiddenArrivedPackets: 0,
  hiddenForwardedPackets: 0,
  hiddenDroppedPackets: 0,
  backlogPackets: 0,
  backlogBytes: 0,
  hiddenBacklogPackets: 0,
});
