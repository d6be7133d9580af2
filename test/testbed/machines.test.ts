import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { portsOf } from '../../src/network/topology.js';
import {
  askGuest,
  down,
  exec,
  info,
  type RunningMachine,
  readMachineEvents,
  runIn,
  startMachines,
  up,
} from '../../src/testbed/index.js';
import { isAlive } from '../../src/testbed/processes.js';
import { requireOrSkip } from '../support/require.js';
import { addFlow, expectNothingLeft, testDirectory, twoDc } from './testbed-support.js';

const patience = { timeout: 20_000, interval: 50 };

describe.skipIf(!requireOrSkip('ovs', 'gcc', 'qemu'))('a real machine in the testbed', () => {
  const plain = twoDc('-vm');
  const vm = { ...plain.vms[0]!, ipv6: 'fd53::101' };
  const hypervisor = { ...plain.hosts.find((h) => h.name === 'hyp-a')!, ipv6: 'fd53::11' };
  const hosts = plain.hosts.map((h) => (h.name === 'hyp-a' ? hypervisor : h));
  const topology = { ...plain, hosts, vms: [vm] };
  const directory = testDirectory('vm');
  const asked = { vm: vm.name, from: 'hyp-a' };
  let started: RunningMachine[];

  beforeAll(async () => {
    await up(topology, { directory, controller: null, machines: 'qemu' });
    started = await startMachines(directory);
    const port = (name: string) => portsOf(topology, 'hv-a').find((p) => p.portName === name)!.portNumber;
    await addFlow(directory, 'hv-a', `dl_dst=${vm.mac},actions=output:${port('hv-a.vm1')}`);
    for (const question of ['arp', 'icmp6,dl_dst=33:33:00:00:00:00/ff:ff:00:00:00:00'])
      await addFlow(directory, 'hv-a', `priority=1,${question},actions=flood`);
    await addFlow(directory, 'hv-a', `dl_dst=${hypervisor.mac},actions=output:${port('hv-a.hyp-a')}`);
  });
  afterAll(async () => {
    await down(directory);
    await expectNothingLeft(directory);
    expect(started.map((m) => isAlive(m.process))).toEqual([false, false]);
  });

  it('boots where it lives and is awaited where it may go', () => {
    expect(started.map((m) => [m.name, m.running])).toEqual([
      ['vm1@hyp-a', true],
      ['vm1@hyp-b', false],
    ]);
    expect(readMachineEvents(directory, 'vm1@hyp-b')).toMatchObject([
      { event: 'KEEPER_STARTED', incoming: true },
    ]);
    expect(info(directory).machines.map((m) => m.qmp)).toEqual([
      `unix:${directory}/vm1@hyp-a.qmp`,
      `unix:${directory}/vm1@hyp-b.qmp`,
    ]);
  });

  it('answers at its addresses through the switch', async () => {
    // Without a controller nobody answers for others: the machine and the host ask each other.
    for (const address of [vm.ip, vm.ipv6]) {
      const ping = await runIn(directory, 'hyp-a', ['ping', '-c', '3', '-i', '0.2', address]);
      expect(ping).toContain('3 received');
    }
    expect(readFileSync(`${directory}/vm1@hyp-a.serial`, 'latin1')).toMatch(/guest ready: guest-[0-9a-f]{8}/);
  });

  it('does what it is told, and knows its own memory', async () => {
    const before = await askGuest(directory, asked, 'dirty 2000');
    expect(before).toMatchObject({ dirtyPagesPerSecond: 2000, setPages: 4096, badPages: null });
    expect(before.pages).toBe(Math.floor((vm.memoryBytes * 0.4) / 2 ** 20) * 256);
    await expect
      .poll(async () => (await askGuest(directory, asked, 'status')).dirtiedPages, patience)
      .toBeGreaterThan(before.dirtiedPages + 4096);
    // Every page of the set has been rewritten at least once, and holds what was written.
    expect(await askGuest(directory, asked, 'check')).toMatchObject({ boot: before.boot, badPages: 0 });
    await expect(askGuest(directory, asked, 'set 0')).rejects.toMatchObject({ code: 'command-failed' });
    await expect(askGuest(directory, { ...asked, vm: 'vm2' }, 'status')).rejects.toThrow(/no real machine/);
  });

  it('is no place to start a program in', async () => {
    await expect(exec(directory, 'vm1@hyp-a', ['true'])).rejects.toThrow(/real machine/);
  });

  it('answers QMP to two at a time: who manages it and who looks', async () => {
    const [place] = info(directory).machines;
    const greeted = (path: string) =>
      new Promise<string>((resolve, reject) => {
        const socket = createConnection({ path: path.slice('unix:'.length) });
        socket.on('error', reject);
        socket.once('data', (bytes) => {
          socket.destroy();
          resolve(bytes.toString());
        });
      });
    expect(await greeted(place!.qmp)).toContain('"QMP"');
    // The keeper holds the other one, which told of the network card.
    expect(readMachineEvents(directory, 'vm1@hyp-a').map((e) => e.event)).toContain('NIC_RX_FILTER_CHANGED');
  });

  it('is awaited again after whatever became of it', async () => {
    const events = () => readMachineEvents(directory, 'vm1@hyp-b');
    const first = events().at(-1)!.pid!;
    process.kill(first, 'SIGKILL');
    await expect
      .poll(() => events().map((e) => [e.event, e.incoming]), patience)
      .toEqual([
        ['KEEPER_STARTED', true],
        ['KEEPER_ENDED', undefined],
        ['KEEPER_STARTED', true],
      ]);
    expect(events().at(-1)!.pid).not.toBe(first);
  });
});
