import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type AgentReplyLine, agentLineLimitBytes } from '../../src/hypervisor/index.js';
import { TransferServer, TransferServerError } from '../../src/testbed/transfer-server.js';
import { VmInquiry } from '../../src/testbed/vm-inquiry.js';
import { Client, freePort, patience, Rig } from './transfer-rig.js';

let rig: Rig;
afterEach(() => rig.close());

const m1 = { migration: 'm1' } as const;

describe('a migration between two agents', () => {
  it('goes through its rounds and events in order, and both ends count the same bytes', async () => {
    rig = await Rig.start();
    const command = await rig.begin();
    const before = await rig.a.until('PRE_SWITCHOVER', 'm1');
    expect(before.phase).toBe('pre-switchover');
    // what is left fits the downtime limit at the cap: 20 ms of 5 MB/s
    expect(before.remainingBytes).toBeLessThanOrEqual(100_000);
    expect((await rig.a.must({ execute: 'continue', ...m1 })).phase).toBe('stopped');
    const end = await rig.a.until('COMPLETED', 'm1');

    const rounds = rig.a.events.filter((e) => e.event === 'ROUND').map((e) => e.status.round);
    expect(rounds.length).toBeGreaterThanOrEqual(2);
    expect(rounds).toEqual(rounds.map((_, i) => i + 1));
    await rig.b.until('RESUME', 'm1');
    const story = rig.story.filter((line) => line !== 'a ROUND');
    expect(story.slice(0, 2)).toEqual(['a PRE_SWITCHOVER', 'a STOP']);
    // two conversations: which of the last two lines is read first is chance
    expect(story.slice(2).toSorted()).toEqual(['a COMPLETED', 'b RESUME']);
    expect(end).toMatchObject({ phase: 'completed', remainingBytes: 0, totalBytes: command.memoryBytes });
    // round 1 takes about a second, in which half a megabyte gets dirty: more than the memory must have moved
    expect(end.transferredBytes).toBeGreaterThan(command.memoryBytes + 100_000);
    expect(end.transferredBytes).toBeLessThan(command.memoryBytes * 2);
    expect(end.downtimeMs).toBeGreaterThan(0);
    await expect
      .poll(async () => (await rig.b.must({ execute: 'query', ...m1 })).downtimeMs, patience)
      .toBeCloseTo(end.downtimeMs!, 6);
    expect(await rig.b.must({ execute: 'query', ...m1 })).toMatchObject({
      phase: 'resumed',
      transferredBytes: end.transferredBytes,
    });
  });

  it('keeps below its cap, and follows a new one', async () => {
    rig = await Rig.start();
    await rig.begin({ memoryBytes: 50_000_000, bandwidthBytesPerSecond: 4_000_000 });
    const measure = async (): Promise<number> => {
      const from = performance.now();
      const first = await rig.a.must({ execute: 'query', ...m1 });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const last = await rig.a.must({ execute: 'query', ...m1 });
      return ((last.transferredBytes - first.transferredBytes) * 1000) / (performance.now() - from);
    };
    // a stalled machine sends less for a while; more than the cap is wrong at any time
    const settle = (rate: number): Promise<void> =>
      expect
        .poll(
          async () => {
            const measured = await measure();
            expect(measured).toBeLessThan(rate * 1.6);
            return measured;
          },
          { ...patience, interval: 0 },
        )
        .toBeGreaterThan(rate * 0.5);
    await settle(4_000_000);
    await rig.a.must({ execute: 'set-bandwidth', ...m1, bytesPerSecond: 500_000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await settle(500_000);
    await rig.a.must({ execute: 'set-bandwidth', ...m1, bytesPerSecond: null });
    expect((await rig.a.until('PRE_SWITCHOVER', 'm1')).transferredBytes).toBeGreaterThan(45_000_000);
  });

  it('never converges while memory gets dirty faster than it moves, until the rate is raised', async () => {
    rig = await Rig.start();
    await rig.begin({
      memoryBytes: 1_000_000,
      dirtyBytesPerSecond: 4_000_000,
      workingSetBytes: 800_000,
      bandwidthBytesPerSecond: 2_000_000,
    });
    await expect.poll(() => rig.a.names('m1').length, patience).toBeGreaterThan(4);
    expect(new Set(rig.a.names('m1'))).toEqual(new Set(['ROUND']));
    await rig.a.must({ execute: 'set-bandwidth', ...m1, bytesPerSecond: 60_000_000 });
    await rig.a.until('PRE_SWITCHOVER', 'm1');
  });

  it('stops with what is left when it is forced to, though it has not converged', async () => {
    rig = await Rig.start();
    await rig.begin({
      memoryBytes: 1_000_000,
      dirtyBytesPerSecond: 4_000_000,
      workingSetBytes: 800_000,
      bandwidthBytesPerSecond: 2_000_000,
    });
    await expect.poll(() => rig.a.names('m1').length, patience).toBeGreaterThan(1);
    expect((await rig.a.ask({ execute: 'continue', ...m1 })).error?.code).toBe('wrong-phase');
    await rig.a.must({ execute: 'continue', ...m1, force: true });
    await rig.a.until('COMPLETED', 'm1');
    expect(rig.a.names('m1')).not.toContain('PRE_SWITCHOVER');
  });

  it('is not the business of the client that began it: another one takes over', async () => {
    rig = await Rig.start();
    const command = await rig.begin();
    rig.a.close();
    const successor = await new Client(`unix:${join(rig.directory, 'a.sock')}`).ready();
    rig.onClose(() => successor.close());
    expect(await successor.must({ execute: 'query', ...m1 })).toMatchObject({
      phase: 'active',
      totalBytes: 5_000_000,
    });
    // the same command again changes nothing; other parameters are a mistake
    expect((await successor.must(command)).phase).toMatch(/active|pre-switchover/);
    expect((await successor.ask({ ...command, memoryBytes: 1 })).error?.code).toBe('conflict');
    await expect
      .poll(async () => (await successor.must({ execute: 'query', ...m1 })).phase, patience)
      .toBe('pre-switchover');
    await successor.must({ execute: 'continue', ...m1 });
    await successor.until('COMPLETED', 'm1');
    expect((await successor.must({ execute: 'continue', ...m1 })).phase).toBe('completed');
    expect((await successor.ask({ execute: 'cancel', ...m1 })).error?.code).toBe('too-late');
    expect((await successor.ask({ execute: 'set-bandwidth', ...m1, bytesPerSecond: 5 })).error?.code).toBe(
      'wrong-phase',
    );
  });
});

describe('a machine that moves', () => {
  it('is silent at the source, goes on at the target with its counter, and never runs twice', async () => {
    const udpPort = await freePort();
    rig = await Rig.start({ machines: { udpPort } });
    const atSource = new VmInquiry({ address: '127.0.0.1', udpPort, perSecond: 100 });
    const atTarget = new VmInquiry({ address: '127.0.0.2', udpPort, perSecond: 100 });
    await rig.begin({ memoryBytes: 1_000_000 });
    await rig.a.until('PRE_SWITCHOVER', 'm1');
    await expect.poll(() => rig.machines!.a.status.counter, patience).toBeGreaterThan(10);
    expect(rig.machines!.b.status).toMatchObject({ running: false, counter: 0 });
    await rig.a.must({ execute: 'continue', ...m1 });
    await rig.a.until('COMPLETED', 'm1');
    const moved = rig.machines!.a.status;
    expect(moved.running).toBe(false);
    expect(rig.machines!.b.status.running).toBe(true);
    await expect.poll(() => rig.machines!.b.status.counter, patience).toBeGreaterThan(moved.counter + 5);
    expect(rig.machines!.a.status.counter).toBe(moved.counter);
    // The target counts what had waited there at once; the source must be asked anew.
    await expect.poll(() => atSource.report().lost, patience).toBeGreaterThan(0);
    const [source, target] = [await atSource.stop(100), await atTarget.stop(100)];
    expect(source).toMatchObject({ places: ['a'], lastCounter: moved.counter, counterRegressions: 0 });
    expect(target).toMatchObject({ places: ['b'], counterRegressions: 0 });
    expect(target.lastCounter).toBe(moved.counter + target.answered);
  });

  it('runs on at the source when the target refuses to resume it', async () => {
    const udpPort = await freePort();
    rig = await Rig.start({ machines: { udpPort } });
    await rig.begin({ memoryBytes: 500_000 });
    await rig.a.until('PRE_SWITCHOVER', 'm1');
    await rig.stopMachine('b');
    await rig.a.must({ execute: 'continue', ...m1 });
    const end = await rig.a.until('FAILED', 'm1');
    expect(end.detail).toMatch(
      /the target refused: failed: resume-failed: all memory is here but machine at/,
    );
    expect(rig.machines!.a.status.running).toBe(true);
    expect((await rig.b.must({ execute: 'query', ...m1 })).phase).toBe('failed');
  });
});

describe('a migration that is called off', () => {
  it('leaves the machine at the source, at any moment before STOP', async () => {
    const udpPort = await freePort();
    rig = await Rig.start({ machines: { udpPort } });
    await rig.begin();
    expect((await rig.a.must({ execute: 'cancel', ...m1 })).phase).toBe('cancelled');
    await rig.a.until('CANCELLED', 'm1');
    expect((await rig.b.until('FAILED', 'm1')).detail).toContain('cancelled at the source');
    expect((await rig.a.must({ execute: 'cancel', ...m1 })).phase).toBe('cancelled');

    await rig.begin({ migration: 'm2', memoryBytes: 100_000 });
    await rig.a.until('PRE_SWITCHOVER', 'm2');
    await rig.a.must({ execute: 'cancel', migration: 'm2' });
    await rig.b.until('FAILED', 'm2');
    expect(rig.machines!.a.status.running).toBe(true);
    expect(rig.machines!.b.status.running).toBe(false);
  });

  it('may be called off by the target too', async () => {
    rig = await Rig.start();
    await rig.begin();
    await expect
      .poll(async () => (await rig.b.must({ execute: 'query', ...m1 })).transferredBytes, patience)
      .toBeGreaterThan(0);
    expect((await rig.b.must({ execute: 'cancel', ...m1 })).phase).toBe('cancelled');
    expect((await rig.a.until('FAILED', 'm1')).detail).toContain('the target refused: cancelled');
  });

  it('ends by itself when nobody says continue', async () => {
    rig = await Rig.start();
    await rig.begin({ memoryBytes: 100_000, switchoverTimeoutSeconds: 0.2 });
    const end = await rig.a.until('FAILED', 'm1');
    expect(end.detail).toContain('switchover-timeout');
    expect(rig.a.names('m1')).toEqual(['ROUND', 'PRE_SWITCHOVER', 'FAILED']);
    await rig.b.until('FAILED', 'm1');
  });
});

describe('an agent', () => {
  /** Sends raw lines and collects the answers until the agent hangs up or `expected` came. */
  const raw = (text: string, expected: number): Promise<{ replies: AgentReplyLine[]; closed: boolean }> =>
    new Promise((resolve) => {
      const socket = connect({ path: join(rig.directory, 'a.sock') });
      let heard = '';
      const replies = (): AgentReplyLine[] =>
        heard
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as AgentReplyLine);
      socket.on('connect', () => socket.write(text));
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        heard += chunk.toString();
        if (replies().length === expected) {
          socket.destroy();
          resolve({ replies: replies(), closed: false });
        }
      });
      socket.on('end', () => {
        socket.destroy();
        resolve({ replies: replies(), closed: true });
      });
    });
  const line = (id: number, command: object): string => `${JSON.stringify({ id, command })}\n`;

  it('refuses what it cannot do, by code, and goes on', async () => {
    rig = await Rig.start();
    const migrate = rig.command();
    const { replies } = await raw(
      [
        line(1, { ...migrate, bandwidthBytesPerSecond: 0 }),
        line(2, { execute: 'set-bandwidth', ...m1, bytesPerSecond: 0 }),
        line(3, { execute: 'continue', ...m1 }),
        line(4, { execute: 'query', ...m1 }),
        line(5, { execute: 'hello' }),
      ].join(''),
      5,
    );
    expect(replies).toEqual([
      { id: 1, error: { code: 'bad-bandwidth', detail: expect.stringContaining('null for no cap') } },
      { id: 2, error: { code: 'bad-bandwidth', detail: expect.stringContaining('null for no cap') } },
      { id: 3, error: { code: 'unknown-migration', detail: expect.stringContaining('m1') } },
      { id: 4, return: expect.objectContaining({ phase: 'none' }) },
      { id: 5, return: { agent: 'steady-transfer', version: 2 } },
    ]);
  });

  it.each([
    ['no JSON', 'hello\n', 'bad-line'],
    ['no id', '{"command":{"execute":"hello"}}\n', 'bad-line'],
    ['an endless line', `${'x'.repeat(agentLineLimitBytes + 1)}`, 'line-too-long'],
  ])('says why and hangs up at %s', async (_what, text, code) => {
    rig = await Rig.start();
    const { replies, closed } = await raw(text, 99);
    expect(replies).toEqual([{ id: 0, error: { code, detail: expect.any(String) } }]);
    expect(closed).toBe(true);
  });

  it('tells source from target, and a phase from another', async () => {
    rig = await Rig.start();
    await rig.begin();
    expect((await rig.a.ask({ execute: 'continue', ...m1 })).error?.code).toBe('wrong-phase');
    expect((await rig.b.ask({ execute: 'continue', ...m1 })).error?.code).toBe('wrong-host');
    const prepare = { execute: 'prepare-incoming', ...m1, vm: 'vm1', streams: [{ port: rig.port }] } as const;
    expect((await rig.b.must(prepare)).phase).toBe('incoming');
    expect((await rig.b.ask({ ...prepare, vm: 'vm2' })).error?.code).toBe('conflict');
    expect((await rig.b.ask({ ...prepare, migration: 'm9' })).error?.code).toBe('port-unavailable');
  });

  it('forgets the oldest ended migrations, and never the running ones', async () => {
    rig = await Rig.start();
    await rig.begin({ memoryBytes: 1e9, bandwidthBytesPerSecond: 100_000 });
    const port = await freePort();
    for (let i = 0; i < 105; i++) {
      const migration = `x${i}`;
      await rig.a.must({ execute: 'prepare-incoming', migration, vm: 'v', streams: [{ port }] });
      await rig.a.must({ execute: 'cancel', migration });
    }
    const phase = async (migration: string) => (await rig.a.must({ execute: 'query', migration })).phase;
    expect(await phase('x0')).toBe('none');
    expect(await phase('x104')).toBe('cancelled');
    expect(await phase('m1')).toBe('active');
  });

  it('takes over the socket of a dead agent, not that of a living one', async () => {
    rig = await Rig.start();
    const options = { host: 'a', address: '127.0.0.1', vmSockets: new Map() };
    const endpoint = `unix:${join(rig.directory, 'a.sock')}`;
    await expect(TransferServer.listen(endpoint, options)).rejects.toThrow(TransferServerError);
    const stale = join(rig.directory, 'stale.sock');
    const { spawnSync } = await import('node:child_process');
    spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    const server = await TransferServer.listen(`unix:${stale}`, options);
    await server.close();
  });
});
