import { describe, expect, it } from 'vitest';
import type { CircuitRequest } from '../../src/circuit/protocol.js';
import type { Fate } from '../../src/circuit/provider-model.js';
import type { CircuitView } from '../../src/engine/view.js';
import type { CircuitPlantOptions } from '../../src/simulator/circuit-plant.js';
import { circuitsOf } from '../../src/simulator/run-virtual.js';
import { Rig, type RigOptions, smallTopology } from './rig.js';

/** Two sites, a machine that takes the packet path eight seconds, and a provider. */
function rigWith(circuits: CircuitPlantOptions = {}, options: Partial<RigOptions> = {}): Rig {
  const topology = smallTopology({ memoryBytes: 50_000_000 });
  const rig = new Rig({
    seed: 1,
    topology,
    circuits: circuitsOf(topology, { breakEvenSeconds: 0.1 }),
    harness: { circuits },
    ...options,
  });
  return rig.settle(1.5);
}
const circuit = (rig: Rig): CircuitView => rig.harness.view!.circuits[0]!;
const entries = (rig: Rig): string[] =>
  rig.harness.journal.map((r) => r.entry.kind).filter((kind) => kind.startsWith('circuit'));
const until = (rig: Rig, state: CircuitView['state'], seconds: number): boolean =>
  rig.harness.runWhile(() => circuit(rig).state !== state, rig.now + seconds, 0.05);

/** Nothing is lit, nothing is open, and the provider says the same. */
function expectBalanced(rig: Rig): void {
  expect(circuit(rig)).toMatchObject({ state: 'dark', id: null, carries: false });
  expect(circuit(rig).ledger.requested).toBe(circuit(rig).ledger.released);
  expect(circuit(rig).ledger.open).toBe(0);
  expect(rig.harness.circuits.model.circuits()).toEqual([]);
}

