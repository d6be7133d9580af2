import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BulkFlows, goodputsBetween, startBulkFlows } from '../../src/testbed/bulk-flows.js';
import { requireOrSkip } from '../support/require.js';
import { CarrierRig, sleep } from './carrier-rig.js';

const rate = 50e6;
/** share of a full frame that is TCP payload */
const payload = 1448 / 1514;
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

describe.skipIf(!requireOrSkip('ovs', 'gcc'))('bulk flows through a carrier', () => {
  const rig = new CarrierRig();
  beforeAll(async () => {
    await rig.open(10, rate, 500);
    await rig.back.setRate(Number.POSITIVE_INFINITY);
  });
  afterAll(() => rig.close());
  const start = (count: number, congestion: 'cubic' | 'bbr' | 'reno', seconds: number): Promise<BulkFlows> =>
    startBulkFlows(rig.spawnIn, rig.tools, {
      from: 'a',
      to: 'b',
      toAddress: '10.9.0.2',
      count,
      congestion,
      seconds,
    });

  it('fill it, and what the flows say they got is what the carrier passed on', async () => {
    const before = await rig.carrier.statistics();
    const flows = await start(4, 'cubic', 2.5);
    await sleep(1000);
    const [from, carrierFrom] = [await flows.reading(), await rig.carrier.statistics()];
    expect(carrierFrom.backlogPackets).toBeGreaterThan(50);
    const to = await flows.done;
    const goodputs = goodputsBetween(from, to);
    expect(goodputs).toHaveLength(4);
    expect(sum(goodputs)).toBeLessThan(1.03 * payload * rate);
    expect(sum(goodputs)).toBeGreaterThan(0.9 * payload * rate);
    for (const goodput of goodputs) expect(goodput).toBeGreaterThan(0.02 * rate);
    await rig.settled();
    const { forwardedPackets, droppedPackets } = await rig.carrier.statistics();
    const passed = (forwardedPackets - before.forwardedPackets) * 1448;
    expect(sum(to.flows.map((f) => f.ackedBytes))).toBeLessThan(passed);
    expect(to.flows[0]!.leastRttMs).toBeGreaterThan(20);
    // CUBIC does not slow down before it has lost something.
    expect(droppedPackets).toBeGreaterThan(0);
    expect(sum(to.flows.map((f) => f.retransmits))).toBeGreaterThanOrEqual(
      droppedPackets - before.droppedPackets,
    );
    expect(await flows.reading()).toEqual(to);
  });

  it.each(['reno', 'cubic', 'bbr'] as const)('use %s when that is asked for', async (congestion) => {
    const flows = await start(2, congestion, Number.POSITIVE_INFINITY);
    await sleep(700);
    const { flows: states } = await flows.stop();
    expect(states.map((f) => f.congestion)).toEqual([congestion, congestion]);
    expect(sum(goodputsBetween(flows.began, await flows.done))).toBeGreaterThan(0.3 * rate);
  });

  it('cannot be had from a kernel without it', async () => {
    await expect(start(1, 'no-such' as 'cubic', 1)).rejects.toThrow(/no-such: No such file/);
  });
});
