import { describe, expect, it } from 'vitest';
import { runBaseline } from '../../src/simulator/baseline.js';
import { CodelQueue, defaultCodel } from '../../src/simulator/codel.js';
import { EgressPort } from '../../src/simulator/egress-port.js';
import type { QueueOptions } from '../../src/simulator/link-queues.js';
import type { Flow, Packet } from '../../src/simulator/packet.js';
import type { DisciplineName } from '../../src/simulator/queue-discipline.js';
import { Wire } from '../../src/simulator/wire.js';
import { Bench, twoDc } from './fixtures.js';

const rate = 10_000_000;
const frame = 1250;
/** one frame takes 1 ms */
const frameSeconds = (frame * 8) / rate;

class OnePort {
  readonly bench = new Bench();
  readonly port: EgressPort;
  /** of each packet, by flow: seconds in the port */
  readonly delays = new Map<Flow, number[]>();
  private sentAt: number[] = [];

  constructor(discipline: DisciplineName, limitPackets = 1000) {
    const { events, lose } = this.bench;
    const sink = {
      receive: (packet: Packet, now: number) => {
        const list = this.delays.get(packet.flow) ?? [];
        list.push(now - this.sentAt[packet.sequence]!);
        this.delays.set(packet.flow, list);
        this.bench.pool.release(packet);
      },
    };
    const spec = { queueId: 0, maxBitsPerSecond: undefined, limitPackets, priority: 0, discipline };
    this.port = new EgressPort(events, new Wire(events, 0, sink, lose), rate, [spec], lose);
  }

  /** `flow` sends a frame each `gap` seconds from `from` to `to`. */
  stream(flow: Flow, gap: number, from: number, to: number, bytes = frame): void {
    for (let i = 0; from + i * gap < to; i++)
      this.bench.events.call(from + i * gap, (now) => {
        this.port.send(this.bench.packet(flow, bytes, this.sentAt.length), now);
        this.sentAt.push(now);
      });
  }
}
const worst = (values: readonly number[] | undefined): number => Math.max(...values!);

describe('fq-codel', () => {
  const sparseBesideBulk = (discipline: DisciplineName): number => {
    const net = new OnePort(discipline);
    const bulk = net.bench.flow();
    const sparse = net.bench.flow();
    net.stream(bulk, frameSeconds / 1.5, 0, 2);
    net.stream(sparse, 0.02, 0.5, 2, 200);
    net.bench.events.runUntil(5);
    return worst(net.delays.get(sparse));
  };

  it('lets a sparse flow wait for one frame of a bulk flow, where a FIFO has it wait for all', () => {
    expect(sparseBesideBulk('fq-codel')).toBeLessThan(1.3 * frameSeconds);
    expect(sparseBesideBulk('fifo')).toBeGreaterThan(0.2);
  });

  it('shares by bytes among flows that are always there, whatever the size of their packets', () => {
    const net = new OnePort('fq-codel');
    const large = net.bench.flow();
    const small = net.bench.flow();
    net.stream(large, frameSeconds, 0, 3);
    net.stream(small, frameSeconds / 5, 0, 3, 250);
    net.bench.events.runUntil(3);
    const bytes = [(net.delays.get(large)?.length ?? 0) * frame, (net.delays.get(small)?.length ?? 0) * 250];
    expect(bytes[0]! / bytes[1]!).toBeGreaterThan(0.95);
    expect(bytes[0]! / bytes[1]!).toBeLessThan(1.05);
    expect(((bytes[0]! + bytes[1]!) * 8) / (rate * 3)).toBeGreaterThan(0.98);
  });

  it('takes the loss from the longest queue when all is full', () => {
    const net = new OnePort('fq-codel', 50);
    const bulk = net.bench.flow();
    const modest = net.bench.flow();
    net.stream(bulk, frameSeconds / 20, 0, 0.09);
    net.stream(modest, 4 * frameSeconds, 0, 0.09);
    net.bench.events.runUntil(1);
    expect(net.delays.get(modest)).toHaveLength(23);
    expect(net.port.queues[0]!.droppedPackets).toBeGreaterThan(1000);
  });

  it('gives a flow that empties its queue again and again no more than its share', () => {
    const net = new OnePort('fq-codel');
    const teaser = net.bench.flow();
    for (let i = 0; i < 3; i++) net.stream(net.bench.flow(), frameSeconds / 2, 0, 3);
    // 45 % of the line, always new: each frame comes when the last has gone
    net.stream(teaser, 2.2 * frameSeconds, 0.5, 3);
    net.bench.events.runUntil(3);
    expect((net.delays.get(teaser)!.length * frameSeconds) / 2.5).toBeLessThan(0.27);
    expect((net.delays.get(teaser)!.length * frameSeconds) / 2.5).toBeGreaterThan(0.23);
  });
});

