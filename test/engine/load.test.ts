import { describe, expect, it } from 'vitest';
import type { PolicyName } from '../../src/engine/config.js';
import type { BottleneckView } from '../../src/engine/view.js';
import type { Topology } from '../../src/network/topology.js';
import { Rig, scale, smallTopology } from './rig.js';

function twoMachines(memoryBytes: number, traffic: boolean): Topology {
  const topology = smallTopology({ memoryBytes, traffic });
  const [vm] = topology.vms;
  const second = { ...vm!, name: 'vm2', mac: '02:00:00:00:01:02', ip: '10.99.0.102' };
  return { ...topology, vms: [vm!, second] };
}
const wan = (rig: Rig): BottleneckView =>
  rig.harness.view!.bottlenecks.find((b) => b.link === 'wan' && b.dpid === '0000000000000001')!;

/** What is granted to all together is never more than the law allows on the path. */
function expectShared(rig: Rig): void {
  let both = 0;
  for (const { output } of rig.outputs) {
    if (output.kind !== 'publish') continue;
    const sending = output.view.migrations.filter((m) => m.state === 'running');
    if (sending.length === 2) both++;
    const granted = sending.reduce((sum, m) => sum + m.grantedBitsPerSecond, 0);
    const allowed = output.view.bottlenecks.find((b) => b.link === 'wan' && b.id.startsWith('gw-a'))!;
    if (sending.length === 2)
      expect(granted, output.view.at).toBeLessThanOrEqual(allowed.commandedBitsPerSecond * 1.001);
  }
  expect(both).toBeGreaterThan(5);
}

describe('a controller that is 50 ms away from its switches', () => {
  it('reads counters in every slot all the same, and does not fall back to the safe rate', () => {
    const topology = smallTopology({ memoryBytes: 30_000_000, traffic: true });
    const rig = new Rig({ seed: 1, topology, harness: { channelDelaySeconds: () => 0.05 } }).settle(3);
    const { id } = rig.migrate({ vm: 'vm1' });
    rig.harness.runWhile(() => rig.view(id)?.endedAt == null, rig.now + 60);
    expect(rig.view(id)?.state).toBe('completed');
    const paths = rig.outputs.flatMap(({ output }) =>
      output.kind === 'publish' && output.view.migrations.some((m) => m.state === 'running')
        ? output.view.bottlenecks.filter((b) => b.link === 'wan' && b.id.startsWith('gw-a'))
        : [],
    );
    const settled = paths.slice(Math.ceil(paths.length / 5));
    expect(settled.length).toBeGreaterThan(20);
    expect(settled.filter((b) => b.safeMode).map((b) => b.safeReason)).toEqual([]);
    // Half the round trip, a slot, and what a view may be late by.
    for (const { sampleAgeMs } of settled) expect(sampleAgeMs).toBeLessThan(50 + 3 * 20);
    expect(wan(rig).certificate.violations).toBe(0);
  });
});

describe('two machines', () => {
  const together = (seed: number, policy: PolicyName): { rig: Rig; p99Ms: number } => {
    const topology = twoMachines(15_000_000, true);
    const rig = new Rig({ seed, topology, control: { policy } }).settle(3);
    const from = rig.now;
    const first = rig.migrate({ vm: 'vm1' });
    const second = rig.migrate({ vm: 'vm2' });
    rig.harness.runUntil(rig.now + 0.5);
    expect([rig.step(first.id), rig.step(second.id)], `seed ${seed}`).toEqual(['running', 'running']);
    rig.harness.runWhile(() => [first, second].some(({ id }) => rig.view(id)?.endedAt == null), rig.now + 60);
    const to = rig.now;
    rig.settle(1);
    for (const { id } of [first, second])
      expect(rig.view(id)?.state, `seed ${seed}, ${policy}`).toBe('completed');
    expect(rig.leftovers([first.id, second.id]), `seed ${seed}, ${policy}`).toEqual([]);
    if (policy === 'steady') expectShared(rig);
    const { p99Ms } = rig.simulation.summary('video', from, to);
    if (p99Ms === null) throw new Error(`seed ${seed}: no video arrived`);
    return { rig, p99Ms };
  };

  it('share the path at once, and the video waits less than half as long as without control', () => {
    for (let seed = 1; seed <= scale; seed++) {
      const controlled = together(seed, 'steady');
      const uncontrolled = together(seed, 'none');
      expect(controlled.p99Ms, `seed ${seed}`).toBeLessThan(uncontrolled.p99Ms / 2);
      expect(wan(controlled.rig).certificate.violations, `seed ${seed}`).toBe(0);
    }
  });

  it('move in opposite directions at once, and there and back', () => {
    const rig = new Rig({ seed: 5, topology: twoMachines(3_000_000, false) }).settle(1);
    const before = rig.dumps();
    const out = rig.migrate({ vm: 'vm1' });
    rig.finish(out.id);
    const back = rig.migrate({ vm: 'vm1' });
    const across = rig.migrate({ vm: 'vm2' });
    rig.finish(back.id);
    rig.finish(across.id);
    const home = rig.migrate({ vm: 'vm2' });
    rig.finish(home.id);
    for (const { id } of [out, back, across, home]) expect(rig.view(id)?.state).toBe('completed');
    expect(rig.leftovers([])).toEqual([]);
    expect(rig.dumps()).toEqual(before);
    expect(rig.simulation.vmHost('vm1')).toBe('hyp-a');
    expect(rig.simulation.vmHost('vm2')).toBe('hyp-a');
  });

  it('are each followed through a death of the engine', () => {
    const rig = new Rig({ seed: 6, topology: twoMachines(3_000_000, false) }).settle(1);
    const ids = ['vm1', 'vm2'].map((vm) => rig.migrate({ vm }).id);
    rig.harness.runUntil(rig.now + 0.6);
    rig.kill(0.5);
    for (const id of ids) rig.finish(id);
    for (const id of ids) expect(rig.view(id)?.state).toBe('completed');
    expect(rig.leftovers(ids)).toEqual([]);
    expect(rig.simulation.connections).toHaveLength(2);
  });
});

