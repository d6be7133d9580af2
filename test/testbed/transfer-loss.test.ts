import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  acknowledgeFrame,
  FrameReader,
  frameHeader,
  frameType,
  jsonFrame,
} from '../../src/testbed/transfer-frame.js';
import { monotonicSeconds } from '../../src/testbed/transfer-limits.js';
import { askOutcome } from '../../src/testbed/transfer-outcome.js';
import { freePort, patience, Rig } from './transfer-rig.js';

let rig: Rig;
afterEach(() => rig.close());

/** Long enough for any answer, in the agents' clock. */
const deadline = (): number => monotonicSeconds() + 5;
const m1 = { migration: 'm1' } as const;

describe('a migration that loses its peer', () => {
  it('fails with the machine at the source when the target goes', async () => {
    rig = await Rig.start();
    await rig.begin();
    await rig.a.until('ROUND', 'm1');
    await rig.servers.b.close();
    expect((await rig.a.until('FAILED', 'm1')).detail).toMatch(/target/);
    expect(rig.a.names('m1')).not.toContain('STOP');
  });

  it('fails when there is no target, and the target when there is no source', async () => {
    rig = await Rig.start({ limits: { openMs: 100 } });
    await rig.a.must(rig.command({ migration: 'nobody' }));
    expect((await rig.a.until('FAILED', 'nobody')).detail).toContain('no connection to the target');
    await rig.b.must({ execute: 'prepare-incoming', ...m1, vm: 'vm1', streams: [{ port: rig.port }] });
    expect((await rig.b.until('FAILED', 'm1')).detail).toContain('the source did not connect within 100 ms');
  });

  it('fails when the target is for another migration', async () => {
    rig = await Rig.start();
    await rig.b.must({
      execute: 'prepare-incoming',
      migration: 'other',
      vm: 'vm1',
      streams: [{ port: rig.port }],
    });
    // at full speed: the refusal must arrive although the source has more under way than the target reads
    await rig.a.must(rig.command({ memoryBytes: 1e9, bandwidthBytesPerSecond: null }));
    expect((await rig.a.until('FAILED', 'm1')).detail).toContain('this port waits for vm1 of other');
    expect((await rig.b.must({ execute: 'query', migration: 'other' })).phase).toBe('incoming');
  });

  it.each([
    ['is silent', false, 'the target said nothing for 0.3 s'],
    ['says that it lives', true, 'the target took no byte for 0.3 s'],
  ])(
    'fails when the peer takes nothing and %s, and holds little memory meanwhile',
    async (_how, alive, detail) => {
      rig = await Rig.start({ limits: { silenceMs: 300 } });
      const deaf = createServer((socket) => {
        socket.pause();
        socket.on('error', () => undefined);
        const timer = setInterval(() => alive && socket.write(acknowledgeFrame(0)), 20);
        rig.onClose(() => {
          clearInterval(timer);
          socket.destroy();
        });
      });
      const port = await freePort();
      await new Promise<void>((resolve) => deaf.listen(port, '127.0.0.1', resolve));
      rig.onClose(() => deaf.close());
      await rig.a.must(rig.command({ streams: [{ port }], memoryBytes: 1e9, bandwidthBytesPerSecond: null }));
      const held = process.memoryUsage().arrayBuffers;
      const end = await rig.a.until('FAILED', 'm1');
      expect(end.detail).toContain(detail);
      expect(end).toMatchObject({ transferredBytes: 0, totalBytes: 1e9 });
      expect(process.memoryUsage().arrayBuffers - held).toBeLessThan(20_000_000);
    },
  );

  it('asks when the answer to the last round was lost, and completes', async () => {
    const udpPort = await freePort();
    rig = await Rig.start({ machines: { udpPort } });
    let cuts = 0;
    const port = await rig.proxy((from, type) => {
      if (from === 'b' && type === frameType.resumed && cuts === 0) {
        cuts++;
        return 'cut';
      }
      return 'pass';
    });
    await rig.begin({ memoryBytes: 200_000, streams: [{ port }] });
    await rig.a.until('PRE_SWITCHOVER', 'm1');
    await rig.a.must({ execute: 'continue', ...m1 });
    expect((await rig.a.until('COMPLETED', 'm1')).remainingBytes).toBe(0);
    expect(cuts).toBe(1);
    expect(rig.machines!.a.status.running).toBe(false);
    expect(rig.machines!.b.status.running).toBe(true);
  });

  it('asks when the last round itself was lost, and the machine runs at the source only', async () => {
    const udpPort = await freePort();
    rig = await Rig.start({ machines: { udpPort } });
    const port = await rig.proxy((from, type) =>
      from === 'a' && type === frameType.finish ? 'cut' : 'pass',
    );
    await rig.begin({ memoryBytes: 200_000, streams: [{ port }] });
    await rig.a.until('PRE_SWITCHOVER', 'm1');
    await rig.a.must({ execute: 'continue', ...m1 });
    expect((await rig.a.until('FAILED', 'm1')).detail).toContain('connection to the target lost');
    expect(rig.machines!.a.status.running).toBe(true);
    expect(rig.machines!.b.status.running).toBe(false);
    expect((await rig.b.must({ execute: 'query', ...m1 })).phase).toBe('failed');
  });

  it('never resumes a machine after it has told the source that it will not', async () => {
    const udpPort = await freePort();
    rig = await Rig.start({ machines: { udpPort } });
    await rig.begin({ memoryBytes: 200_000 });
    await rig.a.until('PRE_SWITCHOVER', 'm1');
    // the question that a source asks whose connection broke, while the old connection still looks alive here
    const answer = await askOutcome({ address: '127.0.0.1', port: rig.port }, '127.0.0.1', 'm1', deadline());
    expect(answer).toBe('refused');
    expect((await rig.b.until('FAILED', 'm1')).detail).toContain('before all memory was here');
    await rig.a.until('FAILED', 'm1');
    expect(rig.machines!.a.status.running).toBe(true);
    expect(rig.machines!.b.status.running).toBe(false);
    expect(await askOutcome({ address: '127.0.0.1', port: rig.port }, '127.0.0.1', 'm1', deadline())).toBe(
      'refused',
    );
  });

  it('reads on after a refusal, so that no reset overtakes it', async () => {
    rig = await Rig.start();
    await rig.b.must({ execute: 'prepare-incoming', ...m1, vm: 'vm1', streams: [{ port: rig.port }] });
    const socket = connect({ host: '127.0.0.1', port: rig.port, allowHalfOpen: true });
    const errors: string[] = [];
    let refused = false;
    const reader = new FrameReader({
      onData: () => undefined,
      onFrame: (type) => {
        refused = type === frameType.refused;
      },
    });
    socket.on('error', (error) => errors.push(error.message));
    socket.on('data', (chunk) => reader.push(chunk));
    socket.write(jsonFrame(frameType.open, { migration: 'stranger', vm: 'vm1', memoryBytes: 1, stream: 0 }));
    for (let i = 0; i < 20; i++) {
      socket.write(frameHeader(frameType.data, 1000));
      socket.write(new Uint8Array(1000));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(errors).toEqual([]);
    await expect.poll(() => refused, patience).toBe(true);
    socket.destroy();
  });

  it('does not mind strangers at its port', async () => {
    rig = await Rig.start();
    await rig.begin({ memoryBytes: 1_000_000 });
    await rig.a.until('ROUND', 'm1');
    const strangers = [
      'GET / HTTP/1.1\r\n\r\n',
      '\x02\0\0\0\x01x',
      '\x07\0\0\0\x02{}',
      '\x08\0\0\0\x02[]',
      '\x01\0\0\0\x02{}',
    ];
    for (const text of strangers)
      await new Promise<void>((resolve) => {
        const socket = connect({ host: '127.0.0.1', port: rig.port }, () => socket.write(text));
        socket.on('data', () => undefined);
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
      });
    await rig.a.until('PRE_SWITCHOVER', 'm1');
    await rig.a.must({ execute: 'continue', ...m1 });
    await rig.a.until('COMPLETED', 'm1');
  });

  it('leaves the machine stopped when nobody can say where it runs, until it is told', async () => {
    const udpPort = await freePort();
    rig = await Rig.start({ machines: { udpPort }, limits: { outcomeMs: 300 } });
    const port = await rig.proxy((from, type) =>
      from === 'b' && type === frameType.resumed ? 'cut-for-good' : 'pass',
    );
    await rig.begin({ memoryBytes: 200_000, streams: [{ port }] });
    await rig.a.until('PRE_SWITCHOVER', 'm1');
    await rig.a.must({ execute: 'continue', ...m1 });
    const end = await rig.a.until('FAILED', 'm1');
    expect(end.detail).toContain('outcome-unknown');
    expect(rig.machines!.a.status.running).toBe(false);
    expect(rig.machines!.b.status.running).toBe(true);
    const counter = rig.machines!.a.status.counter;
    expect((await rig.a.must({ execute: 'cancel', ...m1 })).phase).toBe('cancelled');
    expect(rig.machines!.a.status).toMatchObject({ running: true, counter });
  });
});
