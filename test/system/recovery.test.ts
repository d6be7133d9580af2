import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MigrationView, SwitchView } from '../../src/engine/view.js';
import { readTopology } from '../../src/io/topology-file.js';
import { down, dumpFlows, readQueue, setController, startAgents, up } from '../../src/testbed/index.js';
import { requireOrSkip } from '../support/require.js';
import { DaemonProcess, eventually } from './daemon.js';

const megabytes = 60;

/** kill -9 of the controller in the middle of a migration, on real Open vSwitch. */
describe.skipIf(!requireOrSkip('ovs', 'gcc'))('a controller that is killed', () => {
  it('leaves the migration in its safe queue, and the next one finishes it without starting it again', async () => {
    const file = readTopology('topologies/two-dc.yaml');
    const topology = { ...file, vms: file.vms.map((vm) => ({ ...vm, memoryBytes: megabytes * 1e6 })) };
    const directory = `/tmp/steady-test-${process.pid}-recovery`;
    const state = join(directory, 'controller-state');
    let daemon: DaemonProcess | undefined;
    try {
      const { configPath } = await up(topology, { directory, controller: null });
      await startAgents(directory);
      daemon = await DaemonProcess.start(['--config', configPath, '--state', state]);
      await setController(directory, `tcp:127.0.0.1:${daemon.openflowPort}`);
      await untilReady(daemon, topology.switches.length);
      const before = await rulesOf(directory);
      const id = await start(daemon);
      await eventually('a tenth of the machine was moved', async () => {
        const migration = await daemon!.get<MigrationView>(`/v1/migrations/${id}`);
        expect(['accepted', 'preparing', 'running']).toContain(migration.state);
        return Number(migration.progress.memory.processedBytes) > megabytes * 1e5 ? true : undefined;
      });

      await daemon.kill('SIGKILL');
      const isGranted = (rule: string): boolean => rule.includes('priority=300,tcp');
      expect((await dumpFlows(directory, 'hv-a')).some(isGranted)).toBe(true);
      await eventually(
        'the granted rule expires',
        async () => ((await dumpFlows(directory, 'hv-a')).some(isGranted) ? undefined : true),
        10,
      );
      const granted = await eventually('what still waits in the granted queue leaves it', async () => {
        const queue = await readQueue(directory, 'hv-a.up-a', 1);
        return queue.backlogPackets === 0 ? queue : undefined;
      });
      const safe = await readQueue(directory, 'hv-a.up-a', 2);
      await eventually('the migration goes on in the safe queue', async () =>
        (await readQueue(directory, 'hv-a.up-a', 2)).sentBytes > safe.sentBytes + 100_000 ? true : undefined,
      );
      expect((await readQueue(directory, 'hv-a.up-a', 1)).sentBytes).toBe(granted.sentBytes);
      const base = before.filter((rule) => !rule.includes('priority=300'));
      for (const rule of base) expect(await rulesOf(directory)).toContain(rule);

      daemon = await DaemonProcess.start(['--config', configPath, '--state', state]);
      await setController(directory, `tcp:127.0.0.1:${daemon.openflowPort}`);
      await untilReady(daemon, topology.switches.length);
      const ended = await eventually(
        'the migration ends',
        async () => {
          const migration = await daemon!.get<MigrationView>(`/v1/migrations/${id}`);
          return ['completed', 'failed', 'cancelled'].includes(migration.state) ? migration : undefined;
        },
        120,
      );
      expect(ended.state, ended.failureReason ?? '').toBe('completed');
      // Sent once: what was moved before the kill was not moved again.
      expect(Number(ended.progress.memory.processedBytes)).toBeLessThan(1.5 * megabytes * 1e6);
      const after = await rulesOf(directory);
      expect(after.length).toBe(before.length);
      expect(after.filter((rule) => /cookie=0x5354(?!0{10})[0-9a-f]+/.test(rule))).toEqual([]);
    } finally {
      await daemon?.kill('SIGKILL');
      await down(directory);
      rmSync(directory, { recursive: true, force: true });
    }
  });

  async function rulesOf(directory: string): Promise<string[]> {
    const rules: string[] = [];
    for (const name of ['gw-a', 'hv-a', 'gw-b', 'hv-b'])
      rules.push(...(await dumpFlows(directory, name)).map((r) => `${name} ${r}`));
    return rules;
  }

  async function untilReady(daemon: DaemonProcess, count: number): Promise<void> {
    await eventually('all switches are ready', async () => {
      const { items } = await daemon.get<{ items: SwitchView[] }>('/v1/switches');
      const settled = items.filter((s) => s.state === 'ready' && s.rules.acknowledged === s.rules.revision);
      return settled.length === count ? true : undefined;
    });
  }

  async function start(daemon: DaemonProcess): Promise<string> {
    return eventually('the migration is accepted', async () => {
      const answer = await daemon.post('/v1/migrations', {
        vm: 'vm1',
        destination: 'hyp-b',
        downtimeLimitMs: 300,
      });
      const body = (await answer.json()) as MigrationView;
      return answer.status === 202 ? body.id : undefined;
    });
  }
});
