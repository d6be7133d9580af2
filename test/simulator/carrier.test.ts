import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Carrier } from '../../src/simulator/carrier.js';
import type { Packet } from '../../src/simulator/packet.js';
import { Wire } from '../../src/simulator/wire.js';
import { Bench, scale } from './fixtures.js';

const rate = 50_000_000;
const frame = 1514;
const service = (frame * 8) / rate;

class CarrierOfOneLink extends Carrier {
  readonly #entrance;
  constructor(bench: Bench, bufferPackets: number, delaySeconds: number) {
    super(bench.events, bench.lose, { capacityBitsPerSecond: rate, bufferPackets });
    this.#entrance = this.entrance(new Wire(bench.events, delaySeconds, bench.sink, bench.lose));
  }
  receive(packet: Packet, nowSeconds: number): void {
    this.#entrance.receive(packet, nowSeconds);
  }
}
const carrierOn = (bench: Bench, bufferPackets = 1000, delaySeconds = 0.02) =>
  new CarrierOfOneLink(bench, bufferPackets, delaySeconds);
const burst = (bench: Bench, carrier: CarrierOfOneLink, packets: number): void => {
  const flow = bench.flow();
  for (let i = 0; i < packets; i++) carrier.receive(bench.packet(flow, frame, i), bench.events.now);
};
const times = (bench: Bench): number[] => bench.arrivals.map((a) => a.atSeconds);