describe('CoDel (RFC 8289)', () => {
  /** Feeds one queue with `arrivals` frames and serves one in each frame time. */
  function serve(load: (at: number) => number, seconds: number) {
    const bench = new Bench();
    const flow = bench.flow();
    const drops: number[] = [];
    let now = 0;
    const queue = new CodelQueue(defaultCodel, (packet) => {
      drops.push(now);
      bench.pool.release(packet);
    });
    let credit = 0;
    let longest = 0;
    for (; now < seconds; now += frameSeconds) {
      for (credit += load(now); credit >= 1; credit--) queue.push(bench.packet(flow, frame), now);
      longest = Math.max(longest, queue.length);
      const packet = queue.shift(now);
      if (packet !== undefined) bench.pool.release(packet);
    }
    return { drops, longest };
  }

  it('leaves a burst alone that is gone within its interval', () => {
    const { drops, longest } = serve((at) => (at === 0 ? 90 : 0.1), 1);
    expect(longest).toBe(90);
    expect(drops).toEqual([]);
  });

  it('begins to drop 100 ms after the delay passed 5 ms, and then faster with the square root', () => {
    // 11 frames a 10 served: the queue grows by one each 10 ms
    const { drops } = serve(() => 1.1, 0.6);
    expect(drops[0]).toBeGreaterThan(0.15);
    expect(drops[0]).toBeLessThan(0.17);
    const gaps = drops.slice(1).map((at, i) => at - drops[i]!);
    for (let n = 1; n <= 4; n++) expect(gaps[n - 1]).toBeCloseTo(0.1 / Math.sqrt(n), 2);
  });

  it('stops when a packet was in time', () => {
    const { drops } = serve((at) => (at < 0.5 ? 1.1 : 0.5), 2);
    expect(drops.length).toBeGreaterThan(3);
    expect(drops.at(-1)).toBeLessThan(0.6);
  });
});

describe('the disciplines on the WAN port of two-dc, with a migration that only CUBIC controls', () => {
  const run = (options: QueueOptions) => {
    const result = runBaseline({
      topology: twoDc(),
      seed: 3,
      case: 'uncontrolled',
      memoryBytes: 20e6,
      durationSeconds: 60,
      simulation: options,
      deployment: options.deployment,
    });
    expect(result.migration?.completed).toBe(true);
    return {
      video: result.streams.find((s) => s.name === 'video')!,
      seconds: result.migration!.durationSeconds,
    };
  };

  // A frame of 110 kB is no sparse flow: fair queueing sends it at a third or half of the line, not at all of it.
  it('fq-codel halves the delay that the FIFO adds to the video', () => {
    const fifo = run({ deployment: 'shared' });
    const fair = run({ deployment: 'shared', discipline: 'fq-codel' });
    expect(fifo.video.p99Ms).toBeGreaterThan(90);
    expect(fair.video.p99Ms).toBeLessThan(75);
    expect(fair.video.p50Ms).toBeLessThan(fifo.video.p50Ms! - 30);
    expect(fair.seconds / fifo.seconds).toBeLessThan(1.25);
  });

  it('cake-like makes the queue of an opaque bottleneck ours; fq-codel alone cannot', () => {
    const none = run({ deployment: 'opaque', discipline: 'fq-codel' });
    expect(none.video.p99Ms).toBeGreaterThan(90);
    const cake = run({ deployment: 'opaque', discipline: 'cake-like' });
    expect(cake.video.p99Ms).toBeLessThan(75);
    const tooFast = run({
      deployment: 'opaque',
      discipline: 'cake-like',
      shaperBitsPerSecond: 60_000_000,
    });
    expect(tooFast.video.p99Ms).toBeGreaterThan(90);
  });
});
