import { connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { RoundBarrier } from '../../src/testbed/round-barrier.js';
import { FrameReader, frameHeader, frameType, jsonFrame } from '../../src/testbed/transfer-frame.js';
import { freePort, patience, Rig } from './transfer-rig.js';

const numRuns = 100 * Number(process.env.STEADY_TEST_SCALE ?? 1);
const m1 = { migration: 'm1' } as const;

describe('RoundBarrier', () => {
  it('lets nothing of a round through before all streams have delivered the rounds before', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(4), { minLength: 1, maxLength: 60 }),
        (streams, order) => {
          const barrier = new RoundBarrier(streams);
          const begun = new Array<number>(streams).fill(0);
          for (const step of order) {
            const stream = step % streams;
            if (barrier.holds(stream)) continue;
            const before = Math.min(...begun);
            begun[stream]! += 1;
            const least = Math.min(...begun);
            expect(barrier.begin(stream)).toBe(least > before);
            expect(barrier.round).toBe(least);
            begun.forEach((n, other) => {
              expect(barrier.holds(other)).toBe(n > least);
            });
            // what may be taken is at most of the round that all have begun
            expect(Math.max(...begun) - least).toBeLessThanOrEqual(1);
          }
        },
      ),
      { numRuns },
    );
  });
});

describe('a frame reader that is held', () => {
  const bytes = Uint8Array.from([
    ...jsonFrame(frameType.round, { round: 1 }),
    ...frameHeader(frameType.data, 5),
    ...[1, 2, 3, 4, 5],
    ...jsonFrame(frameType.round, { round: 2 }),
    ...frameHeader(frameType.ping, 0),
  ]);

  it('keeps what comes and takes it in order afterwards, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 8, maxLength: 80 }), (sizes) => {
        const heard: string[] = [];
        const reader: FrameReader = new FrameReader({
          onData: (n) => heard.push(...new Array<string>(n).fill('byte')),
          onFrame: (type) => {
            heard.push(String(type));
            if (type === frameType.round) reader.hold();
          },
        });
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length]!;
          reader.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(heard).toEqual(['3']);
        reader.release();
        expect(heard).toEqual(['3', 'byte', 'byte', 'byte', 'byte', 'byte', '3']);
        reader.release();
        expect(heard.slice(7)).toEqual(['5']);
      }),
      { numRuns },
    );
  });
});