describe('the carrier', () => {
  it('lets each packet depart 8 n / rate after the one before, and delays it', () => {
    const bench = new Bench();
    burst(bench, carrierOn(bench), 10);
    bench.events.runUntil(1);
    expect(bench.arrivals.map((a) => a.sequence)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    times(bench).forEach((at, i) => {
      expect(at).toBeCloseTo((i + 1) * service + 0.02, 12);
    });
  });

  it('holds `limit` packets, the one in service included, and drops the others', () => {
    const bench = new Bench();
    const carrier = carrierOn(bench, 20);
    burst(bench, carrier, 30);
    expect(carrier.backlogBytes).toBe(20 * frame);
    bench.events.runUntil(1);
    expect(bench.lost).toBe(10);
    expect(carrier.statistics()).toMatchObject({
      arrivedPackets: 30,
      forwardedPackets: 20,
      droppedPackets: 10,
      droppedBytes: 10 * frame,
      backlogBytes: 0,
    });
  });

  it('takes a new rate with the next packet, and a new delay and limit at once', () => {
    const bench = new Bench();
    const carrier = carrierOn(bench);
    burst(bench, carrier, 4);
    bench.events.runUntil(0.5 * service);
    carrier.setRate(rate / 2);
    bench.events.runUntil(2 * service);
    carrier.setDelay(50);
    carrier.setLimit(2);
    burst(bench, carrier, 1);
    bench.events.runUntil(1);
    expect(bench.lost).toBe(1);
    const wanted = [service + 0.02, 3 * service + 0.05, 5 * service + 0.05, 7 * service + 0.05];
    times(bench).forEach((at, i) => {
      expect(at).toBeCloseTo(wanted[i]!, 12);
    });
  });

  it('keeps the order when the delay becomes shorter', () => {
    const bench = new Bench();
    const carrier = carrierOn(bench);
    burst(bench, carrier, 3);
    bench.events.runUntil(2.5 * service);
    carrier.setDelay(0);
    bench.events.runUntil(1);
    expect(bench.arrivals.map((a) => a.sequence)).toEqual([0, 1, 2]);
    expect(times(bench)[2]).toBe(times(bench)[1]);
  });

  it('polices: loss without delay, at the rate and with the burst', () => {
    const bench = new Bench();
    const carrier = carrierOn(bench);
    carrier.police(10_000_000, 10 * frame);
    const flow = bench.flow();
    // 20 Mbit/s for 2 s against 10 Mbit/s
    const spacing = (frame * 8) / 20_000_000;
    const sent = Math.round(2 / spacing);
    for (let i = 0; i < sent; i++)
      bench.events.call(i * spacing, (now) => carrier.receive(bench.packet(flow, frame, i), now));
    bench.events.runUntil(3);
    const { policedPackets, droppedPackets, forwardedPackets } = carrier.statistics();
    expect(forwardedPackets).toBeGreaterThanOrEqual(sent / 2 + 9);
    expect(forwardedPackets).toBeLessThanOrEqual(sent / 2 + 11);
    expect(policedPackets).toBe(sent - forwardedPackets);
    expect(droppedPackets).toBe(0);
    const delays = bench.arrivals.map((a) => a.atSeconds - a.sequence * spacing);
    expect(Math.max(...delays)).toBeCloseTo(service + 0.02, 9);
    carrier.police(1000, 10 * frame + 1);
    burst(bench, carrier, 12);
    expect(carrier.statistics().policedPackets).toBe(policedPackets + 2);
    carrier.police(null);
    burst(bench, carrier, 100);
    expect(carrier.statistics().policedPackets).toBe(policedPackets + 2);
  });

  it('gives hidden traffic its place in the queue and nobody its packets', () => {
    const bench = new Bench();
    const carrier = carrierOn(bench);
    carrier.hidden(30_000_000);
    const flow = bench.flow();
    // ours at 40 Mbit/s: together 70 into 50
    const spacing = (frame * 8) / 40_000_000;
    for (let i = 0; i * spacing < 0.2; i++)
      bench.events.call(i * spacing, (now) => carrier.receive(bench.packet(flow, frame, i), now));
    bench.events.runUntil(0.2);
    const { backlogBytes, hiddenBacklogPackets, hiddenArrivedPackets } = carrier.statistics();
    expect(backlogBytes).toBeGreaterThan((20e6 * 0.2) / 8 - 3 * frame);
    expect(backlogBytes).toBeLessThan((20e6 * 0.2) / 8 + 3 * frame);
    expect((hiddenBacklogPackets * frame) / backlogBytes).toBeCloseTo(3 / 7, 1);
    expect(hiddenArrivedPackets).toBe(Math.floor((30e6 * 0.2) / 8 / frame));
    carrier.hidden(0);
    bench.events.runUntil(1);
    const after = carrier.statistics();
    expect(after.hiddenArrivedPackets).toBe(hiddenArrivedPackets);
    expect(after.hiddenForwardedPackets).toBe(hiddenArrivedPackets);
    expect(bench.arrivals).toHaveLength(after.arrivedPackets);
    expect(bench.pool.outstanding).toBe(0);
  });

  it('lets hidden traffic come and go as its seed says', () => {
    const loadOf = (seed: number): number[] => {
      const bench = new Bench();
      const carrier = carrierOn(bench);
      carrier.hidden(20_000_000, { onSeconds: 0.5, offSeconds: 0.5, seed });
      return Array.from({ length: 400 }, (_, i) => {
        const before = carrier.statistics().hiddenArrivedPackets;
        bench.events.runUntil((i + 1) / 10);
        return ((carrier.statistics().hiddenArrivedPackets - before) * frame * 8) / 0.1;
      });
    };
    const load = loadOf(3);
    expect(loadOf(3)).toEqual(load);
    expect(loadOf(4)).not.toEqual(load);
    const mean = load.reduce((a, b) => a + b, 0) / load.length;
    expect(mean).toBeGreaterThan(7e6);
    expect(mean).toBeLessThan(13e6);
    expect(load.filter((l) => l === 0).length).toBeGreaterThan(80);
    expect(load.filter((l) => Math.abs(l - 20e6) < 0.2e6).length).toBeGreaterThan(80);
  });

  it('conserves packets and bytes through every change', () => {
    const step = fc.record({
      gapMs: fc.integer({ min: 0, max: 4 }),
      packets: fc.integer({ min: 0, max: 30 }),
      rate: fc.integer({ min: 1_000_000, max: 100_000_000 }),
      hidden: fc.constantFrom(0, 5_000_000, 40_000_000),
      limit: fc.integer({ min: 1, max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const bench = new Bench();
        const carrier = carrierOn(bench, 20, 0.005);
        for (const s of steps) {
          bench.events.runUntil(bench.events.now + s.gapMs / 1000);
          carrier.setRate(s.rate);
          carrier.setLimit(s.limit);
          carrier.hidden(s.hidden);
          burst(bench, carrier, s.packets);
          const c = carrier.statistics();
          const own = c.backlogPackets - c.hiddenBacklogPackets;
          expect(c.arrivedPackets).toBe(c.forwardedPackets + c.droppedPackets + own);
          expect(c.backlogBytes).toBe(c.backlogPackets * frame);
          expect(c.hiddenArrivedPackets).toBe(
            c.hiddenForwardedPackets + c.hiddenDroppedPackets + c.hiddenBacklogPackets,
          );
        }
        carrier.hidden(0);
        bench.events.runUntil(bench.events.now + 10);
        expect(carrier.backlogBytes).toBe(0);
        expect(bench.pool.outstanding).toBe(0);
      }),
      { numRuns: 60 * scale },
    );
  });

  it.each([
    ['rate', (c: Carrier) => c.setRate(0)],
    ['delay', (c: Carrier) => c.setDelay(-1)],
    ['limit', (c: Carrier) => c.setLimit(0)],
    ['policer', (c: Carrier) => c.police(1e6, 0)],
    ['hidden rate', (c: Carrier) => c.hidden(-1)],
    ['hidden pattern', (c: Carrier) => c.hidden(1e6, { onSeconds: 0, offSeconds: 1, seed: 1 })],
  ])('refuses an impossible %s', (_, set) => {
    expect(() => set(carrierOn(new Bench()))).toThrow(RangeError);
  });
});
