import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildTrafficTools,
  type SenderJob,
  startReceiver,
  startSender,
  summaryOf,
  type TrafficTools,
  TrafficToolsError,
  untilNs,
} from '../../src/testbed/traffic.js';
import { TrafficPlayer } from '../../src/testbed/traffic-player.js';
import { trace, type VideoSpec } from '../../src/traffic/index.js';
import { requireOrSkip } from '../support/require.js';

const video: VideoSpec = {
  name: 'video',
  kind: 'video',
  framesPerSecond: 25,
  baseBitsPerSecond: 6e6,
  burstBitsPerSecond: 22e6,
  burstProbability: 0.5,
  packetBytes: 1400,
};
const here = (_host: string, argv: readonly string[]): ChildProcess =>
  spawn(argv[0]!, argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });

const freePort = async (): Promise<number> => {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
};

describe('TrafficPlayer', () => {
  it('numbers the packets of a window by the trace alone', () => {
    const load = trace(video, 1, 10);
    const player = new TrafficPlayer(video, 1, 5_000_000_000n, 4.5);
    expect(() => player.sequenceRange(0, 1)).toThrow(/only 0..0 s/);
    let records = 0;
    while (!player.finished) records += player.nextRecords().length / 16;
    const dueBefore = (seconds: number) => load.atSeconds.filter((at) => at < seconds).length;
    expect(records).toBe(dueBefore(4.5));
    expect(player.sequenceRange(1.5, 3.25)).toEqual({ first: dueBefore(1.5), end: dueBefore(3.25) });
    expect(player.sequenceRange(4, 99)).toEqual({ first: dueBefore(4), end: dueBefore(4.5) });
  });

  it('writes due times, numbers and payload sizes for the sender', () => {
    const player = new TrafficPlayer({ ...video, burstProbability: 0 }, 1, 5_000_000_000n, 1);
    const view = new DataView(player.nextRecords().buffer);
    // the 22nd packet is the short one that ends the first picture; the 23rd opens the second, 40 ms later
    expect(view.getBigInt64(21 * 16, true)).toBe(5_000_000_000n);
    expect(view.getUint32(21 * 16 + 8, true)).toBe(21);
    expect(view.getUint32(21 * 16 + 12, true)).toBe(600 - 42);
    expect(view.getBigInt64(22 * 16, true)).toBe(5_040_000_000n);
    expect(view.getUint32(22 * 16 + 12, true)).toBe(1400 - 42);
  });
});

describe.skipIf(!requireOrSkip('gcc'))('traffic programs over loopback', () => {
  let tools: TrafficTools;
  beforeAll(async () => {
    tools = await buildTrafficTools();
  });
  afterAll(() => tools?.remove());

  const job = (udpPort: number, durationSeconds: number): SenderJob => ({
    host: 'here',
    spec: video,
    seed: 3,
    stream: 7,
    toAddress: '127.0.0.1',
    udpPort,
    startAtNs: process.hrtime.bigint() + 200_000_000n,
    durationSeconds,
  });

  it('delivers every packet of the trace, and a window of it reads the same packets', async () => {
    const udpPort = await freePort();
    const receiver = await startReceiver(here, tools, {
      host: 'here',
      udpPorts: [udpPort],
      address: '127.0.0.1',
    });
    try {
      const playing = job(udpPort, 2);
      const sender = startSender(here, tools, playing);
      const report = await sender.done;
      const load = trace(video, 3, 2);
      expect(report).toMatchObject({ sent: load.bytes.length, failed: 0 });
      const whole = await summaryOf(receiver, sender, { fromSeconds: 0, toSeconds: 2 });
      expect(whole).toMatchObject({
        sent: load.bytes.length,
        received: load.bytes.length,
        lossPercent: 0,
        duplicates: 0,
        instrumentDrops: 0,
      });
      // loopback, but a clock mix-up (seconds, wrong epoch) would be far outside
      expect(whole.p50Ms).toBeGreaterThan(0);
      expect(whole.p50Ms).toBeLessThan(1000);
      const half = await summaryOf(receiver, sender, { fromSeconds: 0.5, toSeconds: 1.5 });
      expect(half.sent).toBe(load.atSeconds.filter((at) => at >= 0.5 && at < 1.5).length);
      expect(half.received).toBe(half.sent);
      // the last packet was due at 1.96 s
      expect(process.hrtime.bigint() - playing.startAtNs).toBeGreaterThan(1_950_000_000n);
    } finally {
      await receiver.stop();
    }
  });

  it('counts packets that never arrive as lost, and strangers apart', async () => {
    const udpPort = await freePort();
    const receiver = await startReceiver(here, tools, { host: 'here', udpPorts: [udpPort] });
    try {
      const nowhere = startSender(here, tools, job(await freePort(), 0.5));
      const stranger = createSocket('udp4');
      await new Promise<void>((resolve) => stranger.send('hello', udpPort, '127.0.0.1', () => resolve()));
      stranger.close();
      const { sent } = await nowhere.done;
      const summary = await summaryOf(receiver, nowhere, { fromSeconds: 0, toSeconds: 0.5 });
      expect(summary).toMatchObject({ sent, received: 0, lossPercent: 100, p99Ms: null });
      expect(await receiver.counts()).toMatchObject({ received: 0, foreign: 1 });
    } finally {
      await receiver.stop();
    }
  });

  it('counts a packet that comes twice once', async () => {
    const udpPort = await freePort();
    const receiver = await startReceiver(here, tools, { host: 'here', udpPorts: [udpPort] });
    try {
      const twice = [job(udpPort, 0.5), job(udpPort, 0.5)].map((each) => startSender(here, tools, each));
      const [{ sent }] = await Promise.all([twice[0]!.done, twice[1]!.done]);
      const summary = await summaryOf(receiver, twice[0]!, { fromSeconds: 0, toSeconds: 0.5 });
      expect(summary).toMatchObject({ sent, received: sent, lossPercent: 0, duplicates: sent });
    } finally {
      await receiver.stop();
    }
  });

  it('stops an endless stream at once, with its report', async () => {
    const playing = job(await freePort(), Number.POSITIVE_INFINITY);
    const sender = startSender(here, tools, playing);
    await untilNs(playing.startAtNs + 300_000_000n);
    const report = await sender.stop();
    expect(report.sent).toBeGreaterThan(0);
    expect(report.sent).toBeLessThan(trace(video, 3, 4).bytes.length);
  });

  it('fails with what the program said', async () => {
    const sender = startSender(here, tools, { ...job(9, 1), toAddress: 'nonsense' });
    await expect(sender.done).rejects.toThrow(
      /sender of video: ended with status 2: .*nonsense is not an IPv4/,
    );
    const taken = createSocket('udp4');
    await new Promise<void>((resolve) => taken.bind(0, resolve));
    const { port } = taken.address();
    await expect(startReceiver(here, tools, { host: 'here', udpPorts: [port] })).rejects.toThrow(
      `cannot listen on 0.0.0.0 port ${port}`,
    );
    taken.close();
  });

  it('says what to install when there is no compiler', async () => {
    const building = buildTrafficTools('no-such-compiler');
    await expect(building).rejects.toBeInstanceOf(TrafficToolsError);
    await expect(building).rejects.toThrow(/apt-get install gcc/);
  });

  it('leaves nothing behind', async () => {
    const own = await buildTrafficTools();
    await own.remove();
    expect(existsSync(own.directory)).toBe(false);
  });
});
