import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type AgentCommand,
  type AgentStatus,
  defaultQemuSettings,
  QemuDriver,
  type QemuSettings,
} from '../../src/hypervisor/index.js';
import { FakeWorld } from './fake-qemu.js';

const numRuns = 150 * Number(process.env.STEADY_TEST_SCALE ?? 1);
const busy = { memoryBytes: 64e6, workingSetBytes: 8e6, dirtyBytesPerSecond: 2e6 };
const stubborn = { ...busy, workingSetBytes: 32e6, dirtyBytesPerSecond: 40e6 };
type Host = 'A' | 'B';
const id = 'm-1';
const stepMs = 10;

/** A driver in virtual time, between two scripted QEMUs. */
class Rig {
  readonly world: FakeWorld;
  readonly told: string[] = [];
  readonly errors: string[] = [];
  readonly #settings: QemuSettings;
  #replies = new Map<number, (reply: { error: string | null; status: AgentStatus | null }) => void>();
  #driver!: QemuDriver;
  #number = 0;

  constructor(guest = busy, settings: Partial<QemuSettings> = {}) {
    this.world = new FakeWorld(guest);
    this.#settings = { ...defaultQemuSettings, ...settings };
    this.drive();
  }

  drive(): void {
    this.#driver?.close();
    this.#driver = new QemuDriver(
      (['A', 'B'] as const).map((host) => ({
        ...{ host, vm: 'vm1', qmp: `unix:/${host}`, disk: undefined, settings: this.#settings },
      })),
      {
        onConnected: () => undefined,
        onEvent: (host, { event }) => this.told.push(`${host} ${event}`),
        onReply: (_host, number, error, status) =>
          this.#replies.get(number)?.({ error: error && `${error.code}: ${error.detail}`, status }),
      },
      {
        connect: ({ host }, watcher) => this.world.connect(host as Host, watcher),
        nowMs: () => this.world.nowMs,
      },
    );
    this.#driver.start();
  }

  ask(host: Host, command: AgentCommand): Promise<{ error: string | null; status: AgentStatus | null }> {
    const number = ++this.#number;
    return new Promise((resolve) => {
      this.#replies.set(number, resolve);
      this.#driver.send(host, number, command);
    });
  }

  /** Virtual time passes; the one thing that must never be is looked for at every step. */
  async pass(ms: number): Promise<void> {
    for (let t = 0; t < ms; t += stepMs) {
      this.world.step(stepMs);
      this.#driver.tick();
      await new Promise((resolve) => setImmediate(resolve));
      const { A, B } = this.world.qemus;
      if (A.running && B.running) throw new Error('two running copies');
    }
  }

  async phase(host: Host): Promise<string> {
    const { error, status } = await this.ask(host, { execute: 'query', migration: id });
    return status?.phase ?? error ?? '';
  }

  async untilPhase(host: Host, phase: string): Promise<void> {
    for (let t = 0; t < 60_000; t += 100) {
      if ((await this.phase(host)) === phase) return;
      await this.pass(100);
    }
    throw new Error(`${host} says ${await this.phase(host)}, never ${phase}`);
  }

  async begin(more: Partial<Extract<AgentCommand, { execute: 'migrate' }>> = {}): Promise<void> {
    await this.pass(stepMs);
    const streams = [{ port: 4900 }];
    const { mode = 'precopy' } = more;
    const prepared = await this.ask('B', {
      execute: 'prepare-incoming',
      migration: id,
      vm: 'vm1',
      streams,
      mode,
    });
    if (prepared.error !== null) throw new Error(prepared.error);
    const { error } = await this.ask('A', {
      execute: 'migrate',
      migration: id,
      vm: 'vm1',
      destination: { address: 'B' },
      streams,
      memoryBytes: 64e6,
      dirtyBytesPerSecond: 0,
      workingSetBytes: 8e6,
      downtimeLimitMs: 300,
      bandwidthBytesPerSecond: 20e6,
      switchoverTimeoutSeconds: 30,
      ...more,
    });
    if (error !== null) throw new Error(error);
  }
}

// a listening target is found by its own words for its address
const listen = { listen: 'B' };

