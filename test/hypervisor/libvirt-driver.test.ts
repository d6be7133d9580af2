import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type AgentCommand,
  type AgentStatus,
  defaultLibvirtSettings,
  LibvirtDriver,
  type LibvirtSettings,
} from '../../src/hypervisor/index.js';
import { FakeLibvirt, type Host, memoryBytes } from './fake-libvirt.js';

const numRuns = 60 * Number(process.env.STEADY_TEST_SCALE ?? 1);
const stepMs = 20;
const id = 'm-1';
type Answer = { readonly error: string | null; readonly status: AgentStatus | null };
type Migrate = Extract<AgentCommand, { execute: 'migrate' }>;

/** A driver in virtual time, between two scripted libvirtds. */
class Rig {
  readonly world = new FakeLibvirt();
  readonly told: string[] = [];
  readonly #settings: Partial<LibvirtSettings>;
  #replies = new Map<number, (answer: Answer) => void>();
  #driver!: LibvirtDriver;
  #number = 0;

  constructor(settings: Partial<LibvirtSettings> = {}) {
    this.#settings = settings;
    this.drive();
  }

  /** As a controller that was just started has it. */
  drive(): void {
    const settings = (host: Host) => ({
      ...{ ...defaultLibvirtSettings, ...this.#settings, uri: `qemu+tls://${host.toLowerCase()}/system` },
    });
    this.#driver = new LibvirtDriver(
      (['A', 'B'] as const).map((host) => ({ host, vm: 'vm1', domain: 'vm1', settings: settings(host) })),
      {
        onConnected: () => undefined,
        onEvent: (host, { event }) => this.told.push(`${host} ${event}`),
        onReply: (_host, number, error, status) =>
          this.#replies.get(number)?.({ error: error && `${error.code}: ${error.detail}`, status }),
      },
      { start: this.world.start, nowMs: () => this.world.nowMs },
    );
    this.#driver.start();
  }

  ask(host: Host, command: AgentCommand): Promise<Answer> {
    const number = ++this.#number;
    return new Promise((resolve) => {
      this.#replies.set(number, resolve);
      this.#driver.send(host, number, command);
    });
  }
  query = (host: Host): Promise<Answer> => this.ask(host, { execute: 'query', migration: id });
  async phase(host: Host): Promise<string> {
    const { status, error } = await this.query(host);
    return status?.phase ?? error ?? '';
  }

  async begin(more: Partial<Migrate> = {}): Promise<Answer> {
    const { mode = 'precopy', disk = 'none' } = more;
    const streams = [{ port: 4900 }, { port: 4901 }];
    const shared = { migration: id, vm: 'vm1', streams, mode, disk };
    const prepared = await this.ask('B', { execute: 'prepare-incoming', ...shared });
    if (prepared.error !== null) return prepared;
    return this.ask('A', {
      execute: 'migrate',
      ...shared,
      destination: { address: '10.0.0.2' },
      ...{ memoryBytes, dirtyBytesPerSecond: 0, workingSetBytes: 8e6, downtimeLimitMs: 300 },
      ...{ bandwidthBytesPerSecond: 20e6, switchoverTimeoutSeconds: 30, ...more },
    });
  }

  async run(ms: number, until: () => boolean | Promise<boolean> = () => false): Promise<boolean> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      if (await until()) return true;
      this.world.step(stepMs);
      this.#driver.tick();
      await new Promise((resolve) => setImmediate(resolve));
      // what libvirt cannot hold, nobody may break
      expect(this.world.running('A') && this.world.running('B')).toBe(false);
    }
    return until();
  }
  async untilPhase(host: Host, phase: string, ms = 60_000): Promise<void> {
    let last = '';
    const reached = await this.run(ms, async () => {
      last = await this.phase(host);
      return last === phase;
    });
    if (!reached) throw new Error(`${host} says ${last}, never ${phase}: ${this.told.join(', ')}`);
  }
  commands = (name: string): (readonly string[])[] =>
    this.world.calls.filter(({ args }) => args[0] === name).map(({ args }) => args);
}

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
const goOn = { execute: 'continue', migration: id } as const;
const runsAt = (): string => (['A', 'B'] as const).filter((host) => rig.world.running(host)).join('');