describe('a migration of several streams', () => {
  let rig: Rig;
  afterEach(() => rig.close());

  /** Forwards to one port of the target, from the source at so many bytes a second at most; counts what it carried. */
  async function path(
    target: number,
    bytesPerSecond: number,
  ): Promise<{ port: number; carried: () => number }> {
    const sockets = new Set<Socket>();
    const timers = new Set<NodeJS.Timeout>();
    let carried = 0;
    const server = createServer((near) => {
      const far = connect({ host: '127.0.0.1', port: target });
      const waiting: Buffer[] = [];
      far.on('data', (chunk) => near.write(chunk));
      near.on('data', (chunk) => {
        waiting.push(chunk);
        near.pause();
      });
      const timer = setInterval(() => {
        let allowed = bytesPerSecond / 100;
        while (allowed > 0 && waiting.length > 0) {
          const chunk = waiting.shift()!;
          const part = chunk.subarray(0, allowed);
          if (part.length < chunk.length) waiting.unshift(chunk.subarray(part.length));
          allowed -= part.length;
          carried += part.length;
          far.write(part);
        }
        if (waiting.length === 0) near.resume();
      }, 10);
      timers.add(timer);
      for (const [one, other] of [[near, far] as const, [far, near] as const]) {
        sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
      }
    });
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    rig.onClose(() => {
      for (const timer of timers) clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { port, carried: () => carried };
  }

  it('moves the machine, and both ends count the same bytes', async () => {
    const udpPort = await freePort();
    rig = await Rig.start({ machines: { udpPort }, streams: 3 });
    const carried = await Promise.all(rig.ports.map((port) => path(port, Number.POSITIVE_INFINITY)));
    const command = await rig.begin({ streams: carried.map(({ port }) => ({ port })) });
    await rig.a.must({ execute: 'use-streams', ...m1, count: 3 });
    await rig.a.until('PRE_SWITCHOVER', 'm1');
    await rig.a.must({ execute: 'continue', ...m1 });
    const end = await rig.a.until('COMPLETED', 'm1');
    expect(end.transferredBytes).toBeGreaterThan(command.memoryBytes);
    expect(await rig.b.must({ execute: 'query', ...m1 })).toMatchObject({
      phase: 'resumed',
      transferredBytes: end.transferredBytes,
    });
    expect(rig.machines!.a.status.running).toBe(false);
    expect(rig.machines!.b.status.running).toBe(true);
    for (const each of carried) expect(each.carried()).toBeGreaterThan(command.memoryBytes / 10);
  });

  it('is not held by the slower path', async () => {
    rig = await Rig.start({ streams: 2 });
    const fast = await path(rig.ports[0]!, 20_000_000);
    const slow = await path(rig.ports[1]!, 500_000);
    await rig.begin({
      streams: [fast, slow].map(({ port }) => ({ port })),
      memoryBytes: 20_000_000,
      bandwidthBytesPerSecond: null,
    });
    await rig.a.must({ execute: 'use-streams', ...m1, count: 2 });
    await rig.a.until('PRE_SWITCHOVER', 'm1');
    await rig.a.must({ execute: 'continue', ...m1 });
    await rig.a.until('COMPLETED', 'm1');
    expect(slow.carried()).toBeGreaterThan(100_000);
    // in equal parts each would have carried half of it
    expect(slow.carried()).toBeLessThan(fast.carried() / 5);
  });

  it('carries memory in the first stream alone until it is told otherwise, and again afterwards', async () => {
    rig = await Rig.start({ streams: 2 });
    const paths = await Promise.all(rig.ports.map((port) => path(port, Number.POSITIVE_INFINITY)));
    const streams = paths.map(({ port }) => ({ port }));
    await rig.begin({ streams, memoryBytes: 1e9, bandwidthBytesPerSecond: 5_000_000 });
    const use = (count: number) => rig.a.ask({ execute: 'use-streams', ...m1, count });
    const more = (n: number) => expect.poll(() => paths[n]!.carried(), patience);
    await more(0).toBeGreaterThan(1_000_000);
    expect(paths[1]!.carried()).toBeLessThan(1000);
    expect((await use(3)).error?.code).toBe('bad-command');
    expect((await use(2)).error).toBeNull();
    await more(1).toBeGreaterThan(1_000_000);
    expect((await use(1)).error).toBeNull();
    const from = paths[0]!.carried();
    await more(0).toBeGreaterThan(from + 2_000_000);
    const before = paths[1]!.carried();
    await more(0).toBeGreaterThan(from + 4_000_000);
    expect(paths[1]!.carried() - before).toBeLessThan(1000);
    await rig.a.must({ execute: 'cancel', ...m1 });
  });

  it('fails with the machine at the source when one of them is lost', async () => {
    const udpPort = await freePort();
    rig = await Rig.start({ machines: { udpPort }, streams: 2 });
    let data = 0;
    const port = await rig.proxy(
      (_from, type) => (type === frameType.round && ++data > 1 ? 'cut' : 'pass'),
      1,
    );
    await rig.begin({ streams: [{ port: rig.port }, { port }], memoryBytes: 1_000_000 });
    expect((await rig.a.until('FAILED', 'm1')).detail).toContain('target');
    await rig.b.until('FAILED', 'm1');
    expect(rig.machines!.a.status.running).toBe(true);
    expect(rig.machines!.b.status.running).toBe(false);
  });

  it('asks when the end of one stream was lost, and the machine runs at the source only', async () => {
    const udpPort = await freePort();
    rig = await Rig.start({ machines: { udpPort }, streams: 2 });
    const port = await rig.proxy(
      (from, type) => (from === 'a' && type === frameType.finish ? 'cut' : 'pass'),
      1,
    );
    await rig.begin({ streams: [{ port: rig.port }, { port }], memoryBytes: 200_000 });
    await rig.a.until('PRE_SWITCHOVER', 'm1');
    await rig.a.must({ execute: 'continue', ...m1 });
    expect((await rig.a.until('FAILED', 'm1')).detail).toMatch(/connection to the target lost|refused/);
    expect(rig.machines!.a.status.running).toBe(true);
    expect(rig.machines!.b.status.running).toBe(false);
    expect((await rig.b.must({ execute: 'query', ...m1 })).phase).toBe('failed');
  });

  describe('at the target', () => {
    const transferred = async (): Promise<number> =>
      (await rig.b.must({ execute: 'query', ...m1 })).transferredBytes;
    const phase = async (): Promise<string> => (await rig.b.must({ execute: 'query', ...m1 })).phase;

    /** The source's side of two streams, by hand. */
    async function streams(): Promise<Socket[]> {
      rig = await Rig.start({ streams: 2 });
      await rig.b.must({ execute: 'prepare-incoming', ...m1, vm: 'vm1', streams: rig.streams });
      return rig.ports.map((port, stream) => {
        const socket = connect({ host: '127.0.0.1', port });
        socket.on('error', () => undefined).on('data', () => undefined);
        rig.onClose(() => socket.destroy());
        socket.write(jsonFrame(frameType.open, { ...m1, vm: 'vm1', memoryBytes: 1000, stream }));
        return socket;
      });
    }
    const round = (socket: Socket, n: number): unknown =>
      socket.write(jsonFrame(frameType.round, { round: n, roundBytes: 1000 }));
    const memory = (socket: Socket, n: number): void => {
      socket.write(frameHeader(frameType.data, n));
      socket.write(new Uint8Array(n));
    };
    const finish = (socket: Socket, dataBytes: number): unknown =>
      socket.write(jsonFrame(frameType.finish, { dataBytes, counter: null }));
    /** Long enough for what was written to be taken, if it is going to be. */
    const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 150));

    it('nothing of a round is taken before the rounds before it are here whole', async () => {
      const [one, two] = (await streams()) as [Socket, Socket];
      round(one, 1);
      memory(one, 100);
      round(one, 2);
      memory(one, 30);
      finish(one, 130);
      await settle();
      expect(await transferred()).toBe(0);
      round(two, 1);
      memory(two, 7);
      await expect.poll(transferred, patience).toBe(107);
      await settle();
      expect(await transferred()).toBe(107);
      round(two, 2);
      await expect.poll(transferred, patience).toBe(137);
      expect(await phase()).toBe('incoming');
      finish(two, 7);
      await expect.poll(phase, patience).toBe('resumed');
    });

    it('a machine of which a stripe is missing is never resumed', async () => {
      const [one, two] = (await streams()) as [Socket, Socket];
      for (const each of [one, two]) {
        round(each, 1);
        memory(each, 50);
      }
      finish(one, 50);
      finish(two, 51);
      await expect.poll(phase, patience).toBe('failed');
      expect(rig.b.names('m1')).toEqual(['FAILED']);
    });

    it('a stream that is none of its own or is there already is refused', async () => {
      await streams();
      for (const stream of [0, 2, -1, 'x', undefined]) {
        let refusal = '';
        const socket = connect({ host: '127.0.0.1', port: rig.port });
        const reader = new FrameReader({
          onData: () => undefined,
          onFrame: (type, body) => {
            if (type === frameType.refused) refusal = new TextDecoder().decode(body);
          },
        });
        socket.on('error', () => undefined).on('data', (chunk) => reader.push(chunk));
        socket.write(jsonFrame(frameType.open, { ...m1, vm: 'vm1', memoryBytes: 1000, stream }));
        await expect.poll(() => refusal, patience).toContain('not-expected');
        socket.destroy();
      }
      expect(await phase()).toBe('incoming');
    });
  });
});
