import { describe, expect, it } from 'vitest';
import { type OpaqueOptions, type OpaqueResult, runOpaqueLoop } from './opaque-loop.js';

const run = (more: Partial<OpaqueOptions> = {}, seed = 2): OpaqueResult =>
  runOpaqueLoop({
    channel: {},
    config: {},
    migrationBytes: 60e6,
    migrationStart: 5,
    limit: 60,
    ...more,
    carrier: { seed, ...more.carrier },
  });
const addedMs = (r: OpaqueResult): number => 1000 * (r.videoP99 - r.aloneP99);
/** error of the queue estimate, ms, sorted */
const errors = (r: OpaqueResult, from = 5): number[] =>
  r.trace
    .filter((t) => t.at > from)
    .map((t) => 1000 * (t.estimate.backlogBytes / 6.25e6 - t.queueDelay))
    .sort((a, b) => a - b);
const at = (sorted: readonly number[], q: number): number => sorted[Math.floor(q * sorted.length)]!;
const capacityAt = (r: OpaqueResult, time: number): number =>
  r.trace.find((t) => t.at >= time)!.estimate.capacityBytesPerSecond * 8e-6;

describe('an opaque path, capacity and base delay unknown', () => {
  it.each([1, 2, 3, 4])('leaves the video its delay and takes what is left: load %i', (seed) => {
    const r = run({}, seed);
    expect(r.finished).toBe(true);
    expect(addedMs(r)).toBeLessThan(10);
    expect(r.migrationSeconds / r.boundSeconds).toBeLessThan(1.1);
    expect(r.certificate!.violations).toBe(0);
    expect(r.trace.at(-1)!.estimate.baseDelaySeconds).toBeCloseTo(0.0205, 3);
    expect(Math.abs(at(errors(r), 0.5))).toBeLessThan(2);
    expect(at(errors(r), 0.05)).toBeGreaterThan(-8);
  });

  it('lives with far readings that are late, jittered or missing', () => {
    const r = run({ channel: { jitterSeconds: 0.005, lossShare: 0.1, stallShare: 0.01 } });
    expect(r.finished).toBe(true);
    expect(addedMs(r)).toBeLessThan(12);
    expect(r.certificate!.violations).toBe(0);
  });

  it('does not care what the far clock says: 20 ms of skew that wanders', () => {
    const r = run({ channel: { skewSeconds: 0.02, skewPeriodSeconds: 300 } });
    expect(r.finished).toBe(true);
    expect(addedMs(r)).toBeLessThan(7);
    expect(at(errors(r), 0.05)).toBeGreaterThan(-8);
  });

  it('follows half and double the capacity, told nothing, within two seconds', () => {
    const load = { load: false, constantBytesPerSecond: 1_250_000 };
    const r = run({
      carrier: load,
      migrationBytes: 120e6,
      events: [
        {
          at: 12,
          act: (c) => {
            c.capacity /= 2;
          },
        },
        {
          at: 20,
          act: (c) => {
            c.capacity *= 2;
          },
        },
      ],
    });
    expect(capacityAt(r, 11.9)).toBeGreaterThan(46);
    // within a tenth
    expect(capacityAt(r, 14)).toBeGreaterThan(22.5);
    expect(capacityAt(r, 14)).toBeLessThan(27.5);
    expect(capacityAt(r, 22)).toBeGreaterThan(45);
    expect(capacityAt(r, 22)).toBeLessThan(55);
    const drained = r.trace
      .filter((t) => t.at > 14 && t.at < 20)
      .map((t) => t.queueDelay)
      .sort((a, b) => a - b);
    expect(at(drained, 0.95)).toBeLessThan(0.02);
  });

  it('takes a reroute for a reroute and not for a queue', () => {
    const r = run({
      migrationBytes: 90e6,
      events: [
        {
          at: 12,
          act: (c) => {
            c.baseDelay += 0.015;
          },
        },
      ],
    });
    expect(r.finished).toBe(true);
    expect(r.trace.at(-1)!.estimate.baseDelaySeconds).toBeCloseTo(0.0355, 3);
    expect(r.migrationSeconds / r.boundSeconds).toBeLessThan(1.5);
    expect(addedMs(r)).toBeLessThan(10);
  });

  it('does not drift where the path is never idle', () => {
    const load = { load: false, constantBytesPerSecond: 2_500_000 };
    const r = run({ carrier: load, migrationBytes: 240e6, limit: 90 });
    const late = r.trace
      .filter((t) => t.at > 40)
      .map((t) => 1000 * t.queueDelay)
      .sort((a, b) => a - b);
    expect(late.length).toBeGreaterThan(1000);
    expect(at(late, 0.5)).toBeLessThan(8);
    expect(r.trace.at(-1)!.estimate.baseDelaySeconds).toBeCloseTo(0.0205, 3);
  });

  it('makes room for hidden traffic of others', () => {
    const r = run({ carrier: { hiddenBytesPerSecond: 800_000 } }, 5);
    expect(r.finished).toBe(true);
    // A step of 12.8 Mbit/s on a path at .98 needs (dx - (1 - rho) c) tau at least: 24 ms with 0.1 s of loop.
    const settled = r.trace
      .filter((t) => t.at > 8)
      .map((t) => 1000 * t.queueDelay)
      .sort((a, b) => a - b);
    expect(at(settled, 0.5)).toBeLessThan(10);
    expect(at(settled, 0.9)).toBeLessThan(45);
  });

  // 6000 packets/s of 500 bytes: a tag of 4 bytes is a drift of 192 kbit/s, 3.8 ms of phantom queue a second
  it.each([
    ['stripped from', 4],
    ['added to', -4],
    ['stripped from, a tunnel,', 50],
  ])('sees its queue although a header is %s each packet on the way: %i bytes', (_, tagBytes) => {
    const carrier = { load: false, constantBytesPerSecond: 3_000_000, constantPacketBytes: 500, tagBytes };
    const r = run({ carrier, migrationBytes: 150e6 });
    expect(r.finished).toBe(true);
    expect(r.migrationSeconds / r.boundSeconds).toBeLessThan(1.12);
    expect(r.certificate!.violations).toBe(0);
    const last = r.trace.at(-1)!.estimate;
    expect(last.packetOverheadBytes).toBeCloseTo(-tagBytes, 0);
    expect(last.packetOverheadUncertaintyBytes).toBeLessThan(0.5);
    expect(Math.abs(at(errors(r, 15), 0.05))).toBeLessThan(5);
    expect(Math.abs(at(errors(r, 15), 0.95))).toBeLessThan(2);
    const queue = r.trace.filter((t) => t.at > 15).map((t) => 1000 * t.queueDelay);
    expect(
      at(
        queue.sort((a, b) => a - b),
        0.95,
      ),
    ).toBeLessThan(12);
  });

  it.each([4, -4])('would not, without counters of packets: %i bytes', (tagBytes) => {
    const carrier = { load: false, constantBytesPerSecond: 3_000_000, constantPacketBytes: 500, tagBytes };
    const r = run({ carrier, migrationBytes: 150e6, packetsCounted: false });
    expect(r.trace.at(-1)!.estimate.packetOverheadUncertaintyBytes).toBe(Number.POSITIVE_INFINITY);
    const wrong = Math.abs(at(errors(r, 15), 0.5));
    expect(wrong).toBeGreaterThan(4);
  });

  it('tells how long packets wait behind hidden traffic, where backlog over capacity does not', () => {
    // on for a second or more at 24 of the 50 Mbit/s: half of what waits is not ours, and what comes out is quiet beside a full path
    const r = run({ carrier: { hiddenBytesPerSecond: 1_500_000 } }, 5);
    // one control channel, a base delay and a slot ago
    const standing = r.trace.flatMap(({ at: time, estimate }, i) => {
      const truth = r.trace[i - 3]?.queueDelay ?? 0;
      return time > 8 && truth > 0.03 ? [{ estimate, truth }] : [];
    });
    expect(standing.length).toBeGreaterThan(200);
    const medianErrorMs = (value: (e: (typeof standing)[number]['estimate']) => number): number => {
      const all = standing.map(({ estimate, truth }) => 1000 * Math.abs(value(estimate) - truth));
      return at(
        all.sort((a, b) => a - b),
        0.5,
      );
    };
    expect(medianErrorMs((e) => e.queueDelaySeconds)).toBeLessThan(9);
    expect(medianErrorMs((e) => e.backlogBytes / e.capacityBytesPerSecond)).toBeGreaterThan(15);
  });

  it('would be blind with the sign of the base delay turned', () => {
    const r = run({ channel: { delaySeconds: 0.02 }, config: { gain: 0.4 }, limit: 30, probeSign: -1 });
    expect(Math.abs(at(errors(r), 0.5)) > 2 || at(errors(r), 0.95) > 12 || addedMs(r) > 12).toBe(true);
  });
});