describe('a circuit beside the packet path', () => {
  it('stays dark without a configuration, and nobody is asked', () => {
    const rig = rigWith({}, { circuits: undefined });
    rig.migrate();
    rig.settle(3);
    expect(circuit(rig)).toMatchObject({ state: 'dark', budget: null, advice: null });
    expect(rig.outputs.filter(({ output }) => output.kind === 'circuit')).toEqual([]);
  });

  it('is ordered when it pays, carries when its data plane does, and is released when it is idle', () => {
    const rig = rigWith();
    const askedAt = rig.now;
    const { id } = rig.migrate();
    expect(until(rig, 'up', 10)).toBe(true);
    expect(rig.harness.runWhile(() => !circuit(rig).carries, rig.now + 3)).toBe(true);
    // It was decided on when the machine began to move, and five probes are quickly through: 2 s are its set-up.
    expect(rig.now - askedAt).toBeLessThan(2.5);
    rig.settle(1.1);
    expect(circuit(rig).advice).toBe('debt-outweighs-cost');
    const link = rig.harness.view!.links.find((l) => l.name === 'circuit')!;
    expect(link.state).toBe('up');
    // probes and LLDP go through it in any case, and are counted at its port
    expect(link.bitsPerSecond).toBeGreaterThan(0);
    rig.finish(id);
    expect(until(rig, 'dark', 60)).toBe(true);
    expect(entries(rig)).toEqual([
      'circuitRequested',
      'circuitGranted',
      'circuitReleasing',
      'circuitReleased',
    ]);
    expectBalanced(rig);
    const { ledger, budget } = circuit(rig);
    expect(ledger.measuredSetupSeconds).toBeGreaterThanOrEqual(2);
    expect(ledger.measuredSetupSeconds).toBeLessThan(2.5);
    // 10 for the set-up and 1 for each second; the policy's account is the same but for the release
    expect(ledger.cost).toBeGreaterThan(20);
    expect(Math.abs(ledger.cost - budget!.spent)).toBeLessThan(2.5);
    expect(budget!.holds).toBe(true);
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('stays dark for a stream whose packets it does not carry, and whoever asks for the move is told so', () => {
    const small = smallTopology({ memoryBytes: 50_000_000 });
    const topologyOf = (mtuBytes: number) => ({
      ...small,
      links: small.links.map((l) => (l.name === 'circuit' ? { ...l, mtuBytes } : l)),
    });
    const rig = rigWith({}, { topology: topologyOf(1499) });
    const { request } = rig.migrate({ dryRun: true });
    expect(rig.answer(request)).toMatchObject({
      ok: true,
      body: {
        warnings: [
          'circuit circuit is not used: it carries packets of 1499 bytes, and those of the memory stream need 1500',
        ],
      },
    });
    const { id } = rig.migrate();
    rig.finish(id);
    expect(rig.view(id)?.state).toBe('completed');
    expect(entries(rig)).toEqual([]);
    const enough = rigWith({}, { topology: topologyOf(1500) });
    const asked = enough.migrate({ dryRun: true });
    expect(enough.answer(asked.request)).toMatchObject({ ok: true, body: { warnings: [] } });
    enough.migrate();
    expect(until(enough, 'up', 10)).toBe(true);
  });

  it('is not asked for again at once after a refusal; the packet path does it', () => {
    const orders: string[] = [];
    const fateOf = (request: CircuitRequest): Fate => {
      if (request.kind !== 'request') return { kind: 'answered' };
      orders.push(request.id);
      return { kind: 'refused', detail: 'no capacity left' };
    };
    const rig = rigWith({ fateOf });
    const { id } = rig.migrate();
    expect(rig.harness.runWhile(() => orders.length === 0, rig.now + 5)).toBe(true);
    rig.harness.runUntil(rig.now + 4);
    expect(orders).toHaveLength(1);
    expect(circuit(rig)).toMatchObject({
      state: 'dark',
      reason: 'refused: no capacity left',
      advice: 'failed',
    });
    expect(rig.view(id)!).toMatchObject({ step: 'running' });
    expect(Number(rig.view(id)!.progress.memory.processedBytes)).toBeGreaterThan(10e6);
    expectBalanced(rig);
    expect(circuit(rig).ledger.cost).toBe(0);
    // only the time for which an answer was waited for
    expect(circuit(rig).budget!.spent).toBeLessThan(5);
  });

  it('survives the controller that ordered it: adopted, used and released, under one id', () => {
    const rig = rigWith();
    const { id } = rig.migrate();
    expect(until(rig, 'signalling', 5)).toBe(true);
    rig.settle(0.1);
    const ordered = circuit(rig).id;
    rig.kill(3);
    expect(rig.harness.runWhile(() => !circuit(rig).carries, rig.now + 10)).toBe(true);
    expect(circuit(rig).id).toBe(ordered);
    expect(entries(rig)).toEqual(['circuitRequested', 'circuitGranted']);
    expect(rig.cancel(id)).toBeGreaterThan(0);
    expect(until(rig, 'dark', 60)).toBe(true);
    expectBalanced(rig);
    expect(circuit(rig).ledger.requested).toBe(1);
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('that died while nobody looked carries nothing in the next life', () => {
    const rig = rigWith();
    rig.migrate();
    expect(rig.harness.runWhile(() => !circuit(rig).carries, rig.now + 15)).toBe(true);
    rig.kill(0.5);
    rig.silence('circuit', true);
    rig.settle(0.6);
    const carried: number[] = [];
    const undone = (): boolean => {
      if (circuit(rig).carries) carried.push(rig.now);
      return circuit(rig).state !== 'releasing';
    };
    expect(rig.harness.runWhile(undone, rig.now + 15)).toBe(true);
    expect(carried).toEqual([]);
    until(rig, 'dark', 5);
    expectBalanced(rig);
  });

  it('that dies with its ports up is left within a second, since probes go through it', () => {
    const rig = rigWith();
    rig.migrate();
    expect(rig.harness.runWhile(() => !circuit(rig).carries, rig.now + 15)).toBe(true);
    rig.silence('circuit', true);
    const at = rig.now;
    expect(rig.harness.runWhile(() => circuit(rig).carries, at + 2)).toBe(true);
    expect(circuit(rig)).toMatchObject({ carries: false });
    expect(circuit(rig).reason).toContain('no probe comes through');
    expect(rig.now - at).toBeLessThan(1);
    until(rig, 'dark', 10);
    expectBalanced(rig);
  });

  it('that fails in mid-transfer is left, said so, released, and its promise is judged anew', () => {
    const topology = smallTopology({ memoryBytes: 100_000_000 });
    // an order whenever somebody is behind his plan at all
    const rig = rigWith({}, { topology, circuits: circuitsOf(topology, { breakEvenSeconds: 0 }) });
    const { id } = rig.migrate({ deadlineSeconds: 26 });
    rig.simulation.setLinkRate('wan', 15e6);
    expect(rig.harness.runWhile(() => !circuit(rig).carries, rig.now + 15)).toBe(true);
    rig.simulation.setLinkRate('wan', 50e6);
    const planned = rig.view(id)!.service!.plannedBytes;
    rig.harness.circuits.fail('circuit', 'fibre cut');
    expect(until(rig, 'dark', 5)).toBe(true);
    expect(circuit(rig).reason).toContain('fibre cut');
    const events = rig.harness.view!.events.map((e) => `${e.what}: ${e.detail}`);
    expect(events).toContain(`a migration goes on by the packet path: ${id}: circuit: fibre cut`);
    // a plan made anew begins its account anew
    expect(Number(rig.view(id)!.service!.plannedBytes)).toBeLessThan(Number(planned));
    expectBalanced(rig);
    rig.finish(id, 90);
    expect(rig.view(id)!).toMatchObject({ state: 'completed', service: { deadlineLight: 'kept' } });
    until(rig, 'dark', 60);
    expectBalanced(rig);
    expect(rig.leftovers([id])).toEqual([]);
  });
});
