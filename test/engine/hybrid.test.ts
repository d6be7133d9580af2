import { describe, expect, it } from 'vitest';
import {
  circuitExample,
  exampleTheory,
  exampleTopology,
  runExample,
} from '../../bench/lab/circuit-example.js';
import type { CircuitRequest } from '../../src/circuit/protocol.js';
import type { Fate } from '../../src/circuit/provider-model.js';
import { circuitShares } from '../../src/engine/circuit-use.js';
import type { Migration } from '../../src/engine/migration.js';
import type { CircuitPlantOptions } from '../../src/simulator/circuit-plant.js';
import { circuitsOf } from '../../src/simulator/run-virtual.js';
import type { TcpSender } from '../../src/simulator/tcp-sender.js';
import { twoDc } from '../simulator/fixtures.js';
import { Rig, smallTopology } from './rig.js';

const within = (value: number, wanted: number, share: number): void => {
  expect(value / wanted).toBeGreaterThan(1 - share);
  expect(value / wanted).toBeLessThan(1 + share);
};

describe('packet path and circuit as one', () => {
  it('move a large machine in the time that the formula says, 8.4 times as fast as the packet path', () => {
    expect(exampleTheory(undefined)).toBe(800);
    expect(exampleTheory(60)).toBeCloseTo(95.24, 2);
    expect(exampleTheory(1)).toBeCloseTo(39.05, 2);
    // nothing gets dirty, so a twentieth of the bytes takes a twentieth of the time (bench/circuit-example.js runs all of them)
    const part = 1 / 20;
    const alone = runExample(twoDc(), undefined, part);
    within(alone.seconds, exampleTheory(undefined, part), 0.05);
    const both = runExample(twoDc(), 60);
    within(both.seconds, exampleTheory(60), 0.05);
    within(alone.seconds / part / both.seconds, exampleTheory(undefined) / exampleTheory(60), 0.05);
    // the packet path's queue stays short beside it
    expect(both.meanBacklogBytes).toBeLessThan(20_000);
    for (const { downtimeMs } of [alone, both]) expect(downtimeMs).toBeLessThan(300);
  }, 180_000);

  it('share a circuit evenly, keep to a limit of the request, and give nothing to who has no stream for it', () => {
    const topology = exampleTopology(twoDc(), 0);
    const circuit = { link: 'circuit', sites: ['a', 'b'], capacityBytesPerSecond: 1000, sinceMs: 0 } as const;
    const job = (streams: number, most: number | null): Migration => {
      const facts = {
        source: 'hyp-a',
        destination: 'hyp-b',
        streams: Array.from({ length: streams }, (_, i) => ({ port: i + 1 })),
        request: { maxBandwidthBytesPerSecond: most },
      };
      return { facts } as unknown as Migration;
    };
    const jobs = [job(2, null), job(2, 250), job(1, null)];
    const packet = Float64Array.from([10, 100, 10]);
    expect(circuitShares(topology, 0.9, [circuit], jobs, packet)).toEqual([450, 150, 0]);
    expect(circuitShares(topology, 0.9, [], jobs, packet)).toEqual([0, 0, 0]);
    const c = { ...topology.switches[0]!, name: 'gw-c', site: 'c' };
    const links = topology.links.map((l) =>
      l.name === 'circuit' ? { ...l, ends: ['gw-a', 'gw-c'] as const } : l,
    );
    const elsewhere = { ...topology, switches: [...topology.switches, c], links };
    expect(circuitShares(elsewhere, 0.9, [{ ...circuit, sites: ['a', 'c'] }], jobs, packet)).toEqual([
      0, 0, 0,
    ]);
    expect(circuitExample.scale).toBe(100);
  });
});

