import { describe, expect, it } from 'vitest';
import { EgressPort } from '../../src/simulator/egress-port.js';
import type { Packet } from '../../src/simulator/packet.js';
import { TcpReceiver } from '../../src/simulator/tcp-receiver.js';
import {
  defaultTcpOptions,
  type TcpApplication,
  type TcpOptions,
  TcpSender,
} from '../../src/simulator/tcp-sender.js';
import { Wire } from '../../src/simulator/wire.js';
import { Bench } from './fixtures.js';

const linkBitsPerSecond = 50_000_000;
const oneWaySeconds = 0.02;

/** One connection over one 50 Mbit/s queue of 1000 packets and 40 ms round trip. */
class Dumbbell implements TcpApplication {
  readonly bench = new Bench();
  readonly sender: TcpSender;
  readonly receiver: TcpReceiver;
  readonly queue: EgressPort;
  readonly forward: Wire;
  leftBytes: number;
  failure = '';
  drainedAt = 0;
  receivedBytes = 0;
  acceptsConnections = true;
  /** drops a data packet when it says so */
  dropIf: (packet: Packet) => boolean = () => false;

  constructor(bytes: number, options: Partial<TcpOptions> = {}, bufferPackets = 1000) {
    const { bench } = this;
    const { events, pool } = bench;
    this.leftBytes = bytes;
    const toSink = { receive: (packet: Packet, now: number) => packet.flow.sink.arrive(packet, now) };
    this.forward = new Wire(events, oneWaySeconds, toSink, bench.lose);
    const backward = new Wire(events, oneWaySeconds, toSink, bench.lose);
    const spec = { queueId: 0, maxBitsPerSecond: undefined, limitPackets: bufferPackets, priority: 0 };
    this.queue = new EgressPort(events, this.forward, linkBitsPerSecond, [spec], bench.lose);
    const transmit = (packet: Packet, now: number): void => {
      if (this.dropIf(packet)) bench.lose(packet);
      else this.queue.send(packet, now);
    };
    this.sender = new TcpSender(events, pool, transmit, this, { ...defaultTcpOptions, ...options });
    this.receiver = new TcpReceiver(events, pool, (packet, now) => backward.send(packet, now), {
      accept: () => this.acceptsConnections,
      received: (total) => {
        this.receivedBytes = total;
      },
      aborted: () => {},
    });
    this.sender.dataFlow = { ...bench.flow(), sink: this.receiver };
    this.receiver.ackFlow = { ...bench.flow(), sink: this.sender };
    this.sender.connect(0);
  }

  take(maximumBytes: number): number {
    const n = Math.min(maximumBytes, this.leftBytes);
    this.leftBytes -= n;
    return n;
  }
  connected(): void {}
  drained(now: number): void {
    if (this.leftBytes === 0) this.drainedAt = now;
  }
  failed(reason: string): void {
    this.failure = reason;
  }
}

const share = (bytes: number, seconds: number): number => (bytes * 8) / (linkBitsPerSecond * seconds);

describe('TCP with CUBIC', () => {
  it('fills at least 90 % of a 50 Mbit/s link and leaves a standing queue', () => {
    const net = new Dumbbell(Infinity);
    net.bench.events.runUntil(10);
    const before = net.receivedBytes;
    let smallest = Infinity;
    for (let at = 10; at <= 40; at += 0.05) {
      net.bench.events.runUntil(at);
      smallest = Math.min(smallest, net.queue.backlogBytes());
    }
    expect(share(net.receivedBytes - before, 30)).toBeGreaterThan(0.9);
    // 40 ms of queue at the least, all the time: this is what a shared FIFO gives to everybody else.
    expect(smallest / (linkBitsPerSecond / 8)).toBeGreaterThan(0.04);
  });

  it('recovers from the losses of a full buffer without a time-out', () => {
    const net = new Dumbbell(Infinity, { hystart: false }, 300);
    net.bench.events.runUntil(30);
    const { sender, queue, receivedBytes } = net;
    expect(queue.queues[0]!.droppedPackets).toBeGreaterThan(0);
    expect(sender.lossEvents).toBeGreaterThan(1);
    expect(sender.timeouts).toBe(0);
    expect(share(receivedBytes, 30)).toBeGreaterThan(0.9);
    // Everything lost was sent again, and little else.
    expect(sender.retransmissions).toBeGreaterThanOrEqual(queue.queues[0]!.droppedPackets - 50);
    expect(sender.retransmissions).toBeLessThan(queue.queues[0]!.droppedPackets * 1.5 + 20);
  });

  it('delivers every byte exactly once through random loss, even of retransmissions', () => {
    const net = new Dumbbell(3_000_000);
    let state = 12345;
    net.dropIf = (packet) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return packet.kind === 'data' && state % 100 < 3;
    };
    net.bench.events.runUntil(60);
    expect(net.bench.lost).toBeGreaterThan(20);
    expect(net.receivedBytes).toBe(3_000_000);
    expect(net.drainedAt).toBeGreaterThan(0);
    expect(net.bench.pool.outstanding).toBe(0);
  });

  it('survives an outage by its retransmission timer', () => {
    const net = new Dumbbell(Infinity);
    net.bench.events.runUntil(3);
    net.forward.up = false;
    net.bench.events.runUntil(6);
    const stalled = net.receivedBytes;
    net.forward.up = true;
    net.bench.events.runUntil(16);
    expect(net.sender.timeouts).toBeGreaterThan(0);
    expect(share(net.receivedBytes - stalled, 10)).toBeGreaterThan(0.6);
    expect(net.failure).toBe('');
  });

  it('cuts the window by 0.7 for a loss', () => {
    const net = new Dumbbell(Infinity);
    net.bench.events.runUntil(2);
    const before = net.sender.congestion.windowSegments;
    let dropped = false;
    net.dropIf = (packet) => {
      if (dropped || packet.kind !== 'data') return false;
      dropped = true;
      return true;
    };
    net.bench.events.runUntil(2.4);
    expect(net.sender.lossEvents).toBe(1);
    expect(net.sender.congestion.slowStartThreshold / before).toBeGreaterThan(0.68);
    expect(net.sender.congestion.slowStartThreshold / before).toBeLessThan(0.8);
  });

  it('stays within the window of its receiver', () => {
    const net = new Dumbbell(Infinity, { receiveWindowBytes: 100_000 });
    net.bench.events.runUntil(10);
    // A window of 100 kB each 40 ms is 20 Mbit/s.
    expect(share(net.receivedBytes, 10)).toBeGreaterThan(0.35);
    expect(share(net.receivedBytes, 10)).toBeLessThan(0.41);
  });

  it('says so when nobody listens, and when nobody answers', () => {
    const refused = new Dumbbell(1000);
    refused.acceptsConnections = false;
    refused.bench.events.runUntil(1);
    expect(refused.failure).toBe('connection refused');
    const silent = new Dumbbell(1000, { connectTimeoutSeconds: 5 });
    silent.forward.up = false;
    silent.bench.events.runUntil(20);
    expect(silent.failure).toContain('no answer');
  });
});
