import type { Packet } from './packet.js';
import { PacketRing } from './packet-ring.js';

export interface CodelOptions {
  /** standing delay that is acceptable, seconds */
  readonly targetSeconds: number;
  /** how long the delay may stay above the target before the first drop: a round trip of the worst sort */
  readonly intervalSeconds: number;
}
export const defaultCodel: CodelOptions = { targetSeconds: 0.005, intervalSeconds: 0.1 };

/** below one full frame there is no queue to speak of */
const maximumFrameBytes = 1514;
/** a new drop phase that begins this many intervals after the last takes its rate up again */
const rememberedIntervals = 16;

/**
 * One queue under CoDel (RFC 8289): packets carry the time they came; when every packet of an interval has
 * waited longer than the target, packets are dropped as they leave, at a rate that grows with the square root of
 * their number, until one is in time again.
 */
export class CodelQueue {
  bytes = 0;
  private readonly ring = new PacketRing();
  private readonly options: CodelOptions;
  private readonly drop: (packet: Packet) => void;
  private dropping = false;
  private dropNextSeconds = 0;
  private count = 0;
  private countBefore = 0;
  /** when dropping may begin; 0: the last packet was in time */
  private firstAboveSeconds = 0;

  constructor(options: CodelOptions, drop: (packet: Packet) => void) {
    this.options = options;
    this.drop = drop;
  }

  get length(): number {
    return this.ring.length;
  }

  push(packet: Packet, nowSeconds: number): void {
    this.bytes += packet.frameBytes;
    this.ring.push(packet, nowSeconds);
  }

  /** The packet at the head, whatever it has waited; only when length > 0. */
  takeHead(): Packet {
    const packet = this.ring.shift();
    this.bytes -= packet.frameBytes;
    return packet;
  }

  /** The next packet to send; what CoDel drops on the way to it goes to `drop`. */
  shift(nowSeconds: number): Packet | undefined {
    let packet = this.next(nowSeconds);
    if (this.dropping) {
      if (!this.late) this.dropping = false;
      while (this.dropping && nowSeconds >= this.dropNextSeconds) {
        this.drop(packet!);
        this.count++;
        packet = this.next(nowSeconds);
        if (this.late) this.dropNextSeconds = this.after(this.dropNextSeconds);
        else this.dropping = false;
      }
    } else if (this.late) {
      this.drop(packet!);
      packet = this.next(nowSeconds);
      this.beginDropping(nowSeconds);
    }
    return packet;
  }

  /** the packet that `next` gave may be dropped */
  private late = false;

  private next(nowSeconds: number): Packet | undefined {
    this.late = false;
    if (this.ring.length === 0) {
      this.firstAboveSeconds = 0;
      return undefined;
    }
    const sojournSeconds = nowSeconds - this.ring.headStamp();
    const packet = this.takeHead();
    if (sojournSeconds < this.options.targetSeconds || this.bytes <= maximumFrameBytes)
      this.firstAboveSeconds = 0;
    else if (this.firstAboveSeconds === 0) this.firstAboveSeconds = nowSeconds + this.options.intervalSeconds;
    else if (nowSeconds >= this.firstAboveSeconds) this.late = true;
    return packet;
  }

  private beginDropping(nowSeconds: number): void {
    this.dropping = true;
    const delta = this.count - this.countBefore;
    const recent = nowSeconds - this.dropNextSeconds < rememberedIntervals * this.options.intervalSeconds;
    this.count = delta > 1 && recent ? delta : 1;
    this.dropNextSeconds = this.after(nowSeconds);
    this.countBefore = this.count;
  }

  private after(seconds: number): number {
    return seconds + this.options.intervalSeconds / Math.sqrt(this.count);
  }
}
