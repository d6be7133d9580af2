import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/engine/journal.js';
import { type Step, stateOf } from '../../src/migration/index.js';
import { Rig, smallTopology } from './rig.js';

const whole: readonly Step[] = [
  'preparing',
  'starting',
  'running',
  'staging',
  'redirecting',
  'stopping',
  'flipping',
  'cleaning',
  'completed',
];

/** Writes a migration that completed in an earlier life into the journal. */
function history(journal: JournalRecord[], vm: string, source: string, destination: string): void {
  const id = `old-${journal.length}`;
  const ordinal = 1 + journal.filter((r) => r.entry.kind === 'migrationAccepted').length;
  const add = (entry: JournalRecord['entry']): void => {
    journal.push({ number: journal.length + 1, wallMs: 1_700_000_000_000 + journal.length, entry });
  };
  const request = {
    vm,
    destination,
    mode: 'precopy',
    maxBandwidthBytesPerSecond: null,
    downtimeLimitMs: 300,
    disk: 'none',
    dryRun: false,
  } as const;
  add({ kind: 'migrationAccepted', id, ordinal, source, idempotencyKey: id, bodyDigest: 'd', request });
  for (const step of whole) add({ kind: 'migrationStep', id, step, state: stateOf(step), note: '' });
}

describe('what is published', () => {
  it('is plain data: what JSON carries is all there is', () => {
    const topology = smallTopology({ memoryBytes: 3_000_000, traffic: true });
    const rig = new Rig({ seed: 1, topology });
    rig.settle(1);
    const { id } = rig.migrate();
    rig.harness.runUntil(rig.now + 0.4);
    rig.harness.dropConnection('gw-a');
    rig.finish(id);
    rig.harness.dropAgent('hyp-a', 1);
    rig.settle(0.5);
    const views = rig.outputs.flatMap(({ output }) => (output.kind === 'publish' ? [output.view] : []));
    expect(views.length).toBeGreaterThan(20);
    for (const view of views) expect(JSON.parse(JSON.stringify(view)), view.at).toStrictEqual(view);
    // A view that was handed out never changes afterwards: what was seen first still says how it was then.
    expect(views[0]!.migrations).toEqual([]);
    expect(views[0]!.events.length).toBeLessThan(views.at(-1)!.events.length);
  });

  it('shows each state once, in the order of the journal', () => {
    const rig = new Rig({ seed: 2 }).settle(1);
    const { id } = rig.migrate();
    rig.finish(id);
    const steps = rig.view(id)!.phaseTransitions.map((t) => t.step);
    expect(steps).toEqual(['accepted', ...whole]);
    const written = rig.harness.journal.flatMap((r) => ('step' in r.entry ? [r.entry.step] : []));
    expect(written).toEqual(whole);
    expect(rig.harness.journal.map((r) => r.number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    rig.kill(0.1);
    rig.settle(1);
    expect(rig.view(id)!.phaseTransitions.map((t) => t.step)).toEqual(steps);
    expect(rig.view(id)!.state).toBe('completed');
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('keeps the newest 200 events', () => {
    const rig = new Rig({ seed: 3, harness: { reconnectSeconds: 0.01 } }).settle(0.5);
    for (let i = 0; i < 30; i++) {
      for (const { name } of rig.topology.switches) rig.harness.dropConnection(name);
      rig.harness.runUntil(rig.now + 0.05);
    }
    rig.settle(0.2);
    const { events } = rig.harness.view!;
    expect(events).toHaveLength(200);
    expect(events.at(-1)!.seq - events[0]!.seq).toBe(199);
    expect(events.at(-1)!.seq).toBeGreaterThan(240);
  });

  it('keeps a bounded number of ended migrations, and forgets nothing about where machines live', () => {
    const topology = smallTopology();
    const second = { ...topology.vms[0]!, name: 'vm2', mac: '02:00:00:00:01:02', ip: '10.99.0.102' };
    const rig = new Rig({ seed: 4, topology: { ...topology, vms: [...topology.vms, second] } });
    rig.harness.kill();
    history(rig.harness.journal, 'vm2', 'hyp-a', 'hyp-b');
    rig.simulation.resumeVm('vm2', 'hyp-b');
    for (let i = 0; i < 505; i++) {
      history(rig.harness.journal, 'vm1', 'hyp-a', 'hyp-b');
      history(rig.harness.journal, 'vm1', 'hyp-b', 'hyp-a');
    }
    rig.harness.start();
    rig.settle(0.5);
    expect(rig.harness.view!.migrations.length).toBeLessThanOrEqual(1000);
    expect(rig.harness.view!.vms.map((v) => v.host)).toEqual(['hyp-a', 'hyp-b']);
    rig.offences.length = 0;
    expect(rig.leftovers([])).toEqual([]);
  });
});

describe('determinism', () => {
  const digest = (seed: number): string => {
    const topology = smallTopology({ memoryBytes: 3_000_000, traffic: true });
    const rig = new Rig({ seed, topology, harness: { digest: true } }).settle(1);
    const { id } = rig.migrate();
    rig.simulation.events.call(rig.now + 0.3, () => rig.harness.dropConnection('hv-a'));
    rig.simulation.events.call(rig.now + 0.5, () => rig.harness.dropAgent('hyp-b', 0.3));
    rig.simulation.events.call(rig.now + 0.7, () => rig.kill(0.4));
    rig.finish(id);
    expect(rig.view(id)?.state).toBe('completed');
    return rig.harness.digest.text();
  };

  it('gives the same outputs for the same seed and the same faults', () => {
    const first = digest(1);
    expect(digest(1)).toBe(first);
    expect(digest(2)).not.toBe(first);
  });
});
