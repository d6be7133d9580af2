import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireOrSkip } from '../support/require.js';
import { QemuRig, until } from './qemu-rig.js';

/** 8 MiB written again and again, a few thousand pages a second at the usual 2 GHz of a time stamp counter. */
const busy = { writtenTo: 0x00a0_0000, ticksPerPage: 1_000_000 };
const id = 'steady-test-1';
/** Long enough on its way for something to happen to it. */
const slow = { bandwidthBytesPerSecond: 5e6 };
const events = (rig: QemuRig): string[] => rig.told.map((line) => `${line.host} ${line.event}`);

describe.skipIf(!requireOrSkip('qemu'))('the driver of real QEMUs', () => {
  let rig: QemuRig;
  beforeEach(async () => {
    rig = new QemuRig();
    await Promise.all([rig.boot('A', busy, false), rig.boot('B', busy, true)]);
    rig.drive();
    await until(async () => ((await rig.counter('A')) ?? 0) > 500, 'the guest does not begin to write');
  });
  afterEach(() => rig.close());

  it('moves a machine that writes its memory, and its state goes on where it stopped', async () => {
    await rig.begin(id);
    await rig.untilPhase('A', id, 'pre-switchover');
    expect(await rig.runState('A')).toBe('running');
    const before = (await rig.counter('A'))!;
    await rig.ask('A', { execute: 'continue', migration: id });
    await rig.untilPhase('B', id, 'resumed');
    expect(await rig.runState('B')).toBe('running');
    const after = (await rig.counter('B'))!;
    expect(after).toBeGreaterThanOrEqual(before);
    await until(async () => (await rig.counter('B'))! > after, 'the machine does not go on');
    await rig.untilPhase('A', id, 'completed');
    await until(async () => (await rig.runState('A')) === undefined, 'the source QEMU was not ended');
    const order = events(rig).filter((e) => !e.endsWith('ROUND'));
    expect(order.slice(0, 2)).toEqual(['A PRE_SWITCHOVER', 'A STOP']);
    expect(order.toSorted()).toEqual(['A COMPLETED', 'A PRE_SWITCHOVER', 'A STOP', 'B RESUME']);
  });

  it('leaves the machine where it is when it is told to cancel, and ends the target', async () => {
    await rig.begin(id, slow);
    await rig.untilPhase('A', id, 'active');
    await rig.ask('A', { execute: 'cancel', migration: id });
    await rig.ask('B', { execute: 'cancel', migration: id });
    await rig.untilPhase('A', id, 'cancelled');
    await until(async () => (await rig.runState('B')) === undefined, 'the target QEMU was not ended');
    await rig.untilPhase('B', id, 'cancelled');
    await runsOnlyAt('A');
  });

  it('goes on at the source when the target QEMU is killed', async () => {
    await rig.begin(id, slow);
    await rig.untilPhase('A', id, 'active');
    await rig.kill('B');
    await rig.untilPhase('A', id, 'failed');
    await rig.untilPhase('B', id, 'failed');
    await runsOnlyAt('A');
  });

  it('says that it failed when the source QEMU is killed, and leaves no half machine at the target', async () => {
    await rig.begin(id, slow);
    await rig.untilPhase('A', id, 'active');
    await rig.kill('A');
    await rig.untilPhase('A', id, 'failed');
    await rig.untilPhase('B', id, 'failed');
    expect(await rig.runState('B')).toBeUndefined();
  });

  it('says that a machine that is not there, or a place that does not wait, cannot be moved', async () => {
    const streams = [{ port: 4900 }];
    const prepare = { execute: 'prepare-incoming', migration: id, vm: 'vm1', streams } as const;
    expect((await rig.ask('A', prepare)).error).toContain('not-incoming');
    expect((await rig.ask('B', { ...prepare, vm: 'vm9' })).error).toContain('no-qemu');
    await expect(rig.begin(id, { vm: 'vm9' })).rejects.toThrow('no QEMU is configured for vm9');
    await rig.kill('A');
    await expect(rig.begin('other')).rejects.toThrow('not-incoming');
  });

  it('is taken over by a driver that knows nothing, before and after the machine has stopped', async () => {
    await rig.begin(id, slow);
    rig.drive();
    await rig.untilPhase('A', id, 'active');
    await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: 30e6 });
    await rig.untilPhase('A', id, 'pre-switchover');
    await rig.ask('A', { execute: 'continue', migration: id });
    rig.drive();
    await until(async () => {
      const phase = await rig.phase('A', id);
      if (phase === 'pre-switchover') await rig.ask('A', { execute: 'continue', migration: id });
      return phase === 'completed' || (await rig.phase('B', id)) === 'resumed';
    }, 'the second driver does not bring it to its end');
    await rig.untilPhase('B', id, 'resumed');
    await runsOnlyAt('B');
  });

  it('stops with what is left when it is forced to', async () => {
    await rig.begin(id, slow);
    await rig.untilPhase('A', id, 'active');
    await until(
      async () => (await rig.ask('A', { execute: 'query', migration: id })).status!.transferredBytes > 1e6,
      'nothing is sent',
    );
    const { error } = await rig.ask('A', { execute: 'continue', migration: id, force: true });
    expect(error).toBeNull();
    await rig.untilPhase('B', id, 'resumed');
    await rig.untilPhase('A', id, 'completed');
    expect(events(rig)).not.toContain('A PRE_SWITCHOVER');
    await runsOnlyAt('B');
  });

  it('goes on in post-copy when it is told that it will not converge', async () => {
    await rig.begin(id, { ...slow, mode: 'hybrid' });
    await rig.untilPhase('A', id, 'active');
    // before it sends memory it is refused
    const round = async () => (await rig.ask('A', { execute: 'query', migration: id })).status?.round ?? 0;
    await until(async () => (await round()) > 0, 'it sends no memory');
    const { error } = await rig.ask('A', { execute: 'continue', migration: id, postcopy: true });
    expect(error).toBeNull();
    await rig.untilPhase('B', id, 'resumed');
    expect(await rig.phase('A', id)).toBe('stopped');
    await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: 30e6 });
    await rig.untilPhase('A', id, 'completed');
    await runsOnlyAt('B');
  });

  it('says what is lost when the source is killed in the middle of post-copy', async () => {
    await rig.begin(id, { ...slow, mode: 'postcopy' });
    await rig.untilPhase('A', id, 'pre-switchover');
    await rig.ask('A', { execute: 'continue', migration: id });
    await rig.untilPhase('B', id, 'resumed');
    await rig.kill('A');
    await rig.untilPhase('A', id, 'failed');
    const { status } = await rig.ask('A', { execute: 'query', migration: id });
    expect(status?.detail).toContain('what was not fetched is lost');
    expect(await rig.phase('B', id)).toBe('resumed');
  });

  const runsOnlyAt = async (host: 'A' | 'B'): Promise<void> => {
    expect(await rig.runState(host)).toBe('running');
    expect(await rig.runState(host === 'A' ? 'B' : 'A')).not.toBe('running');
    const before = (await rig.counter(host))!;
    await until(async () => (await rig.counter(host))! > before, 'the machine does not go on');
  };
});
