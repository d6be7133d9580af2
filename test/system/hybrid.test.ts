import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CircuitView, MigrationView, SwitchView } from '../../src/engine/view.js';
import { readTopology } from '../../src/io/topology-file.js';
import {
  down,
  readQueues,
  runIn,
  setController,
  startAgents,
  TestbedCircuitProvider,
  up,
} from '../../src/testbed/index.js';
import { requireOrSkip } from '../support/require.js';
import { DaemonProcess, eventually } from './daemon.js';

/** A slow packet path, and a circuit that is eight times as fast. */
const file = readTopology('topologies/two-dc.yaml');
const wanBits = 10e6;
const circuitBits = 80e6;
const memoryBytes = 60e6;
const topology = {
  ...file,
  traffic: [],
  vms: file.vms.map((vm) => ({ ...vm, memoryBytes, dirtyBytesPerSecond: 20_000, workingSetBytes: 1e6 })),
  links: file.links.map((l) => {
    if (l.kind === 'packet') return { ...l, capacityBitsPerSecond: wanBits };
    if (l.kind !== 'circuit') return l;
    return { ...l, capacityBitsPerSecond: circuitBits, setupSeconds: 1, costPerSetup: 1, costPerSecond: 1 };
  }),
};

describe.skipIf(!requireOrSkip('ovs', 'gcc'))('a machine that moves by packet path and circuit', () => {
  it('takes both, loses the circuit in mid-flight and gets it back without a reset, and is faster than the packet path could be', async () => {
    const directory = `/tmp/steady-test-${process.pid}-hybrid`;
    let daemon: DaemonProcess | undefined;
    let provider: TestbedCircuitProvider | undefined;
    /** ends of the memory streams at the source, by port at the target */
    const streams = async (): Promise<Map<number, string>> => {
      const text = await runIn(directory, 'hyp-a', ['ss', '-Htn', 'state', 'established']);
      const ends = text
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .map(([, , local, peer]) => [Number(peer?.split(':').at(-1)), local ?? ''] as const)
        .filter(([port]) => port >= 4900 && port < 5028);
      return new Map(ends.sort(([a], [b]) => a - b));
    };
    const sentBy = async (port: string, queueId: number): Promise<number> =>
      (await readQueues(directory, port)).find((q) => q.queueId === queueId)!.sentBytes;
    try {
      const { configPath } = await up(topology, { directory, controller: null });
      await startAgents(directory);
      provider = await TestbedCircuitProvider.start(directory);
      appendFileSync(
        configPath,
        `circuits:
  provider: { url: "${provider.url}", timeoutSeconds: 2 }
  links: [{ link: circuit, budgetPerSecond: 10, breakEvenSeconds: 0.01, minimumHoldSeconds: 1 }]
`,
      );
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
      const { id } = await eventually('the migration is accepted', async () => {
        const body = { vm: 'vm1', destination: 'hyp-b', downtimeLimitMs: 500 };
        const answer = await daemon!.post('/v1/migrations', body);
        return answer.status === 202 ? ((await answer.json()) as MigrationView) : undefined;
      });
      const migration = (): Promise<MigrationView> => daemon!.get(`/v1/migrations/${id}`);
      await eventually('the circuit carries', async () => {
        const { items } = await daemon!.get<{ items: CircuitView[] }>('/v1/circuits');
        return items[0]!.carries ? true : undefined;
      });
      const before = await streams();
      expect(before.size).toBe(2);
      await eventually('the second stream is on the circuit', async () =>
        (await sentBy('gw-a.circuit', 0)) > 8e6 ? true : undefined,
      );
      expect(await sentBy('hv-a.up-a', 3)).toBeGreaterThan(8e6);
      expect((await migration()).grantedBitsPerSecond).toBeGreaterThan(circuitBits * 0.9);

      provider.model.fail('circuit', 'fibre cut');
      await eventually('the circuit is left', async () => {
        const { items } = await daemon!.get<{ items: CircuitView[] }>('/v1/circuits');
        return items[0]!.carries ? undefined : true;
      });
      const byCircuit = await sentBy('gw-a.circuit', 0);
      expect([...(await streams())]).toEqual([...before]);
      await eventually('it carries again, after a second order', async () =>
        (await sentBy('gw-a.circuit', 0)) > byCircuit + 1e6 ? true : undefined,
      );
      expect([...(await streams())]).toEqual([...before]);
      const ended = await eventually('the migration ends', async () => {
        const view = await migration();
        return ['completed', 'failed', 'cancelled'].includes(view.state) ? view : undefined;
      });
      // a connection that is reset is a migration that fails
      expect(ended.state, ended.failureReason ?? '').toBe('completed');
      const seconds = (Date.parse(ended.endedAt!) - Date.parse(ended.startedAt!)) / 1000;
      expect(seconds).toBeLessThan((memoryBytes * 8) / wanBits);
    } finally {
      await daemon?.kill('SIGKILL');
      await provider?.close();
      await down(directory);
      rmSync(directory, { recursive: true, force: true });
    }
  }, 180_000);
});
