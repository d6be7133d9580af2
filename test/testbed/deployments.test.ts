import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { portsOf, type Topology } from '../../src/network/topology.js';
import { carrierOf, down, readQueues, runIn, type TestbedInfo, up } from '../../src/testbed/index.js';
import { ofctl } from '../../src/testbed/ovs.js';
import { planTestbed } from '../../src/testbed/plan.js';
import { tc } from '../../src/testbed/shaping.js';
import { checkPaths } from '../../src/testbed/startup-check.js';
import { requireOrSkip } from '../support/require.js';
import {
  addFlow,
  expectNothingLeft,
  flood,
  introduce,
  sleep,
  testDirectory,
  twoDc,
} from './testbed-support.js';

/** Ways between the hosts at the two gateways. */
async function addWays(topology: Topology, directory: string): Promise<void> {
  const gateways = { 'video-a': 'gw-a', 'cross-a': 'gw-a', 'user-b': 'gw-b' };
  for (const [name, home] of Object.entries(gateways))
    for (const gateway of ['gw-a', 'gw-b']) {
      const port = gateway === home ? `${gateway}.${name}` : `${gateway}.wan`;
      const { portNumber } = portsOf(topology, gateway).find((p) => p.portName === port)!;
      const { mac } = topology.hosts.find((h) => h.name === name)!;
      await addFlow(directory, gateway, `dl_dst=${mac},actions=output:${portNumber}`);
    }
}
const user = '10.99.0.31';

/** The network of this block's tests, with ways; told when it is up. */
function built(topology: Topology, directory: string): { testbed: TestbedInfo } {
  const held = {} as { testbed: TestbedInfo };
  beforeAll(async () => {
    held.testbed = await up(topology, { directory, controller: null });
    await introduce(held.testbed);
    await addWays(topology, directory);
  });
  afterAll(async () => {
    await down(directory);
    await expectNothingLeft(directory);
  });
  return held;
}

describe.skipIf(!requireOrSkip('ovs', 'gcc'))('deployment C in the testbed', () => {
  const topology = twoDc('-opaque');
  const directory = testDirectory('opaque');
  const network = built(topology, directory);

  it('tells the controller nothing of the carrier', () => {
    const text = readFileSync(network.testbed.topologyPath, 'utf8');
    expect(text).toContain('opaque: true');
    expect(text).not.toMatch(/carrier:|capacityBitsPerSecond: 50000000/);
    expect(() => carrierOf(directory, 'wan', 'hv-a')).toThrow(/there are wan \(gw-a, gw-b\)/);
  });

  it('has its queue behind the gateway, which is unshaped', async () => {
    const carrier = carrierOf(directory, 'wan', 'gw-a');
    const before = await carrier.statistics();
    const sender = flood(directory, 'video-a', user, 75e6, 1.5);
    const ended = once(sender, 'close');
    let longest = 0;
    let queued = 0;
    while (sender.exitCode === null) {
      longest = Math.max(longest, (await carrier.statistics()).backlogPackets);
      queued += (await readQueues(directory, 'gw-a.wan')).length;
      await sleep(20);
    }
    await ended;
    await sleep(500);
    const now = await carrier.statistics();
    expect(queued).toBe(0);
    expect(longest).toBeGreaterThan(950);
    expect(longest).toBeLessThanOrEqual(1000);
    expect(now.instrumentDroppedPackets).toBe(0);
    expect(now.droppedPackets).toBeGreaterThan(0);
    // Both switches count what the carrier counts.
    expect(now.arrivedPackets).toBe(await counter('gw-a', 'tx'));
    expect(now.forwardedPackets).toBe(await counter('gw-b', 'rx'));
    expect(now.arrivedPackets - before.arrivedPackets).toBeGreaterThan(5000);
  });

  it('changes while it runs', async () => {
    const carrier = carrierOf(directory, 'wan', 'gw-a');
    const rtt = async () =>
      Number(
        /= ([\d.]+)\//.exec(
          await runIn(directory, 'video-a', ['ping', '-c', '5', '-i', '0.05', '-w', '5', user]),
        )?.[1],
      );
    expect(await rtt()).toBeGreaterThanOrEqual(40);
    await carrier.setDelay(80);
    expect(await rtt()).toBeGreaterThanOrEqual(100);
    await carrier.setDelay(20);
  });

  const counter = async (gateway: string, direction: 'rx' | 'tx'): Promise<number> => {
    const text = await ofctl(directory, ['dump-ports', gateway, '1']);
    return Number(new RegExp(`${direction} pkts=(\\d+)`).exec(text)?.[1]);
  };
});

