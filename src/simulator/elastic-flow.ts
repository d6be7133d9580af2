import type { CongestionName } from './congestion/congestion-control.js';
import type { EventQueue } from './event-queue.js';
import type { TcpListener } from './tcp-receiver.js';
import type { TcpApplication, TcpSender } from './tcp-sender.js';

/** TCP connections that always have something to send: elastic cross traffic. */
export interface ElasticSpec {
  /** hosts of the topology; the rules of its switches must forward between them */
  readonly from: string;
  readonly to: string;
  readonly congestion: CongestionName;
  /** since `startTraffic` */
  readonly startSeconds: number;
  /** undefined: they never stop */
  readonly stopSeconds?: number;
  /** connections of this kind; each has a fresh port */
  readonly count: number;
}

const binSeconds = 0.1;

/** One such connection: both applications, and what has arrived. */
export class ElasticFlow implements TcpApplication, TcpListener {
  /** `FROM-TO-CONGESTION-N` */
  readonly name: string;
  readonly spec: ElasticSpec;
  /** set when the connection is made */
  sender: TcpSender | undefined;
  /** payload that arrived in order */
  receivedBytes = 0;
  /** undefined: nothing went wrong */
  failure: string | undefined;
  private stopped = false;
  private readonly events: EventQueue;
  /** `receivedBytes` at the end of each tenth of a second since `firstBin` */
  private readonly history: number[] = [];
  private firstBin = 0;

  constructor(name: string, spec: ElasticSpec, events: EventQueue) {
    this.name = name;
    this.spec = spec;
    this.events = events;
  }

  /** Payload that arrived from one instant to another, bytes/s; instants are rounded to a tenth of a second. */
  goodputBytesPerSecond(fromSeconds: number, toSeconds: number): number {
    this.fill(this.events.now);
    return (this.receivedAt(toSeconds) - this.receivedAt(fromSeconds)) / (toSeconds - fromSeconds);
  }

  /** Sends nothing more; what is on its way still arrives. */
  stop(): void {
    this.stopped = true;
  }

  begin(nowSeconds: number): void {
    this.firstBin = Math.floor(nowSeconds / binSeconds);
  }

  take(maximumBytes: number): number {
    return this.stopped ? 0 : maximumBytes;
  }
  connected(): void {}
  drained(): void {}
  failed(reason: string): void {
    this.failure = reason;
  }
  accept(): boolean {
    return true;
  }
  received(totalBytes: number, nowSeconds: number): void {
    this.fill(nowSeconds);
    this.receivedBytes = totalBytes;
  }
  aborted(): void {}

  private receivedAt(seconds: number): number {
    const bin = Math.round(seconds / binSeconds) - this.firstBin;
    if (bin <= 0) return 0;
    return this.history[Math.min(bin, this.history.length) - 1] ?? 0;
  }

  private fill(nowSeconds: number): void {
    const bins = Math.floor(nowSeconds / binSeconds + 1e-9) - this.firstBin;
    while (this.history.length < bins) this.history.push(this.receivedBytes);
  }
}