describe('a move through virsh', () => {
  it('waits at the door until it is told, and says where the machine is', async () => {
    expect((await rig.begin()).error).toBeNull();
    await rig.untilPhase('A', 'pre-switchover');
    expect(runsAt()).toBe('A');
    // libvirt would have stopped it long ago
    await rig.run(3000);
    expect(await rig.phase('A')).toBe('pre-switchover');
    await rig.ask('A', goOn);
    await rig.untilPhase('A', 'completed');
    expect(await rig.phase('B')).toBe('resumed');
    expect(runsAt()).toBe('B');
    expect((await rig.query('A')).status).toMatchObject({ downtimeMs: 39, remainingBytes: 0 });
    const order = rig.told.filter((event) => !event.endsWith('ROUND') && event !== 'A STOP');
    expect(order).toEqual(['A PRE_SWITCHOVER', 'B RESUME', 'A COMPLETED']);
  });

  it('does not wait for its end where somebody insists, and stands still for as long as the rest takes', async () => {
    // written faster than it is sent: it would never fit
    rig.world.dirtyBytesPerSecond = 200e6;
    await rig.begin();
    await rig.run(3000);
    expect(await rig.phase('A')).toBe('active');
    expect((await rig.ask('A', goOn)).error).toMatch(/^wrong-phase/);
    expect((await rig.ask('A', { ...goOn, force: true })).error).toBeNull();
    await rig.untilPhase('A', 'completed');
    expect(runsAt()).toBe('B');
  });

  it('tells how far it is, memory and disk', async () => {
    await rig.begin({ disk: 'mirror' });
    await rig.run(600);
    const { status } = await rig.query('A');
    expect(status).toMatchObject({ phase: 'active', round: 0, totalBytes: 16e6 });
    expect(status!.transferredBytes + status!.remainingBytes).toBeCloseTo(16e6, -1);
    // the disk at its own speed, the memory at what was granted
    expect(rig.commands('migrate')[0]?.join(' ')).toContain(
      '--bandwidth 16 --copy-storage-all --disks-port 4901',
    );
    await rig.run(3000);
    expect((await rig.query('A')).status).toMatchObject({ round: 1, totalBytes: 16e6 + memoryBytes });
    expect(rig.world.speedMebibytes).toBe(18);
  });

  it('follows what is granted, in whole MiB/s, never above it and never 0', async () => {
    await rig.begin();
    await rig.run(600);
    for (const wire of [30e6, 5e6, 400_000, 12e6]) {
      await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: wire });
      await rig.run(600);
      expect(rig.world.speedMebibytes).toBe(Math.max(1, Math.floor((wire * 1448) / 1514 / 1_048_576)));
      const { detail } = (await rig.query('A')).status!;
      expect(detail.includes('least speed')).toBe(wire < 1e6);
    }
    const set = rig.world.calls.filter(({ args }) => args[0] === 'migrate-setspeed');
    for (const { args } of set)
      expect(Number(rig.world.value(args, '--bandwidth'))).toBeGreaterThanOrEqual(1);
    for (const [i, { atMs }] of set.entries())
      if (i > 0) expect(atMs - set[i - 1]!.atMs).toBeGreaterThanOrEqual(200);
  });

  it('says so when libvirt moved it unasked', async () => {
    rig.world.dirtyBytesPerSecond = 0;
    await rig.begin();
    await rig.untilPhase('B', 'resumed');
    await rig.untilPhase('A', 'failed');
    expect((await rig.query('A')).status?.detail).toContain('before it was told to');
    expect(runsAt()).toBe('B');
    expect(rig.told.indexOf('B RESUME')).toBeLessThan(rig.told.indexOf('A FAILED'));
  });

  it('is cancelled, and the machine stays', async () => {
    await rig.begin();
    await rig.run(1000);
    await rig.ask('A', { execute: 'cancel', migration: id });
    await rig.untilPhase('A', 'cancelled');
    expect(await rig.phase('B')).toBe('cancelled');
    expect(runsAt()).toBe('A');
    expect((await rig.ask('B', { execute: 'cancel', migration: 'other' })).status?.phase).toBe('none');
  });

  it('does not begin what was cancelled, or what cannot be done', async () => {
    const streams = [{ port: 4900 }];
    const prepare = { execute: 'prepare-incoming', migration: id, vm: 'vm1', streams } as const;
    expect((await rig.ask('A', prepare)).error).toMatch(/^not-incoming/);
    expect((await rig.ask('B', { ...prepare, vm: 'vm9' })).error).toMatch(/^no-domain/);
    expect((await rig.ask('B', { ...prepare, disk: 'mirror' })).error).toMatch(/^bad-command/);
    expect((await rig.ask('A', goOn)).error).toMatch(/^unknown-migration/);
    await rig.ask('B', prepare);
    await rig.ask('B', { execute: 'cancel', migration: id });
    expect((await rig.begin()).error).toMatch(/^wrong-phase/);
    expect(rig.commands('migrate')).toEqual([]);
    rig = new Rig();
    rig.world.set('A', 'paused', 'user');
    expect((await rig.begin()).error).toMatch(/^vm-not-here/);
    rig = new Rig();
    await rig.begin();
    expect((await rig.begin()).error).toMatch(/^already-migrating/);
    expect((await rig.ask('A', goOn)).error).toMatch(/^wrong-phase/);
  });
});

