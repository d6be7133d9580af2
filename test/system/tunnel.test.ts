import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MigrationView, SwitchView } from '../../src/engine/view.js';
import { readTopology } from '../../src/io/topology-file.js';
import { down, readQueues, runIn, setController, startAgents, up } from '../../src/testbed/index.js';
import { ofctl } from '../../src/testbed/ovs.js';
import { requireOrSkip } from '../support/require.js';
import { DaemonProcess, eventually } from './daemon.js';

const file = readTopology('topologies/two-dc-vxlan.yaml');
const topology = {
  ...file,
  vms: file.vms.map((vm) => ({
    ...vm,
    memoryBytes: 12e6,
    dirtyBytesPerSecond: 20_000,
    workingSetBytes: 1e6,
  })),
};
const datagrams = 200;

const sendMarked = `
const socket = require('node:dgram').createSocket('udp4');
let left = ${datagrams};
const timer = setInterval(() => {
  socket.send(Buffer.alloc(1400), 5004, '10.99.0.31');
  if (--left === 0) { clearInterval(timer); setTimeout(() => socket.close(), 50); }
}, 2);`;

describe.skipIf(!requireOrSkip('ovs', 'gcc'))('two sites joined by a VXLAN tunnel on Open vSwitch', () => {
  it('a machine moves through it, is reached through it, and classes keep their queue below it', async () => {
    const directory = `/tmp/steady-test-${process.pid}-tunnel`;
    let daemon: DaemonProcess | undefined;
    const packets = async (port: number, direction: 'rx' | 'tx'): Promise<number> => {
      const text = await ofctl(directory, ['dump-ports', 'gw-a', String(port)]);
      return Number(new RegExp(`${direction} pkts=(\\d+)`).exec(text)?.[1]);
    };
    const reaches = async (from: string): Promise<number> => {
      const said = await runIn(directory, from, [
        'ping',
        '-c',
        '5',
        '-i',
        '0.05',
        '-s',
        '1472',
        '-M',
        'do',
        '10.99.0.101',
      ]);
      return Number(/(\d+) received/.exec(said)?.[1]);
    };
    try {
      const { configPath, switches } = await up(topology, { directory, controller: null });
      const ports = switches.find((s) => s.name === 'gw-a')!.ports;
      const numberOf = (name: string): number => ports.find((p) => p.portName === name)!.portNumber;
      await startAgents(directory);
      daemon = await DaemonProcess.start([
        '--config',
        configPath,
        '--state',
        join(directory, 'controller-state'),
      ]);
      await setController(directory, `tcp:127.0.0.1:${daemon.openflowPort}`);
      await eventually('all switches are ready', async () => {
        const { items } = await daemon!.get<{ items: SwitchView[] }>('/v1/switches');
        const ready = items.filter((s) => s.state === 'ready' && s.rules.acknowledged === s.rules.revision);
        return ready.length === topology.switches.length ? true : undefined;
      });
      await eventually('the tunnel carries', async () =>
        (await packets(numberOf('gw-a.wan'), 'rx')) > 0 ? true : undefined,
      );

      // Packets of Ethernet's full size, which may not be fragmented.
      const before = await packets(numberOf('gw-a_wan'), 'tx');
      expect(await reaches('user-b')).toBe(5);
      expect((await packets(numberOf('gw-a_wan'), 'tx')) - before).toBeGreaterThanOrEqual(5);

      const video = async () => (await readQueues(directory, 'gw-a_wan')).find((q) => q.queueId === 1)!;
      const idle = await video();
      await runIn(directory, 'video-a', [process.execPath, '-e', sendMarked]);
      const busy = await eventually('the video is in its queue', async () => {
        const now = await video();
        return now.sentPackets - idle.sentPackets >= datagrams ? now : undefined;
      });
      // 1400 bytes, UDP, IP and Ethernet headers, and 50 of the tunnel.
      expect(busy.sentBytes - idle.sentBytes).toBe(datagrams * (1400 + 8 + 20 + 14 + 50));

      const body = { vm: 'vm1', destination: 'hyp-b', downtimeLimitMs: 500 };
      const answer = await daemon.post('/v1/migrations', body);
      expect(answer.status, await answer.clone().text()).toBe(202);
      const { id } = (await answer.json()) as MigrationView;
      const ended = await eventually('the migration ends', async () => {
        const view = await daemon!.get<MigrationView>(`/v1/migrations/${id}`);
        return ['completed', 'failed', 'cancelled'].includes(view.state) ? view : undefined;
      });
      expect(ended.state, ended.failureReason ?? '').toBe('completed');
      expect(await reaches('cross-a')).toBe(5);
    } finally {
      await daemon?.kill('SIGKILL');
      await down(directory);
      rmSync(directory, { recursive: true, force: true });
    }
  }, 120_000);
});