describe('QemuDriver', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig(busy, listen);
  });

  it('holds the machine running at the door until it may stop, and moves it then', async () => {
    await rig.begin();
    await rig.untilPhase('A', 'pre-switchover');
    await rig.pass(3000);
    expect(await rig.phase('A')).toBe('pre-switchover');
    expect(rig.world.qemus.A.runState).toBe('running');
    await rig.ask('A', { execute: 'continue', migration: id });
    await rig.untilPhase('B', 'resumed');
    await rig.untilPhase('A', 'completed');
    expect(rig.told.filter((t) => !t.includes('ROUND'))).toEqual([
      'A PRE_SWITCHOVER',
      'A STOP',
      'B RESUME',
      'A COMPLETED',
    ]);
    const { status } = await rig.ask('A', { execute: 'query', migration: id });
    expect(status!.downtimeMs).toBeGreaterThan(0);
    expect(status!.downtimeMs).toBeLessThan(400);
    expect(rig.world.qemus.A.alive).toBe(false);
  });

  it.each(['none', 'completed'])(
    'begins anew what an earlier life has only marked, in a QEMU whose last move ended %s',
    async (before) => {
      const { A, B } = rig.world.qemus;
      Object.assign(A, { state: before, pass: 7, transferredBytes: 5e6 });
      for (const [qemu, role] of [
        [A, 'source'],
        [B, 'target'],
      ] as const)
        qemu.objects.set(
          `steady-${id}`,
          JSON.stringify({
            ...{ role, mode: 'precopy', disk: 'none', downtimeLimitMs: 300, workingSetBytes: 8e6 },
            uri: 'tcp:B:4900',
          }),
        );
      rig.drive();
      await rig.pass(500);
      // The state of the move before is not that of this one, and nobody listens.
      expect([await rig.phase('A'), await rig.phase('B')]).toEqual(['none', 'none']);
      expect((await rig.ask('A', { execute: 'query', migration: id })).status).toMatchObject({
        round: 0,
        transferredBytes: 0,
      });
      expect(A.runState).toBe('running');
      await rig.begin();
      await rig.untilPhase('A', 'pre-switchover');
      await rig.ask('A', { execute: 'continue', migration: id });
      await rig.untilPhase('B', 'resumed');
      await rig.untilPhase('A', 'completed');
    },
  );

  it('has its memory sent to the last of several streams, which a circuit may carry', async () => {
    const streams = [{ port: 4900 }, { port: 4964 }];
    await rig.pass(stepMs);
    await rig.ask('B', { execute: 'prepare-incoming', migration: id, vm: 'vm1', streams });
    expect(rig.world.qemus.B.incomingUri).toBe('tcp:B:4964');
  });

  it('does not take the end of the move before for that of a machine that moves on', async () => {
    const { A } = rig.world.qemus;
    A.state = 'completed';
    const set = A.parameters.set.bind(A.parameters);
    // It may tell anything at any moment, also before it was told to move.
    A.parameters.set = (name, value) => {
      A.emit('NIC_RX_FILTER_CHANGED');
      return set(name, value);
    };
    await rig.begin();
    expect(await rig.phase('A')).toBe('active');
    await rig.untilPhase('A', 'pre-switchover');
    expect(rig.told).not.toContain('A FAILED');
  });

  it('tells what remains, how fast memory is written, and each pass', async () => {
    await rig.begin();
    await rig.pass(1000);
    const early = (await rig.ask('A', { execute: 'query', migration: id })).status!;
    expect(early).toMatchObject({ phase: 'active', round: 1, totalBytes: 64e6, dirtyBytesPerSecond: 0 });
    expect(early.remainingBytes).toBeLessThan(64e6);
    await rig.untilPhase('A', 'pre-switchover');
    const late = (await rig.ask('A', { execute: 'query', migration: id })).status!;
    expect(late.dirtyBytesPerSecond).toBeCloseTo(2e6);
    expect(late.round).toBeGreaterThan(1);
    expect(rig.told).toContain('A ROUND');
  });

  it('gives QEMU the granted rate less the headers, never more often than each 200 ms, and never 0', async () => {
    await rig.begin();
    const commandsIn = async (ms: number): Promise<number> => {
      const before = rig.world.qemus.A.commands.length;
      for (let t = 0; t < ms; t += 20) {
        await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: 1e6 * (2 + (t % 7)) });
        await rig.pass(20);
      }
      return rig.world.qemus.A.commands.slice(before).filter((c) => c === 'migrate-set-parameters').length;
    };
    expect(await commandsIn(1000)).toBeLessThanOrEqual(6);
    await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: 10e6 });
    await rig.pass(300);
    expect(rig.world.qemus.A.parameters.get('max-bandwidth')).toBe(Math.round((10e6 * 1448) / 1514));
    await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: null });
    await rig.pass(300);
    expect(rig.world.qemus.A.parameters.get('max-bandwidth')).toBeGreaterThan(1e11);
    const refused = await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: 0 });
    expect(refused.error).toContain('bad-bandwidth');
  });

  it('asks what a QEMU can do, and says what it lacks', async () => {
    rig.world.qemus.B.capabilities.delete('postcopy-ram');
    await expect(rig.begin({ mode: 'hybrid' })).rejects.toThrow('has no postcopy-ram');
    // what is only useful may be missing
    rig = new Rig(busy, listen);
    for (const qemu of Object.values(rig.world.qemus)) qemu.capabilities.delete('late-block-activate');
    await rig.begin();
  });

  it('does not stop a copy that does not converge, and goes on in post-copy when it is told to', async () => {
    rig = new Rig(stubborn, listen);
    await rig.begin({ mode: 'hybrid' });
    await rig.pass(20_000);
    expect(await rig.phase('A')).toBe('active');
    expect((await rig.ask('A', { execute: 'continue', migration: id })).error).toContain('wrong-phase');
    await rig.ask('A', { execute: 'continue', migration: id, postcopy: true });
    await rig.untilPhase('B', 'resumed');
    expect(await rig.phase('A')).toBe('stopped');
    await rig.untilPhase('A', 'completed');
  });

  it('stops a copy that does not converge when it is forced to, and sends what is left while it stands still', async () => {
    rig = new Rig(stubborn, listen);
    await rig.begin();
    await rig.pass(2000);
    const refused = await rig.ask('A', { execute: 'continue', migration: id });
    expect(refused.error).toContain('has not converged');
    expect(rig.world.qemus.A.runState).toBe('running');
    expect((await rig.ask('A', { execute: 'continue', migration: id, force: true })).error).toBeNull();
    await rig.untilPhase('B', 'resumed');
    await rig.untilPhase('A', 'completed');
    const { status } = await rig.ask('A', { execute: 'query', migration: id });
    // longer than what was agreed
    expect(status!.downtimeMs).toBeGreaterThan(300);
  });

  it('joins the two ends again when their connection breaks in post-copy', async () => {
    await rig.begin({ mode: 'postcopy' });
    await rig.untilPhase('A', 'pre-switchover');
    await rig.ask('A', { execute: 'continue', migration: id });
    await rig.untilPhase('B', 'resumed');
    rig.world.breakStream(rig.world.qemus.A);
    expect(rig.world.qemus.A.state).toBe('postcopy-paused');
    await rig.untilPhase('A', 'completed');
  });

  it('slows a machine down only where that is allowed, and only when it is told to', async () => {
    await rig.begin();
    const throttle = { execute: 'throttle', migration: id, mostPercent: 80 } as const;
    expect((await rig.ask('A', throttle)).error).toContain('autoConverge');
    rig = new Rig(busy, { ...listen, autoConverge: true });
    await rig.begin();
    expect(rig.world.qemus.A.parameters.get('max-cpu-throttle')).toBe(1);
    expect((await rig.ask('A', throttle)).error).toBeNull();
    expect(rig.world.qemus.A.parameters.get('max-cpu-throttle')).toBe(80);
  });

  it('lets the source run again when the target ends with everything, before it was told to run', async () => {
    await rig.begin();
    await rig.untilPhase('A', 'pre-switchover');
    await rig.ask('A', { execute: 'continue', migration: id });
    rig.world.links.B!.lose('away');
    for (let i = 0; i < 200 && rig.world.qemus.A.state !== 'completed'; i++) await rig.pass(10);
    expect(rig.world.qemus.A.state).toBe('completed');
    expect(await rig.phase('A')).toBe('stopped');
    rig.world.kill('B');
    await rig.untilPhase('A', 'failed');
    expect(rig.world.qemus.A.running).toBe(true);
  });

  it('does not guess where the machine may run when the answer to "run" is lost and the target ends', async () => {
    await rig.begin();
    await rig.untilPhase('A', 'pre-switchover');
    await rig.ask('A', { execute: 'continue', migration: id });
    for (let i = 0; i < 500 && !rig.world.qemus.B.commands.includes('cont'); i++) {
      if (rig.world.qemus.B.state === 'completed') rig.world.links.B!.loseNextAnswer = true;
      await rig.pass(10);
    }
    rig.world.kill('B');
    await rig.pass(5000);
    expect(rig.world.qemus.A.running).toBe(false);
  });

  it('does not run the target whose word that it has everything never reached the source', async () => {
    await rig.begin();
    await rig.untilPhase('A', 'pre-switchover');
    await rig.ask('A', { execute: 'continue', migration: id });
    const { A, B } = rig.world.qemus;
    for (let i = 0; i < 200 && B.state !== 'completed'; i++) await rig.pass(stepMs);
    expect(A.state).toBe('device');
    rig.world.breakStream(A);
    await rig.untilPhase('A', 'failed');
    await rig.pass(2000);
    expect(A.running).toBe(true);
    expect(B.running).toBe(false);
  });

  it('runs the target when the source ends after it has given everything', async () => {
    await rig.begin();
    await rig.untilPhase('A', 'pre-switchover');
    await rig.ask('A', { execute: 'continue', migration: id });
    rig.world.links.A!.lose('away');
    rig.world.links.B!.lose('away');
    rig.drive();
    rig.world.links.A!.lose('away');
    for (let i = 0; i < 300; i++) {
      if (rig.world.qemus.A.state === 'pre-switchover') rig.world.goOn(rig.world.qemus.A);
      await rig.pass(10);
    }
    rig.world.kill('A');
    await rig.untilPhase('B', 'resumed');
  });

  type Fault = { readonly afterMs: number; readonly what: string; readonly host: Host };
  const fault = fc.record<Fault>({
    afterMs: fc.integer({ min: 0, max: 1500 }),
    what: fc.constantFrom('away', 'kill', 'lose-answer', 'driver', 'cancel', 'continue', 'stream', 'keeper'),
    host: fc.constantFrom('A', 'B'),
  });

  it('never lets two copies run, and lets one run wherever two QEMUs are left that can be asked', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fault, { maxLength: 6 }),
        fc.constantFrom('precopy', 'postcopy', 'hybrid' as const),
        async (faults, mode) => {
          rig = new Rig(busy, listen);
          await rig.begin({ mode, bandwidthBytesPerSecond: 40e6 });
          let killed = false;
          for (const { afterMs, what, host } of faults) {
            await rig.pass(afterMs);
            const link = rig.world.links[host]!;
            if (what === 'away') link.lose('away');
            else if (what === 'kill') rig.world.kill(host);
            else if (what === 'lose-answer') link.loseNextAnswer = true;
            else if (what === 'driver') rig.drive();
            else if (what === 'stream') rig.world.breakStream(rig.world.qemus[host]);
            else if (what === 'keeper') rig.world.startAnew(host);
            else if (what === 'cancel' || what === 'continue')
              await rig.ask(host, { execute: what, migration: id });
            killed ||= what === 'kill';
          }
          // whoever watches over the migration brings it to an end: everything that can be asked is asked
          for (let i = 0; i < 100; i++) {
            for (const host of ['A', 'B'] as const) rig.world.links[host]!.open();
            const phase = await rig.phase('A');
            if (phase === 'pre-switchover') await rig.ask('A', { execute: 'continue', migration: id });
            await rig.pass(200);
          }
          const { A, B } = rig.world.qemus;
          if (!killed) expect([A, B].filter((q) => q.running)).toHaveLength(1);
        },
      ),
      { numRuns, seed: 20_261_125, interruptAfterTimeLimit: 40_000 },
    );
  });
});