describe('post-copy through virsh', () => {
  const fetchFrom = async (): Promise<void> => {
    await rig.begin({ mode: 'hybrid' });
    await rig.run(60);
    expect((await rig.ask('A', { ...goOn, postcopy: true })).error).toBeNull();
    await rig.untilPhase('B', 'resumed');
  };

  it('begins when QEMU is ready for it, is limited too, and ends', async () => {
    await fetchFrom();
    expect(rig.commands('migrate-postcopy').length).toBeGreaterThan(1);
    expect(await rig.phase('A')).toBe('stopped');
    await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: 30e6 });
    await rig.run(1000);
    expect(rig.world.postcopyMebibytes).toBe(27);
    await rig.untilPhase('A', 'completed');
    expect(runsAt()).toBe('B');
  });

  it('is refused where the move was not begun with it', async () => {
    await rig.begin();
    await rig.run(600);
    expect((await rig.ask('A', { ...goOn, postcopy: true })).error).toMatch(/^refused/);
  });

  it('cannot be cancelled any more', async () => {
    await fetchFrom();
    await rig.ask('A', { execute: 'cancel', migration: id });
    await rig.untilPhase('A', 'completed');
    expect(runsAt()).toBe('B');
  });

  it('says what is lost with either end', async () => {
    await fetchFrom();
    rig.world.killQemu('A');
    await rig.untilPhase('A', 'failed');
    expect((await rig.query('A')).status?.detail).toContain('what was not fetched is lost');
    expect(await rig.phase('B')).toBe('resumed');
    rig = new Rig();
    await fetchFrom();
    rig.world.killQemu('B');
    await rig.untilPhase('A', 'failed');
    await rig.run(20_000);
    expect((await rig.query('A')).status?.detail).toContain('whole at no place');
    expect(runsAt()).toBe('');
    expect(rig.commands('resume')).toEqual([]);
  });

  it('is taken up again when its connection broke', async () => {
    await fetchFrom();
    rig.world.set('A', 'paused', 'post-copy failed');
    rig.world.set('B', 'paused', 'post-copy failed');
    rig.world.killVirsh();
    await rig.untilPhase('A', 'completed');
    expect(rig.commands('migrate').at(-1)?.join(' ')).toContain('--postcopy-resume');
  });

  it('outlives the libvirtd of either end', async () => {
    for (const host of ['A', 'B'] as const) {
      rig = new Rig();
      await fetchFrom();
      rig.world.stop(host);
      await rig.run(1000);
      expect(await rig.phase(host)).toMatch(/^not-connected/);
      rig.world.restart(host);
      if (host === 'B') rig.world.set('A', 'paused', 'post-copy');
      await rig.untilPhase('A', 'completed');
    }
  });
});