describe('control', () => {
  it.each([20, 50, 100])('with a slot of %d ms completes without a violation', (slotMs) => {
    for (let seed = 1; seed <= scale; seed++) {
      const topology = smallTopology({ memoryBytes: 10_000_000, traffic: true });
      const rig = new Rig({ seed, topology, control: { slotMs } }).settle(3);
      const { id } = rig.migrate();
      rig.finish(id);
      const told = `seed ${seed}, slot ${slotMs} ms`;
      expect(rig.view(id)?.state, told).toBe('completed');
      const { certificate } = wan(rig);
      expect(certificate.violations, told).toBe(0);
      expect(certificate.slots, told).toBeGreaterThan(5);
      expect(rig.leftovers([id]), told).toEqual([]);
    }
  });

  it.each([20, 50])('falls to the safe rate when the counters are stale, and recovers (%d ms)', (slotMs) => {
    const topology = smallTopology({ memoryBytes: 25_000_000 });
    const rig = new Rig({ seed: 2, topology, control: { slotMs } }).settle(1);
    const { id } = rig.migrate();
    rig.harness.runUntil(rig.now + 1.5);
    const rates = (from: number): { at: number; bits: number }[] =>
      rig.outputs.flatMap(({ at, output }) =>
        output.kind === 'setQueue' && at >= from ? [{ at, bits: output.maxBitsPerSecond }] : [],
      );
    expect(rates(0).at(-1)!.bits).toBeGreaterThan(10e6);
    expect(wan(rig).certificate.light).not.toBe('stale');

    const frozenAt = rig.now;
    rig.freeze('gw-a');
    rig.harness.runUntil(rig.now + 2);
    const safe = rates(frozenAt).find(({ bits }) => bits === 2e6);
    expect(safe).toBeDefined();
    // Three slots of patience, and at most one decision period and a round trip to notice.
    expect(safe!.at - frozenAt).toBeLessThanOrEqual((4.5 * slotMs) / 1000 + 0.005);
    expect(rates(safe!.at).every(({ bits }) => bits === 2e6)).toBe(true);
    expect(wan(rig).certificate.light).toBe('stale');
    expect(wan(rig).safeMode).toBe(true);
    expect(wan(rig).sampleAgeMs).toBeGreaterThan(1500);

    const thawedAt = rig.now;
    rig.frozen.clear();
    rig.harness.runUntil(rig.now + 1.5);
    expect(wan(rig).certificate.light).not.toBe('stale');
    expect(wan(rig).safeMode).toBe(false);
    expect(rates(thawedAt).at(-1)!.bits).toBeGreaterThan(10e6);
    rig.finish(id);
    expect(rig.view(id)?.state).toBe('completed');
    expect(wan(rig).certificate.violations).toBe(0);
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('survives a gateway that is silent until its session is given up', () => {
    const rig = new Rig({ seed: 3, topology: smallTopology({ memoryBytes: 12_000_000 }) }).settle(1);
    const { id } = rig.migrate();
    rig.harness.runUntil(rig.now + 0.5);
    rig.freeze('gw-a');
    rig.harness.runUntil(rig.now + 20);
    rig.frozen.clear();
    rig.finish(id, 120);
    expect(rig.view(id)?.state).toBe('completed');
    expect(rig.leftovers([id])).toEqual([]);
  });
});