describe('a stream of a migration that is on its way', () => {
  interface Flight {
    readonly rig: Rig;
    readonly id: string;
    readonly senders: () => TcpSender[];
    /** bytes of memory that the second stream has delivered */
    readonly delivered: () => number;
    /** bytes that left the source's switch for a circuit, and the source's gateway by it */
    readonly inQueue: () => number;
    readonly onCircuit: () => number;
  }
  function takeOff(memoryBytes: number, circuits: CircuitPlantOptions = {}): Flight {
    const topology = smallTopology({ memoryBytes });
    const rig = new Rig({
      seed: 1,
      topology,
      circuits: circuitsOf(topology, { breakEvenSeconds: 0.01 }),
      harness: { circuits },
    });
    rig.settle(1.5);
    const { id } = rig.migrate();
    const { simulation } = rig;
    return {
      rig,
      id,
      senders: () => simulation.connections.map((c) => c.sender),
      delivered: () => simulation.connections[1]!.receiver.receivedBytes,
      inQueue: () => simulation.portNamed('hv-a.up-a')!.egress.queue(3)!.arrivedBytes,
      onCircuit: () => simulation.portNamed('gw-a.circuit')!.egress.txBytes,
    };
  }
  const carries = (rig: Rig): boolean => rig.harness.view!.circuits[0]!.carries;
  const wan = (rig: Rig): number => rig.simulation.waitingRoom('wan', 'gw-a').sentBytes;

  it('is put on the circuit when it carries, and comes back without a reset when it breaks', () => {
    const { rig, id, senders, delivered, onCircuit } = takeOff(300_000_000);
    expect(rig.harness.runWhile(() => !carries(rig), rig.now + 10)).toBe(true);
    expect(senders()).toHaveLength(2);
    // the view is some hundredths of a second old
    expect(delivered()).toBeLessThan(200_000);
    rig.harness.runUntil(rig.now + 2);
    const flying = delivered();
    // most of 100 Mbit/s, and beside it the packet path goes on
    expect(flying).toBeGreaterThan(15_000_000);
    expect(onCircuit()).toBeGreaterThan(flying);
    expect(rig.view(id)!.grantedBitsPerSecond).toBeGreaterThan(130e6);
    const packet = wan(rig);
    rig.harness.runUntil(rig.now + 1);
    expect((wan(rig) - packet) * 8).toBeGreaterThan(40e6);

    rig.harness.circuits.fail('circuit', 'fibre cut');
    const before = delivered();
    const cut = onCircuit();
    rig.harness.runUntil(rig.now + 2);
    // what was under way when it broke is delivered on the packet path, by the same connection
    expect(delivered()).toBeGreaterThan(before);
    expect(onCircuit() - cut).toBeLessThan(1_000_000);
    expect(rig.view(id)!.grantedBitsPerSecond).toBeLessThan(50e6);
    expect(rig.view(id)!.state).toBe('running');
    rig.finish(id, 90);
    expect(rig.view(id)!.state).toBe('completed');
    expect(senders()).toHaveLength(2);
    rig.harness.runWhile(() => rig.harness.view!.circuits[0]!.state !== 'dark', rig.now + 60);
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('never leaves the packet path when the circuit is refused', () => {
    const fateOf = (request: CircuitRequest): Fate =>
      request.kind === 'request' ? { kind: 'refused', detail: 'no capacity left' } : { kind: 'answered' };
    const { rig, id, delivered, inQueue } = takeOff(20_000_000, { fateOf });
    rig.finish(id, 60);
    expect(rig.view(id)!.state).toBe('completed');
    expect(delivered()).toBe(0);
    expect(inQueue()).toBe(0);
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('leaves the circuit for the safe queue when the controller is dead, and goes back when it lives again', () => {
    const { rig, id, delivered, inQueue } = takeOff(400_000_000);
    expect(rig.harness.runWhile(() => !carries(rig), rig.now + 10)).toBe(true);
    rig.harness.runUntil(rig.now + 1);
    rig.harness.kill();
    rig.simulation.runUntil(rig.now + 4);
    const [queued, had] = [inQueue(), delivered()];
    rig.simulation.runUntil(rig.now + 3);
    expect(inQueue()).toBe(queued);
    // at 2 Mbit/s for all of the migration
    expect(delivered() - had).toBeLessThan(800_000);
    rig.harness.start();
    expect(rig.harness.runWhile(() => rig.harness.view?.circuits[0]?.carries !== true, rig.now + 15)).toBe(
      true,
    );
    rig.harness.runUntil(rig.now + 3);
    expect(delivered() - had).toBeGreaterThan(5_000_000);
    expect(rig.simulation.connections).toHaveLength(2);
    rig.finish(id, 90);
    expect(rig.view(id)!.state).toBe('completed');
  });
});
