import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MoveRow, VmRig } from '../../bench/vm/rig.js';
import { runningCopies } from '../../bench/vm/running-copies.js';
import { info, readMachineEvents } from '../../src/testbed/index.js';
import { requireOrSkip } from '../support/require.js';
import { twoDc } from '../testbed/testbed-support.js';

/**
 * A machine that runs, moved by the whole controller over Open vSwitch under the seeded load. How long it took and what
 * was felt is measured by `npm run test:vm`; here only what must hold on any machine is asserted.
 */
describe.skipIf(!requireOrSkip('ovs', 'gcc', 'qemu'))('a real machine', () => {
  const plain = twoDc('-vm');
  const topology = { ...plain, vms: plain.vms.map((v) => ({ ...v, memoryBytes: 100 * 2 ** 20 })) };
  let rig: VmRig;
  let row: MoveRow;

  beforeAll(async () => {
    rig = await VmRig.open({ topology, seed: 1, traffic: true, say: () => undefined });
    row = await rig.move({ to: 'hyp-b', mode: 'precopy', dirtyFraction: 0.02, limitSeconds: 240 });
  }, 290_000);
  afterAll(async () => {
    await rig?.close();
  });

  it('arrives, and is the one that left', () => {
    expect(row, JSON.stringify(row)).toMatchObject({ state: 'completed', failureReason: null });
    const { machine } = row;
    expect(machine).toMatchObject({ intact: true, resets: 0, badPages: 0 });
    // It wrote while it was copied, and whoever asked got one and the same answerer.
    expect(row.dirtyPagesPerSecond).toBeGreaterThan(10);
    expect(machine.dirtiedPages).toBeGreaterThan(row.dirtyPagesPerSecond * row.seconds * 0.5);
    expect(machine.inquiry.places).toEqual([machine.boot]);
    expect(machine.inquiry).toMatchObject({ counterRegressions: 0, duplicates: 0 });
    expect(machine.inquiry.answered).toBeGreaterThan(200);
  });

  it('was copied over the network and stopped once', () => {
    const { vms } = topology;
    expect(row.movedBytes).toBeGreaterThan(vms[0]!.memoryBytes * 0.4);
    expect(row.machine.stops).toHaveLength(1);
    expect(row.machine.stops[0]!.durationMs).toBeGreaterThan(0);
    expect(row.rounds).toBeGreaterThan(1);
    // Nobody misses it for a shorter time than it stood still.
    expect(row.machine.inquiry.longestGapMs).toBeGreaterThan(row.machine.stops[0]!.durationMs * 0.9);
  });

  it('lost no packet of its clip', () => {
    expect(row.machine.clip).toMatchObject({ continuityErrors: 0, missingPackets: 0, damagedFrames: 0 });
    expect(row.machine.clip!.frames).toBeGreaterThan(100);
  });

  it('leaves nothing behind but a place to come back to', () => {
    expect(row).toMatchObject({ violations: 0, leftoverRules: 0 });
    const { directory } = rig.network;
    const [home, away] = info(directory).machines.map((m) => readMachineEvents(directory, m.name));
    expect(home!.at(-1)).toMatchObject({ event: 'KEEPER_STARTED', incoming: true });
    expect(home!.filter((e) => e.event === 'KEEPER_STARTED')).toHaveLength(2);
    expect(away!.filter((e) => e.event === 'KEEPER_STARTED')).toHaveLength(1);
    expect(rig.running.view.vms.find((v) => v.name === 'vm1')?.host).toBe('hyp-b');
  });

  it('runs on where it is, alone, when the QEMU that it moves to is killed', async () => {
    const { directory } = rig.network;
    const since = Number(process.hrtime.bigint()) / 1e9;
    const moving = rig.running.migrate('vm1', 'hyp-a');
    const copied = () => rig.running.view.migrations.find((m) => m.state === 'running')?.progress.memory;
    const wanted = topology.vms[0]!.memoryBytes * 0.1;
    await expect
      .poll(() => Number(copied()?.processedBytes ?? 0), { timeout: 60_000 })
      .toBeGreaterThan(wanted);
    const target = readMachineEvents(directory, 'vm1@hyp-a').findLast((e) => e.event === 'KEEPER_STARTED');
    process.kill(target!.pid!, 'SIGKILL');
    expect(await moving).toMatchObject({ state: 'failed', downtimeMs: null });
    const places = info(directory).machines.map((m) => m.name);
    const events = new Map(places.map((name) => [name, readMachineEvents(directory, name)]));
    const copies = runningCopies(events, since, Date.now() / 1000 - Number(process.hrtime.bigint()) / 1e9);
    expect(copies).toMatchObject({ most: 1, at: ['vm1@hyp-b'] });
    expect(await rig.running.leftoverRules()).toBe(0);
    // It answers: the users' packets go to where it runs.
    await rig.network.tell('vm1', 'dirty 0');
  }, 120_000);
});
