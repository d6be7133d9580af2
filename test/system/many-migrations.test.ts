import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CircuitView, MigrationView, SwitchView } from '../../src/engine/view.js';
import { readTopology } from '../../src/io/topology-file.js';
import { down, setController, startAgents, TestbedCircuitProvider, up } from '../../src/testbed/index.js';
import { requireOrSkip } from '../support/require.js';
import { DaemonProcess, eventually } from './daemon.js';

interface Circuits {
  readonly items: readonly CircuitView[];
  readonly totals: { readonly requested: number; readonly released: number; readonly open: number };
}

const deadlineSeconds = 30;
const ended = ['completed', 'failed', 'cancelled'];

/** Two machines in each direction, a circuit beside their packet path, and a controller in a process of its own. */
describe.skipIf(!requireOrSkip('ovs', 'gcc'))('four machines on the move at once in a real network', () => {
  it('meet the deadlines that were admitted; as many circuits are released as were requested', async () => {
    const file = readTopology('topologies/two-dc.yaml');
    const [vm] = file.vms;
    const vms = [1, 2, 3, 4].map((number) => ({
      ...vm!,
      name: `vm${number}`,
      mac: `02:00:00:00:09:0${number}`,
      ip: `10.99.0.${110 + number}`,
      at: number <= 2 ? 'hyp-a' : 'hyp-b',
      // The last one has no deadline: what it is behind is what a circuit would save it.
      memoryBytes: number === 4 ? 40e6 : 15e6,
      workingSetBytes: 1e6,
      dirtyBytesPerSecond: 1e5,
    }));
    const terms = { setupSeconds: 1, costPerSetup: 2, costPerSecond: 1 };
    const topology = {
      ...file,
      vms,
      traffic: [],
      links: file.links.map((l) => (l.kind === 'circuit' ? { ...l, ...terms } : l)),
    };
    const directory = `/tmp/steady-test-${process.pid}-four`;
    let daemon: DaemonProcess | undefined;
    let provider: TestbedCircuitProvider | undefined;
    try {
      const { configPath } = await up(topology, { directory, controller: null });
      const problems: string[] = [];
      await startAgents(directory);
      provider = await TestbedCircuitProvider.start(directory, {
        onProblem: (detail) => problems.push(detail),
      });
      appendFileSync(
        configPath,
        `circuits:
  provider: { url: "${provider.url}", timeoutSeconds: 1 }
  links: [{ link: circuit, budgetPerSecond: 10, breakEvenSeconds: 0.01, minimumHoldSeconds: 1 }]
`,
      );
      daemon = await DaemonProcess.start([
        '--config',
        configPath,
        '--state',
        join(directory, 'controller-state'),
      ]);
      const get = <T>(path: string): Promise<T> => daemon!.get<T>(path);
      await setController(directory, `tcp:127.0.0.1:${daemon.openflowPort}`);
      await eventually('all switches are ready', async () => {
        const { items } = await get<{ items: SwitchView[] }>('/v1/switches');
        const ready = items.filter(
          (s) => s.state === 'ready' && s.rules.acknowledged === s.rules.revision,
        ).length;
        return ready === topology.switches.length ? true : undefined;
      });
      const ask = ({ name, at }: (typeof vms)[number], seconds: number | undefined) =>
        daemon!.post('/v1/migrations', {
          vm: name,
          destination: at === 'hyp-a' ? 'hyp-b' : 'hyp-a',
          downtimeLimitMs: 500,
          deadlineSeconds: seconds,
        });
      const first = await eventually('a migration is accepted', async () => {
        const answer = await ask(vms[0]!, deadlineSeconds);
        return answer.status === 202 ? answer : undefined;
      });
      // Less than its bytes take on the whole path.
      expect((await ask(vms[1]!, 1)).status).toBe(409);
      const others = await Promise.all(
        vms.slice(1).map((machine) => ask(machine, machine.name === 'vm4' ? undefined : deadlineSeconds)),
      );
      expect(others.map((answer) => answer.status)).toEqual([202, 202, 202]);
      const ids = await Promise.all(
        [first, ...others].map(async (answer) => ((await answer.json()) as MigrationView).id),
      );
      let mostAtOnce = 0;
      const views = await eventually('all have ended', async () => {
        const all = await Promise.all(ids.map((id) => get<MigrationView>(`/v1/migrations/${id}`)));
        mostAtOnce = Math.max(mostAtOnce, all.filter((m) => m.state === 'running').length);
        return all.every((m) => ended.includes(m.state)) ? all : undefined;
      });
      expect(mostAtOnce).toBe(4);
      for (const { vm: name, state, createdAt, endedAt, failureReason } of views) {
        expect(state, `${name}: ${failureReason}`).toBe('completed');
        const took = (Date.parse(endedAt!) - Date.parse(createdAt)) / 1000;
        expect(took, name).toBeLessThanOrEqual(deadlineSeconds);
      }
      const totals = await eventually('every circuit is released', async () => {
        const circuits = await get<Circuits>('/v1/circuits');
        return circuits.totals.open === 0 && provider!.model.circuits().length === 0
          ? circuits.totals
          : undefined;
      });
      expect(totals.requested).toBeGreaterThan(0);
      expect(totals.released).toBe(totals.requested);
      expect(provider.model.released).toBe(totals.requested);
      expect(problems).toEqual([]);
    } finally {
      await daemon?.kill('SIGKILL');
      await provider?.close();
      await down(directory);
      rmSync(directory, { recursive: true, force: true });
    }
  }, 120_000);
});
