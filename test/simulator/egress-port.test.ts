import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EgressPort, type QueueSpec } from '../../src/simulator/egress-port.js';
import { Wire } from '../../src/simulator/wire.js';
import { Bench, scale } from './fixtures.js';

const queue = (queueId: number, maxBitsPerSecond?: number, limitPackets = 1000, priority = 0): QueueSpec => ({
  queueId,
  maxBitsPerSecond,
  limitPackets,
  priority,
});

function portOn(bench: Bench, rate: number, queues: QueueSpec[], delaySeconds = 0): EgressPort {
  const wire = new Wire(bench.events, delaySeconds, bench.sink, bench.lose);
  return new EgressPort(bench.events, wire, rate, queues, bench.lose);
}

describe('egress port', () => {
  it('takes exactly 8 n / rate seconds for n bytes, and the propagation delay on top', () => {
    const bench = new Bench();
    const port = portOn(bench, 50_000_000, [queue(0)], 0.02);
    const flow = bench.flow();
    for (let i = 0; i < 10; i++) port.send(bench.packet(flow, 1514, i), 0);
    bench.events.runUntil(1);
    const oneFrame = (1514 * 8) / 50_000_000;
    bench.arrivals.forEach((arrival, i) => {
      expect(arrival.sequence).toBe(i);
      expect(arrival.atSeconds).toBeCloseTo((i + 1) * oneFrame + 0.02, 12);
    });
    expect(bench.arrivals).toHaveLength(10);
  });

  it('serves at another rate from the next packet on', () => {
    const bench = new Bench();
    const port = portOn(bench, 10_000_000, [queue(0)]);
    const flow = bench.flow();
    for (let i = 0; i < 3; i++) port.send(bench.packet(flow, 1250, i), 0);
    bench.events.runUntil(0.0005);
    port.setRate(5_000_000);
    bench.events.runUntil(1);
    bench.arrivals.forEach((arrival, i) => {
      expect(arrival.atSeconds).toBeCloseTo([0.001, 0.003, 0.005][i]!, 12);
    });
    expect(() => port.setRate(0)).toThrow(RangeError);
    const wire = new Wire(bench.events, 0, bench.sink, bench.lose);
    expect(() => new EgressPort(bench.events, wire, undefined, [], bench.lose).setRate(1)).toThrow('no rate');
  });

  it('conserves packets and bytes: arrivals = departures + drops + backlog, in every queue at every step', () => {
    const step = fc.record({
      gapMs: fc.integer({ min: 0, max: 4 }),
      packets: fc.integer({ min: 0, max: 12 }),
      frameBytes: fc.integer({ min: 64, max: 1514 }),
      dscp: fc.constantFrom(0, 34, 10),
      stream: fc.integer({ min: 0, max: 3 }),
      newRate: fc.option(fc.integer({ min: 200_000, max: 30_000_000 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.constantFrom('fifo', 'fq-codel'),
        (steps, discipline) => {
          const bench = new Bench();
          const queues = [queue(0, undefined, 20), queue(1, 5_000_000, 15), queue(2, 1_000_000, 10)].map(
            (spec): QueueSpec => ({ ...spec, discipline }),
          );
          const port = portOn(bench, 20_000_000, queues);
          port.classify(34, 1);
          port.classify(10, 2);
          const flows = [bench.flow(), bench.flow(), bench.flow(), bench.flow()];
          let now = 0;
          let sent = 0;
          for (const { gapMs, packets, frameBytes, dscp, newRate, stream } of steps) {
            now += gapMs / 1000;
            bench.events.runUntil(now);
            if (newRate !== undefined) port.setMaxRate(1, newRate, now);
            for (let i = 0; i < packets; i++)
              port.send(bench.packet(flows[stream]!, frameBytes, sent++, dscp), now);
            for (const q of port.queues) {
              expect(q.arrivedPackets).toBe(q.txPackets + q.droppedPackets + q.backlogPackets);
              expect(q.arrivedBytes).toBe(q.txBytes + q.droppedBytes + q.backlogBytes);
              expect(q.waiting.length).toBeLessThanOrEqual(q.limitPackets);
            }
            expect(bench.pool.outstanding).toBe(port.queues.reduce((sum, q) => sum + q.backlogPackets, 0));
          }
          bench.events.runUntil(now + 60);
          expect(port.backlogBytes()).toBe(0);
          expect(bench.arrivals.length + bench.lost).toBe(sent);
          expect(port.txPackets).toBe(bench.arrivals.length);
          expect(bench.pool.outstanding).toBe(0);
        },
      ),
      { numRuns: 60 * scale },
    );
  });

  it('never sends faster than the port, however the classes are set', () => {
    const bench = new Bench();
    const port = portOn(bench, 10_000_000, [queue(0), queue(1, 8_000_000), queue(2, 8_000_000)]);
    port.classify(34, 1);
    port.classify(10, 2);
    const flow = bench.flow();
    for (let i = 0; i < 300; i++)
      for (const dscp of [0, 34, 10]) port.send(bench.packet(flow, 1000, i, dscp), 0);
    bench.events.runUntil(0.5);
    expect(port.txBytes * 8).toBeLessThanOrEqual(10_000_000 * 0.5);
    expect(port.txBytes * 8).toBeGreaterThan(10_000_000 * 0.499);
  });

  it('holds a class to its rate and lets the others have the rest', () => {
    const bench = new Bench();
    const port = portOn(bench, 1_000_000_000, [queue(0), queue(1, 6_000_000)]);
    port.classify(34, 1);
    const flow = bench.flow();
    for (let i = 0; i < 900; i++) port.send(bench.packet(flow, 1000, i, 34), 0);
    for (let i = 0; i < 500; i++) port.send(bench.packet(flow, 1000, i), 0);
    bench.events.runUntil(0.006);
    expect(port.queues[0]!.txPackets).toBe(500);
    bench.events.runUntil(1);
    expect(port.queues[1]!.txPackets).toBeGreaterThanOrEqual(750);
    expect(port.queues[1]!.txPackets).toBeLessThanOrEqual(751);
  });

  it('changes a rate at once and keeps the credit that was earned', () => {
    const bench = new Bench();
    const port = portOn(bench, 1_000_000_000, [queue(0), queue(1, 1_000_000)]);
    port.classify(34, 1);
    const flow = bench.flow();
    for (let i = 0; i < 3; i++) port.send(bench.packet(flow, 1250, i, 34), 0);
    // One frame is 10 ms at 1 Mbit/s; after 5 ms half of the second frame is earned, the rest takes 0.5 ms at 10.
    bench.events.runUntil(0.005);
    port.setMaxRate(1, 10_000_000, 0.005);
    bench.events.runUntil(0.1);
    const wireTime = (1250 * 8) / 1_000_000_000;
    expect(bench.arrivals.map((a) => a.atSeconds)).toEqual([
      expect.closeTo(wireTime, 9),
      expect.closeTo(0.0055 + wireTime, 9),
      expect.closeTo(0.0065 + wireTime, 9),
    ]);
  });

  it('serves the lower priority number first', () => {
    const bench = new Bench();
    const port = portOn(bench, 1_000_000, [queue(0, undefined, 1000, 1), queue(1, undefined, 1000, 0)]);
    port.classify(46, 1);
    const flow = bench.flow();
    for (let i = 0; i < 3; i++) port.send(bench.packet(flow, 500, i), 0);
    for (let i = 10; i < 13; i++) port.send(bench.packet(flow, 500, i, 46), 0);
    bench.events.runUntil(1);
    expect(bench.arrivals.map((a) => a.sequence)).toEqual([0, 10, 11, 12, 1, 2]);
  });

  it('says what is wrong with its arguments', () => {
    const bench = new Bench();
    const port = portOn(bench, 1_000_000, [queue(0)]);
    expect(() => port.setMaxRate(3, 1000, 0)).toThrow('no queue 3');
    expect(() => port.setMaxRate(0, 0, 0)).toThrow('positive');
    expect(() => port.classify(1, 9)).toThrow('no queue 9');
    expect(() => portOn(bench, 0, [])).toThrow('more than 0');
  });
});
