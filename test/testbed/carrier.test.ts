import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestbedCarrierStatistics } from '../../src/testbed/carrier.js';
import { HiddenPhases, percentile } from '../../src/traffic/index.js';
import { requireOrSkip } from '../support/require.js';
import { CarrierRig, sleep } from './carrier-rig.js';

const frame = 1514;
const rate = 50e6;
const delayMs = 20;
const limit = 1000;
const paced = (bitsPerSecond: number, seconds: number): number[] =>
  Array.from(
    { length: Math.floor((bitsPerSecond * seconds) / (8 * frame)) },
    (_, i) => (i * 8 * frame) / bitsPerSecond,
  );
const burst = (packets: number): number[] => new Array(packets).fill(0);

/** What happened between two readings. */
const between = (before: TestbedCarrierStatistics, after: TestbedCarrierStatistics) =>
  Object.fromEntries(
    Object.entries(after).map(([key, value]) => [key, value - before[key as keyof TestbedCarrierStatistics]]),
  ) as unknown as TestbedCarrierStatistics;

describe.skipIf(!requireOrSkip('ovs', 'gcc'))('a carrier in the testbed', () => {
  const rig = new CarrierRig();
  const { carrier } = rig;
  let before: TestbedCarrierStatistics;
  beforeAll(() => rig.open(delayMs, rate, limit));
  afterAll(() => rig.close());
  beforeEach(async () => {
    await carrier.setRate(rate);
    await carrier.setDelay(delayMs);
    await carrier.setLimit(limit);
    await carrier.police(null);
    await carrier.hidden(0);
    before = await carrier.statistics();
  });
  const since = async () => between(before, await carrier.statistics());

  it('delays by its delay, both ways alike', async () => {
    const { delaysMs } = await rig.arrivals(await rig.send(paced(1e6, 2)).then(settle));
    const service = (8 * frame * 1000) / rate;
    const p50 = percentile(
      [...delaysMs].sort((a, b) => a - b),
      50,
    )!;
    expect(p50).toBeGreaterThanOrEqual(delayMs + service);
    expect(p50).toBeLessThan(delayMs + service + 1);
    expect((await rig.back.statistics()).arrivedPackets).toBe(0);
  });

  it('serves a backlog at its rate, and a changed rate from then on', async () => {
    const run = rig.send(burst(900));
    await sleep(150);
    const [first, , second] = [await carrier.statistics(), await sleep(80), await carrier.statistics()];
    expect(rateOf(first, second) / rate).toBeCloseTo(1, 2);
    await carrier.setRate(rate / 4);
    const [third, , fourth] = [await carrier.statistics(), await sleep(300), await carrier.statistics()];
    expect(third.backlogPackets).toBeGreaterThan(100);
    expect(rateOf(third, fourth) / (rate / 4)).toBeCloseTo(1, 2);
    // What the receiver saw: an arrival each service time
    const { receivedAtSeconds: at } = await rig.arrivals(await run.then(settle));
    expect(at).toHaveLength(900);
    const last = 100;
    const spacing = (at[899]! - at[899 - last]!) / last;
    expect(spacing / ((8 * frame) / (rate / 4))).toBeCloseTo(1, 1);
    expect((await since()).instrumentDroppedPackets).toBe(0);
  });

  it('holds its limit, drops the tail, and counts what is missing', async () => {
    // 12 ms a packet: the burst is in before the first has left
    await carrier.setRate(1e6);
    await carrier.setLimit(20);
    const sent = await rig.send(burst(100));
    const full = await carrier.statistics();
    expect(full.backlogPackets).toBeLessThanOrEqual(20);
    expect(full.backlogPackets).toBeGreaterThanOrEqual(18);
    await carrier.setRate(rate);
    const { sequences } = await rig.arrivals(await settle(sent));
    expect(sequences.length).toBeGreaterThanOrEqual(20);
    expect(sequences.length).toBeLessThanOrEqual(22);
    expect([...sequences.slice(0, 20)]).toEqual(Array.from({ length: 20 }, (_, i) => i));
    const now = await since();
    expect(now.arrivedPackets).toBe(100);
    expect(now.droppedPackets).toBe(100 - sequences.length);
    expect(now.droppedBytes).toBe(now.droppedPackets * frame);
    expect(now.forwardedPackets).toBe(sequences.length);
  });

  it('lets hidden traffic take its share of the queue, and delivers none of it', async () => {
    // 30 + 40 into 50 Mbit/s: a FIFO serves each in proportion to what it offers, and grows by 20 Mbit/s
    await carrier.hidden(30e6);
    const run = rig.send(paced(40e6, 0.6));
    await sleep(250);
    const [first, , second] = [await carrier.statistics(), await sleep(300), await carrier.statistics()];
    const { sequences } = await rig.arrivals(await run.then(settle));
    const d = between(first, second);
    const hiddenBytes = d.hiddenForwardedPackets * frame;
    expect(d.forwardedBytes / (d.forwardedBytes + hiddenBytes)).toBeCloseTo(4 / 7, 1);
    expect(((d.forwardedBytes + hiddenBytes) * 8) / d.atSeconds / rate).toBeCloseTo(1, 2);
    expect((d.hiddenArrivedPackets * frame * 8) / d.atSeconds / 30e6).toBeCloseTo(1, 2);
    expect((d.backlogBytes * 8) / d.atSeconds / 20e6).toBeCloseTo(1, 1);
    await carrier.hidden(0);
    const now = await since();
    expect(sequences.length).toBe(now.arrivedPackets);
    expect(now.hiddenDroppedPackets).toBe(0);
  });

  it('draws the same phases from a seed as the simulator', async () => {
    const pattern = { onSeconds: 0.05, offSeconds: 0.05, seed: 5 };
    const phases = new HiddenPhases(pattern);
    let [end, on] = [0, 0];
    const edges: { at: number; on: number }[] = [{ at: 0, on: 0 }];
    while (end < 1) {
      const { on: sends, seconds } = phases.next();
      end += seconds;
      if (sends) on += seconds;
      edges.push({ at: end, on });
    }
    await carrier.hidden(40e6, pattern);
    const began = (await carrier.statistics()).atSeconds;
    await sleep(700);
    const now = await carrier.statistics();
    const after = edges.findIndex((e) => e.at > now.atSeconds - began);
    const [a, b] = [edges[after - 1]!, edges[after]!];
    const share = (now.atSeconds - began - a.at) / (b.at - a.at);
    const wantedSeconds = a.on + share * (b.on - a.on);
    const arrived = now.hiddenArrivedPackets - before.hiddenArrivedPackets;
    // Each phase may lose a part of one spacing (0.3 ms).
    expect(arrived).toBeGreaterThan((wantedSeconds * 40e6) / 8 / frame - 1.5 * after - 3);
    expect(arrived).toBeLessThan((wantedSeconds * 40e6) / 8 / frame + 5);
  });

  it('polices: loss without delay', async () => {
    await carrier.police(10e6, 10 * frame);
    const sent = await rig.send(paced(20e6, 1.5)).then(settle);
    const { delaysMs } = await rig.arrivals(sent);
    const now = await since();
    expect(now.policedPackets).toBe(sent.packets - delaysMs.length);
    expect(delaysMs.length / (sent.packets / 2 + 10)).toBeCloseTo(1, 1);
    expect(now.droppedPackets).toBe(0);
    expect(
      percentile(
        [...delaysMs].sort((a, b) => a - b),
        50,
      ),
    ).toBeLessThan(delayMs + 1.5);
  });

  it('departs by the times of arrival, however late the relay itself runs', async () => {
    // Stopped for 200 ms while frames come: its queue must be what it would have been.
    const pid = rig.relay!.pid!;
    const run = rig.send(paced(25e6, 0.6));
    await sleep(300);
    process.kill(pid, 'SIGSTOP');
    await sleep(200);
    process.kill(pid, 'SIGCONT');
    const { backlogPackets } = await carrier.statistics();
    expect(backlogPackets).toBeLessThan(20);
    const { delaysMs } = await rig.arrivals(await run.then(settle));
    expect(Math.max(...delaysMs)).toBeGreaterThan(100);
    expect(delaysMs.at(-1)).toBeLessThan(delayMs + 10);
    const now = await carrier.statistics();
    expect(now.droppedPackets).toBe(before.droppedPackets);
    expect(now.latestArrivalMs).toBeLessThan(20);
  });

  it('refuses what it does not understand', async () => {
    await expect(carrier.setRate(0)).rejects.toThrow(RangeError);
    await expect(carrier.setDelay(-1)).rejects.toThrow(/out of range/);
    await expect(carrier.setLimit(0)).rejects.toThrow(RangeError);
    await expect(carrier.hidden(1e6, { onSeconds: 0, offSeconds: 1, seed: 1 })).rejects.toThrow(RangeError);
  });

  const rateOf = (a: TestbedCarrierStatistics, b: TestbedCarrierStatistics): number =>
    ((b.forwardedBytes - a.forwardedBytes) * 8) / (b.atSeconds - a.atSeconds);
  async function settle<T>(sent: T): Promise<T> {
    await rig.settled();
    return sent;
  }
});
