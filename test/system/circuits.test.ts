import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CircuitRequest } from '../../src/circuit/protocol.js';
import type { Fate } from '../../src/circuit/provider-model.js';
import type { CircuitView, MigrationView, SwitchView, SystemView } from '../../src/engine/view.js';
import { readTopology } from '../../src/io/topology-file.js';
import { down, setController, startAgents, TestbedCircuitProvider, up } from '../../src/testbed/index.js';
import { requireOrSkip } from '../support/require.js';
import { DaemonProcess, eventually } from './daemon.js';

interface Circuits {
  readonly items: readonly CircuitView[];
  readonly totals: { readonly requested: number; readonly released: number; readonly open: number };
}

/** A real link, ordered from a provider over HTTP by a controller in a process of its own. */
describe.skipIf(!requireOrSkip('ovs', 'gcc'))('a circuit of a real network', () => {
  it('is timed out but granted, adopted after kill -9, carries, is cut, and is released', async () => {
    const file = readTopology('topologies/two-dc.yaml');
    const terms = { setupSeconds: 1, costPerSetup: 2, costPerSecond: 1 };
    const topology = {
      ...file,
      traffic: [],
      vms: file.vms.map((vm) => ({ ...vm, memoryBytes: 50e6 })),
      links: file.links.map((l) => (l.kind === 'circuit' ? { ...l, ...terms } : l)),
    };
    const directory = `/tmp/steady-test-${process.pid}-circuits`;
    let daemon: DaemonProcess | undefined;
    let provider: TestbedCircuitProvider | undefined;
    const orders: string[] = [];
    const fateOf = (request: CircuitRequest): Fate => {
      if (request.kind !== 'request' || orders.includes(request.id)) return { kind: 'answered' };
      orders.push(request.id);
      return { kind: orders.length === 1 ? 'unanswered' : 'answered' };
    };
    try {
      const { configPath } = await up(topology, { directory, controller: null });
      await startAgents(directory);
      const problems: string[] = [];
      provider = await TestbedCircuitProvider.start(directory, {
        fateOf,
        onProblem: (detail) => problems.push(detail),
      });
      appendFileSync(
        configPath,
        `circuits:
  provider: { url: "${provider.url}", timeoutSeconds: 1 }
  links: [{ link: circuit, budgetPerSecond: 10, breakEvenSeconds: 0.01, minimumHoldSeconds: 1 }]
`,
      );
      const start = async (): Promise<DaemonProcess> => {
        const args = ['--config', configPath, '--state', join(directory, 'controller-state')];
        const started = await DaemonProcess.start(args);
        await setController(directory, `tcp:127.0.0.1:${started.openflowPort}`);
        await eventually('all switches are ready', async () => {
          const { items } = await started.get<{ items: SwitchView[] }>('/v1/switches');
          return items.filter((s) => s.state === 'ready' && s.rules.acknowledged === s.rules.revision)
            .length === 4
            ? true
            : undefined;
        });
        return started;
      };
      daemon = await start();
      const circuits = (): Promise<Circuits> => daemon!.get<Circuits>('/v1/circuits');
      const circuit = async (): Promise<CircuitView> => (await circuits()).items[0]!;
      const { id } = await eventually('the migration is accepted', async () => {
        const body = { vm: 'vm1', destination: 'hyp-b', downtimeLimitMs: 300 };
        const answer = await daemon!.post('/v1/migrations', body);
        return answer.status === 202 ? ((await answer.json()) as MigrationView) : undefined;
      });
      // The order is carried out, but its answer is lost; and the controller dies of it.
      await eventually('the order is at the provider', () => (orders.length > 0 ? true : undefined));
      await daemon.kill('SIGKILL');
      expect(provider.model.circuits()).toHaveLength(1);
      daemon = await start();
      await eventually('it is adopted, lit, and probes go through it', async () =>
        (await circuit()).carries ? true : undefined,
      );
      expect((await circuit()).id).toBe(orders[0]);

      provider.model.fail('circuit', 'fibre cut');
      await eventually('it is left and released', async () =>
        (await circuits()).totals.open === 0 && provider!.model.circuits().length === 0 ? true : undefined,
      );
      const { events } = await daemon.get<SystemView>('/v1/state');
      expect(events.map((e) => e.what)).toContain('a migration goes on by the packet path');
      const ended = await eventually('the migration ends', async () => {
        const migration = await daemon!.get<MigrationView>(`/v1/migrations/${id}`);
        return ['completed', 'failed', 'cancelled'].includes(migration.state) ? migration : undefined;
      });
      expect(ended.state, ended.failureReason ?? '').toBe('completed');
      await eventually('nothing is lit any more', async () => {
        const { totals } = await circuits();
        return totals.open === 0 && provider!.model.circuits().length === 0 ? true : undefined;
      });
      const { totals } = await circuits();
      expect(totals.requested).toBe(totals.released);
      expect(totals.requested).toBe(orders.length);
      expect(provider.model.released).toBe(orders.length);
      expect(problems).toEqual([]);
    } finally {
      await daemon?.kill('SIGKILL');
      await provider?.close();
      await down(directory);
      rmSync(directory, { recursive: true, force: true });
    }
  }, 180_000);
});