describe('what dies on the way', () => {
  const halfWay = async (): Promise<void> => {
    await rig.begin();
    await rig.run(1000);
  };
  it.each([
    ['the QEMU of the source', () => rig.world.killQemu('A'), ''],
    ['the QEMU of the target', () => rig.world.killQemu('B'), 'A'],
  ] as const)('%s', async (_, kill, left) => {
    await halfWay();
    kill();
    await rig.untilPhase('A', 'failed');
    expect(await rig.phase('B')).toBe('failed');
    await rig.run(20_000);
    expect(runsAt()).toBe(left);
  });

  it.each(['A', 'B'] as const)('the libvirtd of %s: asked again when it is back', async (host) => {
    await halfWay();
    rig.world.stop(host);
    await rig.run(2000);
    expect(await rig.phase(host)).toMatch(/^not-connected: /);
    rig.world.restart(host);
    await rig.untilPhase('A', 'failed');
    await rig.untilPhase('B', 'failed');
    expect(runsAt()).toBe('A');
  });

  it('virsh itself: the migration is libvirt’s and goes on', async () => {
    await halfWay();
    rig.world.killVirsh();
    await rig.untilPhase('A', 'pre-switchover');
    await rig.ask('A', goOn);
    await rig.untilPhase('A', 'completed');
    expect(runsAt()).toBe('B');
  });

  it('nothing, but answers fail to come: unknown is not absent', async () => {
    await halfWay();
    rig.world.hangs.add('domstate');
    await rig.run(2000);
    expect(await rig.phase('A')).toMatch(/^not-connected/);
    expect(rig.told.filter((event) => !event.endsWith('ROUND'))).toEqual([]);
    rig.world.hangs.clear();
    await rig.untilPhase('A', 'pre-switchover');
  });

  it('nothing, but the domain is not found though libvirt lists it', async () => {
    await halfWay();
    rig.world.hides = true;
    await rig.run(2000);
    expect(await rig.phase('A')).toMatch(/^not-connected/);
    rig.world.hides = false;
    await rig.untilPhase('A', 'pre-switchover');
  });

  it('one libvirtd after the other: an end that is not known of both is looked for', async () => {
    await halfWay();
    rig.world.stop('B');
    await rig.untilPhase('A', 'failed');
    rig.world.stop('A');
    await rig.run(2000);
    rig.world.restart('B');
    await rig.run(2000);
    rig.world.restart('A');
    await rig.untilPhase('A', 'failed');
    await rig.untilPhase('B', 'failed');
  });

  it('the controller: the next one finds the move in the domain, before and after it stopped', async () => {
    await halfWay();
    rig.drive();
    expect(await rig.phase('A')).toBe('active');
    await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: 30e6 });
    await rig.untilPhase('A', 'pre-switchover');
    await rig.ask('A', goOn);
    await rig.run(2000, () => runsAt() === 'B');
    rig.drive();
    expect(await rig.phase('B')).toBe('resumed');
    await rig.untilPhase('A', 'failed');
    expect((await rig.query('A')).status?.detail).toContain('before it was told to');
    expect((await rig.ask('A', { execute: 'query', migration: 'other' })).status?.phase).toBe('none');
  });
});

