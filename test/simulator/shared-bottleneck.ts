import type { CongestionName } from '../../src/simulator/congestion/congestion-control.js';
import { EgressPort } from '../../src/simulator/egress-port.js';
import type { Packet } from '../../src/simulator/packet.js';
import type { DisciplineName } from '../../src/simulator/queue-discipline.js';
import { TcpReceiver } from '../../src/simulator/tcp-receiver.js';
import {
  defaultTcpOptions,
  type TcpApplication,
  type TcpOptions,
  TcpSender,
} from '../../src/simulator/tcp-sender.js';
import { Wire } from '../../src/simulator/wire.js';
import { Bench } from './fixtures.js';

export const linkBitsPerSecond = 50_000_000;
const oneWaySeconds = 0.02;
/** of payload, at 40 ms */
export const bdpSegments = ((linkBitsPerSecond / 8) * (2 * oneWaySeconds)) / 1514;

export interface Connection {
  readonly sender: TcpSender;
  readonly receiver: TcpReceiver;
}

/** Connections that share one queue of 50 Mbit/s; 40 ms round trip. */
export class SharedBottleneck {
  readonly bench = new Bench();
  readonly queue: EgressPort;
  readonly connections: Connection[] = [];
  /** drops a data packet when it says so */
  dropIf: (packet: Packet) => boolean = () => false;
  private readonly backward: Wire;

  constructor(bufferPackets = 1000, discipline: DisciplineName = 'fifo') {
    const { events, lose } = this.bench;
    const toSink = { receive: (packet: Packet, now: number) => packet.flow.sink.arrive(packet, now) };
    const forward = new Wire(events, oneWaySeconds, toSink, lose);
    this.backward = new Wire(events, oneWaySeconds, toSink, lose);
    const spec = {
      queueId: 0,
      maxBitsPerSecond: undefined,
      limitPackets: bufferPackets,
      priority: 0,
      discipline,
    };
    this.queue = new EgressPort(events, forward, linkBitsPerSecond, [spec], lose);
  }

  get now(): number {
    return this.bench.events.now;
  }

  /** A connection that begins now; `bytesPerSecond`: what its application has to send, default without end. */
  add(
    congestion: CongestionName,
    options: Partial<TcpOptions> = {},
    application?: Partial<TcpApplication>,
  ): Connection {
    const { events, pool } = this.bench;
    const transmit = (packet: Packet, now: number): void => {
      if (this.dropIf(packet)) this.bench.lose(packet);
      else this.queue.send(packet, now);
    };
    const endless: TcpApplication = {
      take: (bytes) => bytes,
      connected: () => {},
      drained: () => {},
      failed: (reason) => {
        throw new Error(reason);
      },
      ...application,
    };
    const all = { ...defaultTcpOptions, ...options, congestion };
    const sender = new TcpSender(events, pool, transmit, endless, all, this.connections.length);
    const receiver = new TcpReceiver(events, pool, (packet, now) => this.backward.send(packet, now), {
      accept: () => true,
      received: () => {},
      aborted: () => {},
    });
    sender.dataFlow = { ...this.bench.flow(), sink: receiver };
    receiver.ackFlow = { ...this.bench.flow(), sink: sender };
    sender.connect(this.now);
    this.connections.push({ sender, receiver });
    return this.connections.at(-1)!;
  }

  runUntil(seconds: number): void {
    this.bench.events.runUntil(seconds);
  }

  /** From now on for `seconds`: share of the link that each connection gets, and the queue every 5 ms, in ms. */
  measure(seconds: number): { readonly shares: number[]; readonly queueMs: number[] } {
    const before = this.connections.map((c) => c.receiver.receivedBytes);
    const queueMs: number[] = [];
    for (const end = this.now + seconds; this.now < end; ) {
      this.runUntil(Math.min(end, this.now + 0.005));
      queueMs.push((this.queue.backlogBytes() * 8000) / linkBitsPerSecond);
    }
    const shares = this.connections.map(
      (c, i) => ((c.receiver.receivedBytes - before[i]!) * 8) / (linkBitsPerSecond * seconds),
    );
    return { shares, queueMs };
  }
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}
