import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requireOrSkip } from '../support/require.js';
import { LibvirtRig } from './libvirt-rig.js';
import { until } from './qemu-rig.js';

/** 8 MiB written again and again, some thousand pages a second. */
const busy = { writtenTo: 0x00a0_0000, ticksPerPage: 1_000_000 };
/** Long enough on its way for something to happen to it. */
const slow = { bandwidthBytesPerSecond: 6e6 };
const fast = 60e6;
let count = 0;
let id = '';

describe.skipIf(!requireOrSkip('libvirt'))('the driver of real libvirtds', () => {
  let rig: LibvirtRig;
  beforeAll(async () => {
    rig = new LibvirtRig();
    await rig.open(busy);
  });
  afterAll(() => rig.close());
  beforeEach(() => {
    rig.told.length = 0;
    id = `steady-libvirt-${++count}`;
  });

  it('leaves the machine where it is when it is told to cancel', async () => {
    await rig.boot();
    await rig.begin(id, slow);
    await rig.untilPhase('A', id, 'active');
    await rig.ask('A', { execute: 'cancel', migration: id });
    await rig.untilPhase('A', id, 'cancelled');
    await rig.untilPhase('B', id, 'cancelled');
    await runsOnlyAt('A');
  });

  it.each(['A', 'B'] as const)('finds it at its source when the libvirtd of %s is killed', async (host) => {
    await rig.boot();
    await rig.begin(id, slow);
    await sendingAt('A');
    rig.kill(host, 'libvirtd');
    await rig.untilPhase('A', id, 'failed');
    await rig.untilPhase('B', id, 'failed');
    await runsOnlyAt('A');
  });

  it.each([
    ['B', 'A'],
    ['A', ''],
  ] as const)('says that it failed when the QEMU of %s is killed', async (host, left) => {
    await rig.boot();
    await rig.begin(id, slow);
    await sendingAt('A');
    rig.kill(host, 'qemu-system-x86');
    await rig.untilPhase('A', id, 'failed');
    await rig.untilPhase('B', id, 'failed');
    if (left === 'A') await runsOnlyAt('A');
    else expect(await rig.virsh('B', 'list', '--name')).toBe('');
  });

  it('moves a machine that writes its memory, no faster than it may, and its state goes on where it stopped', async () => {
    await rig.boot();
    await rig.begin(id, slow);
    await rig.untilPhase('A', id, 'active');
    for (const wire of [12e6, 30e6]) {
      await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: wire });
      const told = Math.floor((wire * 1448) / 1514 / 1_048_576) * 1_048_576;
      await until(
        async () => (await parameters())['max-bandwidth'] === told,
        `QEMU was never told ${told} bytes/s`,
      );
    }
    expect((await parameters())['downtime-limit']).toBe(1);
    await rig.untilPhase('A', id, 'pre-switchover');
    expect(await rig.virsh('A', 'domstate', 'vm1')).toBe('running');
    const before = (await rig.counter('A'))!;
    await rig.ask('A', { execute: 'continue', migration: id });
    await rig.untilPhase('B', id, 'resumed');
    const after = (await rig.counter('B'))!;
    expect(after).toBeGreaterThanOrEqual(before);
    await until(async () => (await rig.counter('B'))! > after, 'the machine does not go on');
    await rig.untilPhase('A', id, 'completed');
    expect((await rig.ask('A', { execute: 'query', migration: id })).status?.downtimeMs).toBeGreaterThan(0);
    expect(await rig.virsh('A', 'list', '--all', '--name')).toBe('');
    const order = rig.told.map((line) => `${line.host} ${line.event}`).filter((e) => !/ROUND|STOP/.test(e));
    expect(order).toEqual(['A PRE_SWITCHOVER', 'B RESUME', 'A COMPLETED']);
  });

  it('goes on without virsh and its driver, in post-copy without the libvirtd of its source, and is taken over', async () => {
    await rig.boot();
    await rig.begin(id, { ...slow, mode: 'hybrid' });
    await sendingAt('A');
    rig.drive();
    expect(await rig.phase('A', id)).toBe('active');
    expect((await rig.ask('A', { execute: 'continue', migration: id, postcopy: true })).error).toBeNull();
    await rig.untilPhase('B', id, 'resumed');
    rig.kill('A', 'libvirtd');
    await until(async () => (await rig.phase('A', id)).startsWith('not-connected'), 'its loss is not seen');
    await until(async () => (await rig.phase('A', id)) === 'stopped', 'it is not found again');
    await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: fast });
    await rig.untilPhase('A', id, 'completed');
    await runsOnlyAt('B');
  });

  it('moves a disk at its own speed, and both are whole', async () => {
    await rig.boot({ diskBytesPerSecond: 8 * 1_048_576 }, true);
    await rig.begin(id, { disk: 'mirror', bandwidthBytesPerSecond: fast });
    await until(async () => ((await jobs())[0]?.speed ?? 0) === 8 * 1_048_576, 'the disk has no speed');
    await until(async () => (await parameters())['max-bandwidth'] === 54 * 1_048_576, 'the memory has none');
    await rig.untilPhase('A', id, 'pre-switchover');
    await rig.ask('A', { execute: 'continue', migration: id });
    await rig.untilPhase('A', id, 'completed');
    expect(readFileSync(rig.disk('B')).equals(readFileSync(rig.disk('A')))).toBe(true);
    await runsOnlyAt('B');
  });

  const parameters = () => rig.monitor('A', { execute: 'query-migrate-parameters' });
  const jobs = async () =>
    (await rig.monitor('A', { execute: 'query-block-jobs' })) as unknown as { readonly speed: number }[];

  /** Memory is on its way. */
  const sendingAt = (host: 'A'): Promise<void> =>
    until(async () => {
      const { status } = await rig.ask(host, { execute: 'query', migration: id });
      return (status?.transferredBytes ?? 0) > 1e6;
    }, 'nothing is sent');

  const runsOnlyAt = async (host: 'A' | 'B'): Promise<void> => {
    expect(await rig.virsh(host, 'domstate', 'vm1')).toBe('running');
    expect(await rig.virsh(host === 'A' ? 'B' : 'A', 'list', '--all', '--name')).toBe('');
    const before = (await rig.counter(host))!;
    await until(async () => (await rig.counter(host))! > before, 'the machine does not go on');
  };
});