describe.skipIf(!requireOrSkip('ovs', 'gcc'))('deployment A in the testbed', () => {
  const topology = twoDc('-priority');
  const directory = testDirectory('priority');
  const network = built(topology, directory);

  it('serves the video first when the port is full, and no more than the port has', async () => {
    const sender = flood(directory, 'cross-a', user, 75e6, 3);
    const ended = once(sender, 'close');
    await sleep(1200);
    const sent = async () =>
      (await readQueues(directory, 'gw-a.wan')).reduce((sum, q) => sum + q.sentBytes, 0);
    const began = { at: performance.now(), bytes: await sent() };
    const rtt = async (dscp: number) =>
      Number(
        /= [\d.]+\/([\d.]+)\//.exec(
          await runIn(directory, 'video-a', [
            'ping',
            '-c',
            '5',
            '-i',
            '0.05',
            '-W',
            '1',
            '-Q',
            String(dscp << 2),
            user,
          ]),
        )?.[1],
      );
    const [video, other] = await Promise.all([rtt(46), rtt(0)]);
    const bitsPerSecond = ((await sent()) - began.bytes) / ((performance.now() - began.at) / 8000);
    await ended;
    expect(video).toBeLessThan(60);
    expect(other).toBeGreaterThan(200);
    expect(bitsPerSecond).toBeLessThan(1.05 * 50e6);
    const classes = await tc(network.testbed.switchNamespace, ['class', 'show', 'dev', 'gw-a.wan']);
    expect(classes).toMatch(/htb 1:1 .* prio 1 [\s\S]*htb 1:2 .* prio 0 /);
    const [, priority] = await readQueues(directory, 'gw-a.wan');
    expect(priority).toMatchObject({ queueId: 1, maxBitsPerSecond: 50e6, droppedPackets: 0 });
    // 8 of the check of queues and these
    expect(priority?.sentPackets).toBe(13);
  });
});

/** The two gateways of a topology with a core between them: packets on its two links carry labels. */
function withCore(plain: Topology): Topology {
  const wan = { ...plain.links.find((l) => l.name === 'wan')!, oneWayDelayMs: 0, mtuBytes: 1504 };
  return {
    ...plain,
    sites: [...plain.sites, { name: 'pop' }],
    switches: [
      ...plain.switches.filter((s) => s.role === 'gateway'),
      { name: 'co', site: 'pop', role: 'core', dpid: '0000000000000009' },
    ],
    links: [
      { ...wan, name: 'ac', ends: ['gw-a', 'co'] },
      { ...wan, name: 'bc', ends: ['gw-b', 'co'] },
    ],
    hosts: plain.hosts.filter((h) => h.switch.startsWith('gw')),
    vms: [],
  };
}

describe.skipIf(!requireOrSkip('ovs'))('deployment A with labels in the testbed', () => {
  const topology = withCore(twoDc('-priority'));
  const directory = testDirectory('labels');

  it('finds the video behind its label, and would say so if it did not', async () => {
    try {
      const { switchNamespace } = await up(topology, { directory, controller: null });
      const queues = await readQueues(directory, 'co.bc');
      // 8 of each check: with a label and without.
      expect(queues.map((q) => q.sentPackets)).toEqual([expect.any(Number), 16]);
      await tc(switchNamespace, 'filter del dev co.bc parent 1: prio 2'.split(' '));
      await expect(checkPaths(planTestbed(topology, directory), { timeoutMs: 1000 })).rejects.toMatchObject({
        code: 'queue-not-classified',
        message: expect.stringContaining('labelled frames with DSCP 46 do not reach queue 1 of co.bc'),
      });
    } finally {
      await down(directory);
      await expectNothingLeft(directory);
    }
  });
});