describe('a machine that libvirt left paused at its source', () => {
  const leave = async (there: () => void): Promise<void> => {
    await rig.begin();
    await rig.run(600);
    rig.world.job = undefined;
    rig.world.set('A', 'paused', 'migrating');
    there();
    rig.world.killVirsh();
    await rig.run(4000);
    for (const command of ['resume', 'destroy']) expect(rig.commands(command)).toEqual([]);
    await rig.run(20_000);
  };

  it('goes on there when the target has said that it has none', async () => {
    await leave(() => {
      rig.world.domains.B = undefined;
    });
    expect(runsAt()).toBe('A');
    await rig.untilPhase('A', 'failed');
    expect((await rig.query('A')).status?.detail).toContain('it goes on there');
  });

  it('stays so while the target cannot be asked', async () => {
    await leave(() => {
      rig.world.up.B = false;
    });
    expect(rig.commands('resume')).toEqual([]);
    expect(await rig.phase('A')).toBe('stopped');
  });

  it('stays so while the target waits, too', async () => {
    await leave(() => undefined);
    expect(runsAt()).toBe('');
    expect((await rig.query('A')).status?.detail).toContain('paused at both places');
  });

  it('is ended when it runs at the target', async () => {
    await leave(() => rig.world.set('B', 'running', 'migrated'));
    expect(rig.commands('destroy').length).toBe(1);
    expect(rig.world.calls.find(({ args }) => args[0] === 'destroy')?.host).toBe('A');
    expect(runsAt()).toBe('B');
  });

  it('is not ended for another machine of its name', async () => {
    await leave(() => rig.world.set('B', 'running', 'booted', '99999999-2222-4333-8444-555555555555'));
    expect(rig.commands('destroy')).toEqual([]);
  });
});

it('comes to an end wherever something dies, and starts or ends nothing by itself', async () => {
  const faults = ['A qemu', 'B qemu', 'A libvirtd', 'B libvirtd', 'virsh', 'controller', 'cancel'] as const;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...faults),
      fc.integer({ min: 0, max: 8000 }),
      fc.constantFrom(0, 2e6, 12e6),
      async (fault, afterMs, dirty) => {
        rig = new Rig();
        rig.world.dirtyBytesPerSecond = dirty;
        await rig.begin();
        let broken = false;
        let next = 0;
        const ended = await rig.run(60_000, async () => {
          if (!broken && rig.world.nowMs >= afterMs) {
            broken = true;
            const host = fault[0] as Host;
            if (fault.endsWith('qemu') && rig.world.domains[host] !== undefined) rig.world.killQemu(host);
            else if (fault.endsWith('libvirtd')) rig.world.stop(host);
            else if (fault === 'virsh') rig.world.killVirsh();
            else if (fault === 'controller') {
              rig.drive();
              await rig.phase('A');
              await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: 20e6 });
            } else if (fault === 'cancel') await rig.ask('A', { execute: 'cancel', migration: id });
          }
          if (rig.world.nowMs >= afterMs + 1500)
            for (const host of ['A', 'B'] as const) rig.world.restart(host);
          if (rig.world.nowMs < next || !broken) return false;
          next = rig.world.nowMs + 100;
          const [a, b] = [await rig.phase('A'), await rig.phase('B')];
          if (a === 'pre-switchover') await rig.ask('A', goOn);
          return (
            ['completed', 'failed', 'cancelled', 'none'].includes(a) &&
            b !== 'incoming' &&
            !b.startsWith('not')
          );
        });
        expect(ended, `${fault} at ${afterMs}: ${await rig.phase('A')} and ${await rig.phase('B')}`).toBe(
          true,
        );
        const b = await rig.phase('B');
        if (rig.world.running('A')) expect(b).not.toBe('resumed');
        if (rig.world.running('B')) expect(b).toBe('resumed');
        for (const command of ['resume', 'destroy']) expect(rig.commands(command)).toEqual([]);
      },
    ),
    { numRuns },
  );
});
